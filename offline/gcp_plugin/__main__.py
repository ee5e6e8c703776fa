"""`python -m offline.gcp_plugin`: the stand-in plugin, or its installation.

python -m offline.gcp_plugin ENGINE          serve the engine at that address; the engine starts it like this
python -m offline.gcp_plugin install         make the engine find it in $PULUMI_HOME
python -m offline.gcp_plugin uninstall       remove it from there
python -m offline.gcp_plugin choose FOLDER   install it, or Google's provider where that is found, into a PULUMI_HOME
                                             below FOLDER, and print that; GCP_PLUGIN=auto, real or stand-in
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

_ORPHAN_CHECK = 5.0
"""Seconds between checks that the engine still runs."""


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    if arguments in (["install"], ["uninstall"]):
        from offline.gcp_plugin import install

        return install.main(arguments[0])
    if len(arguments) == 2 and arguments[0] == "choose":
        from offline.gcp_plugin import choice

        return choice.main(Path(arguments[1]))
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    serve()
    return 0


def serve() -> None:
    """Serve until the engine ends the process or is gone. Prints the port first, as the engine expects."""
    _skip_pulumi_package()
    import grpc  # type: ignore[import-untyped]
    from pulumi.runtime.proto import provider_pb2_grpc

    from offline.gcp_plugin.servicer import GcpServicer

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _end())
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(max_workers=32), options=unlimited)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(GcpServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    engine = os.getppid()
    while os.getppid() == engine:
        time.sleep(_ORPHAN_CHECK)
    _end()


def _end() -> NoReturn:
    """At once: the interpreter's own shutdown takes 0.1 s, and requests in flight are the engine's to give up."""
    os._exit(0)


def _skip_pulumi_package() -> None:
    """Let `pulumi.runtime.proto` be imported without `pulumi`, whose import would double the time to start."""
    specification = importlib.util.find_spec("pulumi")
    if specification is None or specification.origin is None:
        raise SystemExit("the package pulumi is not installed: run `make setup`")
    folder = Path(specification.origin).parent
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        package = types.ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
