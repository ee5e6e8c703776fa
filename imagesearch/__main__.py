"""The command line: ask a stack what it holds, search it, look at it.

    python -m imagesearch status [--json]        counts, index, what the searches found
    python -m imagesearch search TEXT [--top-k]  search for anything, now; writes nothing
    python -m imagesearch gallery [--output F]   one HTML page with the pictures that were found
    python -m imagesearch serve [--port N]       a page to search with, in the browser
    python -m imagesearch failures [--json]      images that are not embedded, and why
    python -m imagesearch converge               go on embedding, as `pulumi up` would

Exit codes: 0 done · 1 it failed, and the message says what to do · 2 the arguments are wrong · 3 converge has not
finished (embedding.wait is false).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from imagesearch import convergence, embeddings, gallery, report, search, stack
from imagesearch.errors import ImageSearchError


def main(arguments: list[str] | None = None) -> int:
    """Run one command. The exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except ImageSearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _status(options: argparse.Namespace) -> None:
    outputs = stack.read(options.stack).outputs
    if options.json:
        print(json.dumps(report.status(outputs), indent=2))
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
    page = gallery.write(stack.read(options.stack), Path(options.output))
    print(page.resolve())


def _serve(options: argparse.Namespace) -> None:
    from imagesearch.web import server  # takes a while to import, and no other command needs it

    chosen = stack.read(options.stack)
    server.serve(chosen, options.host, options.port, options.expose, lambda line: print(line, flush=True))


def _failures(options: argparse.Namespace) -> None:
    chosen = stack.read(options.stack)
    rows = embeddings.failures(chosen.warehouse, chosen.name("failures_table"), options.limit)
    if options.json:
        print(json.dumps([{**row, "last_attempt": row["last_attempt"].isoformat()} for row in rows], indent=2))
    else:
        _console().print(report.failures_table(rows))


def _converge(options: argparse.Namespace) -> int:
    chosen = stack.read(options.stack)
    outcome = convergence.converge(chosen.warehouse, chosen.work, lambda line: print(line, flush=True))
    print(
        f"{outcome.counts.embedded:,} of {outcome.counts.target:,} embedded, {outcome.counts.set_aside:,} set aside, "
        f"{outcome.counts.pending:,} pending. `pulumi up` brings the index and the searches up to date."
    )
    return 0 if outcome.complete else 3


def _console() -> Console:
    """As wide as the terminal; where there is none, wide enough for names."""
    return Console() if sys.stdout.isatty() else Console(width=140)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m imagesearch", description="Ask a stack what it holds; search it.")
    parser.add_argument("--stack", help="the Pulumi stack (default: PULUMI_STACK, or the selected one)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    status = commands.add_parser("status", help="counts, index, what the stack's searches found")
    status.add_argument("--json", action="store_true", help="for machines")
    status.set_defaults(run=_status)

    find = commands.add_parser("search", help="search for any text; writes nothing")
    find.add_argument("text", type=_text, help="what to look for")
    find.add_argument("--top-k", type=_top_k, default=5, metavar="N", help="how many images (1 to 1000; default 5)")
    find.add_argument("--json", action="store_true", help="for machines")
    find.set_defaults(run=_search)

    failed = commands.add_parser("failures", help="images that are not embedded, and why")
    failed.add_argument("--limit", type=_top_k, default=100, metavar="N", help="how many (1 to 1000; default 100)")
    failed.add_argument("--json", action="store_true", help="for machines")
    failed.set_defaults(run=_failures)

    go_on = commands.add_parser("converge", help="go on embedding, as `pulumi up` would")
    go_on.set_defaults(run=_converge)

    page = commands.add_parser("gallery", help="write one HTML page with the pictures that were found")
    page.add_argument("--output", default="gallery.html", metavar="FILE", help="where to (default gallery.html)")
    page.set_defaults(run=_gallery)

    web = commands.add_parser("serve", help="a page to search with, in the browser; for you alone unless exposed")
    web.add_argument("--port", type=_port, default=8450, metavar="N", help="default 8450; 0: any that is free")
    web.add_argument("--host", metavar="ADDRESS", help="listen on another address than this machine's own")
    web.add_argument(
        "--expose", action="store_true", help="let others in: it asks nobody who they are, and they spend your money"
    )
    web.set_defaults(run=_serve)
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


if __name__ == "__main__":
    sys.exit(main())
