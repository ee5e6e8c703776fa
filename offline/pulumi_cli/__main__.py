"""`python3 -m offline.pulumi_cli ensure | path | status`."""

from __future__ import annotations

import argparse
import json
import signal
import sys

from offline.pulumi_cli import cache, ways
from offline.pulumi_cli.progress import say
from offline.pulumi_cli.versions import PULUMI


def main() -> int:
    """The exit code: 0 when a usable CLI is there, 1 when there is none, 130 when interrupted."""
    parser = argparse.ArgumentParser(
        prog="python3 -m offline.pulumi_cli", description="The Pulumi CLI of this project."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("ensure", help="install a usable Pulumi CLI unless there is one; says what it does on stderr")
    verbs.add_parser("path", help="print the folder to put in front of PATH; an empty line when PATH is fine as it is")
    status = verbs.add_parser("status", help="say which CLI is used")
    status.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs below us is ended too
    try:
        if arguments.verb == "ensure":
            return _ensure()
        return _path() if arguments.verb == "path" else _status(as_json=arguments.json)
    except KeyboardInterrupt:
        say("interrupted; the next run goes on where this one was")
        return 130


def _ensure() -> int:
    try:
        cli = ways.ensure()
    except ways.NotReady as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    say(f"Pulumi {cli.version} is ready: {cli.executable}")
    return 0


def _path() -> int:
    cli = ways.find()
    if cli is None:
        print("error: no usable Pulumi CLI yet; `python3 -m offline.pulumi_cli ensure` gets one", file=sys.stderr)
        return 1
    print(cli.folder or "")
    return 0


def _status(*, as_json: bool) -> int:
    cli = ways.find()
    facts = {
        "ready": cli is not None,
        "how": cli.how if cli else None,
        "version": cli.version if cli else None,
        "executable": str(cli.executable) if cli else None,
        "path": str(cli.folder) if cli and cli.folder else None,
        "minimum": PULUMI,
        "cache": str(cache.folder()),
    }
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        for name, value in facts.items():
            print(f"{name:<11}{'-' if value is None else value}")
    return 0 if cli else 1


if __name__ == "__main__":
    sys.exit(main())
