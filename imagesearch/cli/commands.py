"""The command line of a stack.

    python -m imagesearch status [--json]          counts, index, cost; the results of the searches
    python -m imagesearch search TEXT [--top-k N]  search for any text; writes nothing
    python -m imagesearch gallery [--output FILE]  one HTML page with the pictures that were found
    python -m imagesearch serve [--port N]         a search page in the browser
    python -m imagesearch failures [--json]        images that are not embedded, and why
    python -m imagesearch retry [URI …] [--now]    try again images that are set aside
    python -m imagesearch converge                 continue embedding, as `pulumi up` would
    python -m imagesearch completion SHELL         completion for bash or zsh
    python -m imagesearch preflight [--json]       check what `pulumi up` needs; works without a stack
    python -m imagesearch plan [--json]            what `pulumi up` would embed, delete and pay; works without a stack

It reads the outputs of the selected Pulumi stack; --stack or PULUMI_STACK name another. For the local stack put ./local
before the command.

Results are written to standard output, progress and errors to standard error. Exit codes: 0 done · 1 failed, and the
message says what to do · 2 wrong arguments · 3 converge has not finished (embedding.wait is false) · 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

import shtab
from rich.console import Console

from imagesearch.cli import preflight, terminal
from imagesearch.cli.help_texts import help_of, overview
from imagesearch.errors import ImageSearchError
from imagesearch.pipeline import convergence, plan, retry, search
from imagesearch.stacks import report, stack, status
from imagesearch.web import gallery

SHELLS = ("bash", "zsh")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options) or 0)
        sys.stdout.flush()
        return code
    except ImageSearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was embedded is kept, and the next run continues from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output closed it, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _status(options: argparse.Namespace) -> None:
    outputs = status.current(stack.read(options.stack))
    if options.json:
        print(json.dumps(outputs, indent=2))
    else:
        report.show(_console(), outputs)


def _search(options: argparse.Namespace) -> None:
    chosen = stack.read(options.stack)
    hits = search.search(chosen.warehouse, chosen.searches, options.text, options.top_k)
    if options.json:
        print(
            json.dumps([{"uri": hit.uri, "distance": hit.distance, "caption": hit.caption} for hit in hits], indent=2)
        )
    else:
        _console().print(report.hits_table(options.text, hits))


def _gallery(options: argparse.Namespace) -> None:
    with terminal.busy(_progress_console(), "reading the pictures"):
        page = gallery.write(stack.read(options.stack), Path(options.output))
    print(page.resolve())


def _serve(options: argparse.Namespace) -> None:
    from imagesearch.web import server  # slow to import, and no other command needs it

    chosen = stack.read(options.stack)
    server.serve(chosen, options.host, options.port, options.expose, lambda line: print(line, flush=True))


def _failures(options: argparse.Namespace) -> None:
    chosen = stack.read(options.stack)
    rows = chosen.embeddings.failed(options.limit)
    if options.json:
        print(json.dumps([{**row, "last_attempt": row["last_attempt"].isoformat()} for row in rows], indent=2))
    else:
        _console().print(report.failures_table(rows))


def _retry(options: argparse.Namespace) -> int:
    chosen = stack.read(options.stack)
    choice = retry.Choice(tuple(options.uris), options.status)
    forgotten = retry.forget(chosen.warehouse, chosen.name("failures_table"), choice)
    _console().print(report.forgotten_table(forgotten))
    if options.now:
        return _run_convergence(chosen)
    store = chosen.embeddings
    counts = store.count()
    print(f"The next `pulumi up`, or `python -m imagesearch converge` now: {plan.summary(store.spec, counts)}.")
    return 0


def _converge(options: argparse.Namespace) -> int:
    return _run_convergence(stack.read(options.stack))


def _run_convergence(chosen: stack.Stack) -> int:
    """Converge and print the result. 0 if it is complete, else 3."""
    with terminal.embedding(_progress_console()) as (say, show):
        outcome = convergence.converge(chosen.warehouse, chosen.embeddings.spec, say, show)
    print(
        f"{outcome.counts.embedded:,} of {outcome.counts.target:,} embedded, {outcome.counts.set_aside:,} set aside, "
        f"{outcome.counts.pending:,} pending. `pulumi up` brings the index and the searches up to date."
    )
    return 0 if outcome.complete else 3


def _completion(options: argparse.Namespace) -> None:
    parser = _parser()
    parser.prog = "imagesearch"  # shells complete commands of one word, so the script defines one
    print(f'imagesearch() {{ {shlex.quote(sys.executable)} -m imagesearch "$@"; }}')
    print(shtab.complete(parser, options.shell))


def _console() -> Console:
    """For results: as wide as the terminal; without one, wide enough for names."""
    return Console() if sys.stdout.isatty() else Console(width=140)


def _progress_console() -> Console:
    """For progress: on standard error, apart from the result."""
    return Console(stderr=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m imagesearch",
        description="Show, search and complete the embeddings of a stack.",
        epilog=overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", help="the Pulumi stack (default: PULUMI_STACK, or the selected one)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("status", help="counts, index, cost; the results of the searches", **help_of("status"))
    show.add_argument("--json", action="store_true", help="for machines")
    show.set_defaults(run=_status)

    find = commands.add_parser("search", help="search for any text; writes nothing", **help_of("search"))
    find.add_argument("text", type=_text, help="what to look for")
    find.add_argument("--top-k", type=_top_k, default=5, metavar="N", help="how many images (1 to 1000; default 5)")
    find.add_argument("--json", action="store_true", help="for machines")
    find.set_defaults(run=_search)

    failed = commands.add_parser("failures", help="images that are not embedded, and why", **help_of("failures"))
    failed.add_argument("--limit", type=_top_k, default=100, metavar="N", help="how many (1 to 1000; default 100)")
    failed.add_argument("--json", action="store_true", help="for machines")
    failed.set_defaults(run=_failures)

    retried = commands.add_parser("retry", help="try again images that are set aside", **help_of("retry"))
    retried.add_argument("uris", nargs="*", metavar="URI", help="only these images (default: all that are set aside)")
    retried.add_argument("--status", default="", metavar="TEXT", help="only images whose status begins with TEXT")
    retried.add_argument("--now", action="store_true", help="embed them now, as `converge` would")
    retried.set_defaults(run=_retry)

    converge = commands.add_parser("converge", help="continue embedding, as `pulumi up` would", **help_of("converge"))
    converge.set_defaults(run=_converge)

    preflight.add_commands(commands)

    page = commands.add_parser("gallery", help="write one HTML page with the pictures found", **help_of("gallery"))
    page.add_argument(
        "--output", default="gallery.html", metavar="FILE", help="the file to write (default gallery.html)"
    )
    page.set_defaults(run=_gallery)

    web = commands.add_parser("serve", help="a search page in the browser", **help_of("serve"))
    web.add_argument("--port", type=_port, default=8450, metavar="N", help="default 8450; 0: any free port")
    web.add_argument(
        "--host", metavar="ADDRESS", help="listen on this address (default: only this machine can connect)"
    )
    web.add_argument(
        "--expose", action="store_true", help="allow other machines to connect: nobody is authenticated, and you pay"
    )
    web.set_defaults(run=_serve)

    shell = commands.add_parser("completion", help="print completion for a shell", **help_of("completion"))
    shell.add_argument("shell", choices=SHELLS, help="which shell")
    shell.set_defaults(run=_completion)
    return parser


def _text(value: str) -> str:
    if not value.strip():
        raise argparse.ArgumentTypeError("the text to search for must not be empty")
    return value.strip()


def _port(value: str) -> int:
    if not value.isdigit() or int(value) > 65535:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 65535, not {value!r}")
    return int(value)


def _top_k(value: str) -> int:
    if not value.isdigit() or not 1 <= int(value) <= 1000:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 1000, not {value!r}")
    return int(value)
