"""The folder in which one local cloud keeps everything, and the server that uses it.

    HOME/state.duckdb       documents and tables            HOME/buckets/B/…       objects of bucket B
    HOME/server.json        {url, port, pid, project, home, embedder, started}, while a server runs
    HOME/server.log         what the server printed         HOME/credentials.json  application default credentials
    HOME/server.lock        locked by the server until its process ends, however it ends

Imports only the standard library, so that `status` answers at once.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

DEFAULT_PORT = 8440
DEFAULT_PROJECT = "local-project"
START = "python -m localcloud serve --detach"
"""The command that messages name to start a server."""

#: Seconds for which another process may hold the lock only to find out whether a server holds it.
_PROBE_SECONDS = 0.2


class ServerInfo(TypedDict):
    """What server.json says of the server that runs."""

    url: str
    port: int
    pid: int
    project: str
    home: str
    embedder: str
    """`real` or `hash`."""
    started: float
    """Seconds since the epoch."""


class HomeInUse(Exception):
    """Another server holds this home."""


@dataclass(frozen=True)
class Home:
    """One home; nothing is created by naming it."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "state.duckdb"

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def credentials(self) -> Path:
        return self.path / "credentials.json"

    @property
    def server(self) -> Path:
        return self.path / "server.json"

    def create(self) -> None:
        """Make the folder, readable by its owner alone: it holds a key."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.path / "buckets").mkdir(exist_ok=True)

    def lock(self) -> int:
        """Take the lock until the process ends; returns its descriptor. Raises HomeInUse."""
        deadline = time.monotonic() + _PROBE_SECONDS
        while (descriptor := self._try_lock()) is None:
            if time.monotonic() > deadline:
                raise HomeInUse(self._holder())
            time.sleep(0.01)
        self.server.unlink(missing_ok=True)  # of a server that was killed
        return descriptor

    def held(self) -> bool:
        """Whether a server runs on this home."""
        if not self._lock.exists():
            return False
        descriptor = self._try_lock()
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def running(self) -> ServerInfo | None:
        """What server.json says of the server that runs on this home; None when none does."""
        if not self.held():
            return None
        try:
            about: ServerInfo = json.loads(self.server.read_text())
        except (FileNotFoundError, ValueError):
            return None  # it is just starting or just ending
        return about

    def announce(self, about: ServerInfo) -> None:
        """Write server.json in one step."""
        replace(self.server, json.dumps(about, indent=1) + "\n")

    @property
    def _lock(self) -> Path:
        return self.path / "server.lock"

    def _try_lock(self) -> int | None:
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _holder(self) -> str:
        try:
            pid = json.loads(self.server.read_text())["pid"]
        except (FileNotFoundError, ValueError, KeyError):
            return f"another local cloud is starting on {self.path}"
        return f"another local cloud (pid {pid}) runs on {self.path}; `python -m localcloud stop` ends it"


def replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new one, never half; readable by its owner alone."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def call(
    url: str, path: str, body: dict[str, Any] | None = None, *, method: str = "", timeout: float = 10.0
) -> dict[str, Any]:
    """One request to a running server; its JSON answer. Raises OSError when it is not reached or answers an error."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        data = json.dumps(body) if body is not None else None
        connection.request(
            method or ("GET" if body is None else "POST"), path, data, {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"{url}{path}: no answer of a local cloud ({error})") from error
    finally:
        connection.close()
    if response.status != 200:
        raise OSError(answer.get("error", {}).get("message", f"HTTP {response.status}"))
    return answer


def command_of(pid: int) -> str:
    """The command line of a process; empty when there is no such process."""
    found = subprocess.run(["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return found.stdout.strip()
