"""Starts and ends a server as a process of its own. Loads only the standard library before it serves."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time

from localcloud.core.home import Home, ServerInfo, command_of

_START_DEADLINE = 60.0
_STOP_DEADLINE = 15.0


class Failed(Exception):
    """What went wrong, and what to do."""


def start(home: Home, port: int, project: str, embedder: str) -> ServerInfo:
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
        line = _read_line(pipe.fileno(), _START_DEADLINE)
    if not line:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise Failed(f"the local cloud did not start; the end of {home.log} says why:\n{_tail(home)}")
    answer = json.loads(line)
    if "error" in answer:
        process.wait()
        raise Failed(answer["error"])
    about: ServerInfo = answer
    return about


def run(home: Home, port: int, project: str, embedder: str, ready: int | None) -> None:
    """Serve in this process until a signal ends it. `ready` is the descriptor that `start` reads. Raises Failed."""
    from localcloud.server.process import CannotStart, Options, serve

    def report_ready(about: ServerInfo) -> None:
        if ready is None:
            print(f"local cloud ready at {about['url']} (pid {about['pid']}, home {about['home']}); Ctrl-C ends it")
            sys.stdout.flush()
        else:
            os.write(ready, json.dumps(about).encode() + b"\n")
            os.close(ready)

    try:
        serve(Options(home, port, project, embedder), report_ready)
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


def _read_line(descriptor: int, timeout: float) -> bytes:
    """One line with its newline; empty when the writer closes it or takes longer than `timeout` seconds."""
    deadline, line = time.monotonic() + timeout, b""
    while not line.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
            return b""
        part = os.read(descriptor, 65536)
        if not part:
            return b""
        line += part
    return line


def _tail(home: Home) -> str:
    return "\n".join(home.log.read_text(errors="replace").splitlines()[-15:])
