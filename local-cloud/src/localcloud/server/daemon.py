"""Starting and ending a server as a process of its own. Loads nothing but the standard library until it is the
server."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

from localcloud.core.home import Home, command_of

_START_DEADLINE = 60.0
_STOP_DEADLINE = 15.0


class Failed(Exception):
    """What went wrong, and what to do."""


def start(home: Home, port: int, project: str, embedder: str) -> dict[str, Any]:
    """Start a server that outlives this process; returns server.json once it answers. Raises Failed."""
    home.create()
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "localcloud", "serve", "--home", str(home.path), "--port", str(port)]
    command += ["--project", project, "--embedder", embedder, "--ready-fd", str(writer)]
    with home.log.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[writer], start_new_session=True
        )
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = _line(pipe.fileno(), _START_DEADLINE)
    if not said:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise Failed(f"the local cloud did not start; the end of {home.log} says why:\n{_tail(home)}")
    about: dict[str, Any] = json.loads(said)
    if "error" in about:
        process.wait()
        raise Failed(about["error"])
    return about


def run(home: Home, port: int, project: str, embedder: str, ready: int | None) -> None:
    """Be the server until a signal ends it. `ready` is the descriptor on which `start` listens. Raises Failed."""
    from localcloud.server.process import CannotStart, Options, serve

    def say(about: dict[str, Any]) -> None:
        if ready is None:
            print(f"local cloud ready at {about['url']} (pid {about['pid']}, home {about['home']}); Ctrl-C ends it")
            sys.stdout.flush()
        else:
            os.write(ready, json.dumps(about).encode() + b"\n")
            os.close(ready)

    try:
        serve(Options(home, port, project, embedder), say)
    except CannotStart as error:
        if ready is not None:
            os.write(ready, json.dumps({"error": str(error)}).encode() + b"\n")
        raise Failed(str(error)) from None


def stop(home: Home) -> int | None:
    """End the server of this home and wait until it has; returns its pid, None when there was none. Raises Failed."""
    about = home.running()
    if about is None:
        return None
    pid = int(about["pid"])
    if "localcloud" not in command_of(pid):
        raise Failed(f"process {pid} of {home.server} is no local cloud; nothing was ended")
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_DEADLINE
    while home.held():
        if time.monotonic() > deadline:
            raise Failed(f"the local cloud (pid {pid}) has not ended after {_STOP_DEADLINE:.0f} s; kill -9 {pid} would")
        time.sleep(0.02)
    return pid


def _line(descriptor: int, patience: float) -> bytes:
    """What is written up to a newline; empty when the writer goes away or takes longer than `patience` seconds."""
    deadline, said = time.monotonic() + patience, b""
    while not said.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
            return b""
        part = os.read(descriptor, 65536)
        if not part:
            return b""
        said += part
    return said


def _tail(home: Home) -> str:
    return "\n".join(home.log.read_text(errors="replace").splitlines()[-15:])
