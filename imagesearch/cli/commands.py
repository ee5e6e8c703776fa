"""The command line: ask a stack what it holds, search it, look at it.

    python -m imagesearch status [--json]          counts, index, cost; what the searches found
    python -m imagesearch search TEXT [--top-k N]  search for anything, now; writes nothing
    python -m imagesearch gallery [--output FILE]  one HTML page with the pictures that were found
    python -m imagesearch serve [--port N]         a page to search with, in the browser
    python -m imagesearch failures [--json]        images that are not embedded, and why
    python -m imagesearch retry [URI …] [--now]    try again what was set aside
    python -m imagesearch converge                 go on embedding, as `pulumi up` would
    python -m imagesearch completion SHELL         completion for bash or zsh
    python -m imagesearch preflight [--json]       is everything there that `pulumi up` needs? works without a stack
    python -m imagesearch plan [--json]            what `pulumi up` would embed, delete and pay; works without a stack

What it works on is the selected Pulumi stack, whose outputs say where everything is; --stack or PULUMI_STACK name
another. For the local stack put ./local before the command.

Answers go to standard output, progress and errors to standard error. Exit codes: 0 done · 1 it failed, and the message
says what to do · 2 the arguments are wrong · 3 converge has not finished (embedding.wait is false) · 130 interrupted.
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
from imagesearch.cli.help_texts import lesson, overview
from imagesearch.errors import ImageSearchError
from imagesearch.pipeline import convergence, plan, retry, search
from imagesearch.stacks import report, stack, status
from imagesearch.web import gallery

SHELLS = ("bash", "zsh")


def main(arguments: list[str] | None = None) -> int:
    """Run one command. The exit code."""
    options = _parser().parse_args(arguments)
    try:
        code = int(options.run(options) or 0)
        sys.stdout.flush()
        return code
    except ImageSearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what was embedded is kept, and the next run goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our answer has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _status(options: argparse.Namespace) -> None:
    seen = status.look(stack.read(options.stack))
    if options.json:
        print(json.dumps(seen, indent=2))
    else:
        report.show(_console(), seen)


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
    with terminal.busy(_watcher(), "reading the pictures"):
        page = gallery.write(stack.read(options.stack), Path(options.output))
    print(page.resolve())


def _serve(options: argparse.Namespace) -> None:
    from imagesearch.web import server  # takes a while to import, and no other command needs it

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
        return _go_on(chosen)
    store = chosen.embeddings
    counts = store.count()
    print(f"The next `pulumi up`, or `python -m imagesearch converge` now: {plan.summary(store.spec, counts)}.")
    return 0


def _converge(options: argparse.Namespace) -> int:
    return _go_on(stack.read(options.stack))


def _go_on(chosen: stack.Stack) -> int:
    """Converge, and say what came of it."""
    with terminal.embedding(_watcher()) as (say, show):
        outcome = convergence.converge(chosen.warehouse, chosen.embeddings.spec, say, show)
    print(
        f"{outcome.counts.embedded:,} of {outcome.counts.target:,} embedded, {outcome.counts.set_aside:,} set aside, "
        f"{outcome.counts.pending:,} pending. `pulumi up` brings the index and the searches up to date."
    )
    return 0 if outcome.complete else 3


def _completion(options: argparse.Namespace) -> None:
    parser = _parser()
    parser.prog = "imagesearch"  # what is completed is a command of one word, so the script brings one
    print(f'imagesearch() {{ {shlex.quote(sys.executable)} -m imagesearch "$@"; }}')
    print(shtab.complete(parser, options.shell))


def _console() -> Console:
    """For answers. As wide as the terminal; where there is none, wide enough for names."""
    return Console() if sys.stdout.isatty() else Console(width=140)


def _watcher() -> Console:
    """For whoever waits: progress, beside the answer."""
    return Console(stderr=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m imagesearch",
        description="Ask a stack what it holds; search it; look at it.",
        epilog=overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", help="the Pulumi stack (default: PULUMI_STACK, or the selected one)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("status", help="counts, index, cost; what the searches found", **lesson("status"))
    show.add_argument("--json", action="store_true", help="for machines")
    show.set_defaults(run=_status)

    find = commands.add_parser("search", help="search for any text; writes nothing", **lesson("search"))
    find.add_argument("text", type=_text, help="what to look for")
    find.add_argument("--top-k", type=_top_k, default=5, metavar="N", help="how many images (1 to 1000; default 5)")
    find.add_argument("--json", action="store_true", help="for machines")
    find.set_defaults(run=_search)

    failed = commands.add_parser("failures", help="images that are not embedded, and why", **lesson("failures"))
    failed.add_argument("--limit", type=_top_k, default=100, metavar="N", help="how many (1 to 1000; default 100)")
    failed.add_argument("--json", action="store_true", help="for machines")
    failed.set_defaults(run=_failures)

    again = commands.add_parser("retry", help="try again what was set aside", **lesson("retry"))
    again.add_argument("uris", nargs="*", metavar="URI", help="only these images (default: all that are set aside)")
    again.add_argument("--status", default="", metavar="TEXT", help="only those whose status begins so")
    again.add_argument("--now", action="store_true", help="embed them now, as `converge` would")
    again.set_defaults(run=_retry)

    go_on = commands.add_parser("converge", help="go on embedding, as `pulumi up` would", **lesson("converge"))
    go_on.set_defaults(run=_converge)

    preflight.add_commands(commands)

    page = commands.add_parser("gallery", help="write one HTML page with the pictures found", **lesson("gallery"))
    page.add_argument("--output", default="gallery.html", metavar="FILE", help="where to (default gallery.html)")
    page.set_defaults(run=_gallery)

    web = commands.add_parser("serve", help="a page to search with, in the browser", **lesson("serve"))
    web.add_argument("--port", type=_port, default=8450, metavar="N", help="default 8450; 0: any that is free")
    web.add_argument("--host", metavar="ADDRESS", help="listen on another address than this machine's own")
    web.add_argument(
        "--expose", action="store_true", help="let others in: it asks nobody who they are, and they spend your money"
    )
    web.set_defaults(run=_serve)

    shell = commands.add_parser("completion", help="print completion for a shell", **lesson("completion"))
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
