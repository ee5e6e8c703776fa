"""The command line of the local cloud.

    python -m localcloud serve [--detach] [--port P] [--embedder hash]      start it; prints that it already runs if so
    python -m localcloud status [--json]                                    exit 1 when it does not run
    python -m localcloud stop
    python -m localcloud ledger                                             what embedding has cost so far
    python -m localcloud env                                                environment of Google's clients, for eval
    python -m localcloud fault [--clear | '{"rows": {"rate": 0.3}}']        show, set or clear faults (docs/faults.md)

Every command takes --home (default: LOCALCLOUD_HOME or .local). Only the standard library is loaded here: the server
alone needs the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from localcloud.core.home import DEFAULT_PORT, DEFAULT_PROJECT, START, Home, ServerInfo, call
from localcloud.server import daemon


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    options.home = Home(Path(options.home).absolute())
    try:
        code: int = options.run(options)
    except (daemon.Failed, OSError) as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], purpose: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=purpose)
        added.add_argument("--home", default=os.environ.get("LOCALCLOUD_HOME") or ".local")
        added.set_defaults(run=run)
        return added

    serve = command("serve", _serve, "start the local cloud")
    serve.add_argument("--port", type=_port, default=os.environ.get("LOCALCLOUD_PORT") or DEFAULT_PORT)
    serve.add_argument("--project", help=f"id of the one project ({DEFAULT_PROJECT})")
    serve.add_argument("--embedder", choices=("real", "hash"), help="hash: vectors without meaning (real)")
    serve.add_argument("--detach", action="store_true", help="return as soon as it answers")
    serve.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    command("status", _status, "say whether it runs").add_argument("--json", action="store_true")
    command("stop", _stop, "end it")
    command("ledger", _ledger, "what was requested of the embedding endpoint and paid")
    command("env", _env, "print the environment of Google's clients")
    fault = command("fault", _fault, "show, set or clear faults")
    which = fault.add_mutually_exclusive_group()
    which.add_argument("--clear", action="store_true")
    which.add_argument("fault", nargs="?", help="a fault as JSON")
    return parser


def _port(text: str) -> int:
    if not 0 <= (port := int(text)) <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not between 0 and 65535")
    return port


def _serve(options: argparse.Namespace) -> int:
    running = options.home.running()
    project, embedder = options.project or DEFAULT_PROJECT, options.embedder or "real"
    if running:
        for name, value in (("project", running["project"]), ("embedder", running["embedder"])):
            if getattr(options, name) not in (None, value):
                raise daemon.Failed(
                    f"the local cloud (pid {running['pid']}) runs with --{name} {value}; "
                    "`python -m localcloud stop` ends it"
                )
        print(f"local cloud already running at {running['url']} (pid {running['pid']}, home {running['home']})")
        return 0
    os.umask(0o077)  # the state holds keys, and the home may be a folder that others can enter
    if options.detach:
        started = daemon.start(options.home, options.port, project, embedder)
        print(f"local cloud ready at {started['url']} (pid {started['pid']}, home {started['home']})")
        return 0
    daemon.run(options.home, options.port, project, embedder, options.ready_fd)
    return 0


def _status(options: argparse.Namespace) -> int:
    running = options.home.running()
    if running is None:
        if options.json:
            print(json.dumps({"ready": False, "home": str(options.home.path)}))
        print(_not_running(options.home), file=sys.stderr)
        return 1
    about: dict[str, object] = {**running, "ready": False}
    try:
        about |= call(running["url"], "/healthz", timeout=2) | {"ready": True}
    except OSError as error:
        about["error"] = str(error)
    if options.json:
        print(json.dumps(about))
    else:
        for name in ("url", "pid", "project", "home", "ready", "embedder", "uptime", "error"):
            if name in about:
                print(f"{name:9} {about[name]}")
    return 0 if about["ready"] else 1


def _stop(options: argparse.Namespace) -> int:
    pid = daemon.stop(options.home)
    print(f"local cloud stopped (pid {pid})" if pid else f"local cloud not running on {options.home.path}")
    return 0


def _ledger(options: argparse.Namespace) -> int:
    print(json.dumps(call(_url(options.home), "/control/ledger"), indent=1))
    return 0


def _env(options: argparse.Namespace) -> int:
    running = options.home.running()
    for name, value in _environment(options.home, running).items():
        print(f"export {name}={_quoted(value)}")
    return 0


def _fault(options: argparse.Namespace) -> int:
    url = _url(options.home)
    if options.clear:
        answer = call(url, "/control/faults", method="DELETE")
    elif options.fault:
        answer = call(url, "/control/faults", _fault_of(options.fault))
    else:
        answer = call(url, "/control/state")["faults"]
    print(json.dumps(answer, indent=1))
    return 0


def _fault_of(text: str) -> dict[str, object]:
    try:
        fault: dict[str, object] = json.loads(text)
    except ValueError as error:
        raise daemon.Failed(f"{text!r} is no JSON: {error}; docs/faults.md has examples") from None
    return fault


def _environment(home: Home, running: ServerInfo | None) -> dict[str, str]:
    """What to export; of the default port and project when no server runs."""
    port = os.environ.get("LOCALCLOUD_PORT") or DEFAULT_PORT
    url = running["url"] if running else f"http://127.0.0.1:{port}"
    return {
        "LOCALCLOUD_HOME": str(home.path),
        "LOCALCLOUD_URL": url,
        "GOOGLE_APPLICATION_CREDENTIALS": str(home.credentials),
        "GOOGLE_CLOUD_PROJECT": running["project"] if running else DEFAULT_PROJECT,
        "BIGQUERY_EMULATOR_HOST": url,
        "STORAGE_EMULATOR_HOST": url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _url(home: Home) -> str:
    running = home.running()
    if running is None:
        raise daemon.Failed(_not_running(home))
    return running["url"]


def _not_running(home: Home) -> str:
    return f"local cloud not running on {home.path}; start it: `{START}`"


if __name__ == "__main__":
    sys.exit(main())
