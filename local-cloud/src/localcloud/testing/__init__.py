"""Public: a local cloud for tests, a server process of its own with official clients. Needs the extra `testing`.

    with running_cloud(tmp_path / "home") as cloud:
        cloud.query("SELECT 1")

localcloud.pytest_plugin has fixtures of it.

    session.py    pytest plugin: fails a session whose local clouds did what Google's discovery documents do not allow
    workers.py    how pytest-xdist's workers share tests and servers; loaded by session.py
    ports.py      free ports for servers that tests start
    zetasql.py    ZetaSQL, compiled once; needs the extra `tests`
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage  # type: ignore[attr-defined]  # storage ships no types
from google.cloud.bigquery.table import Row

from localcloud.core.home import Home, ServerInfo, call

Json = dict[str, Any]
_IMPORTED_FROM = Path(__file__).parents[2]


@dataclass
class RunningCloud:
    """A server and official clients of it. Without credentials the caller is the owner."""

    about: ServerInfo
    """What `python -m localcloud status --json` shows: url, port, pid, project, home …"""
    changed: bool = False
    """Whether faults, the clock or settings were set since the last `reset`."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`"""
        return self.about["url"]

    @property
    def home(self) -> Path:
        """The folder that holds its state."""
        return Path(self.about["home"])

    @property
    def project(self) -> str:
        """The id of its one project."""
        return self.about["project"]

    @cached_property
    def bigquery(self) -> bigquery.Client:
        """A client of its BigQuery, as the project's owner."""
        return bigquery.Client(self.project, AnonymousCredentials(), client_options={"api_endpoint": self.url})

    @cached_property
    def storage(self) -> storage.Client:
        """A client of its Cloud Storage, as the project's owner."""
        return storage.Client(self.project, AnonymousCredentials(), client_options={"api_endpoint": self.url})

    def control(self, path: str, body: Json | None = None, *, method: str = "") -> Json:
        """A call of the control API: `control("clock", {"advance": 60})`. `reset` undoes it. Raises OSError."""
        self.changed = True
        return call(self.url, f"/control/{path}", body, method=method)

    def advance(self, seconds: float) -> None:
        """Move the cloud's clock."""
        self.control("clock", {"advance": seconds})

    def reset(self) -> None:
        """Reset faults, settings and the clock's speed, if any were set. Data stay."""
        if self.changed:
            self.control("reset", {})
            self.changed = False

    def query(self, text: str, **config: Any) -> list[Row]:
        """The rows of one statement. `config`: arguments of bigquery.QueryJobConfig."""
        return list(self.bigquery.query_and_wait(text, job_config=bigquery.QueryJobConfig(**config)))

    def close(self) -> None:
        """Close the clients."""
        for client in (vars(self).get("bigquery"), vars(self).get("storage")):
            if client is not None:
                client.close()

    def kill(self) -> None:
        """End the server by SIGKILL; returns when it has ended."""
        os.kill(self.about["pid"], signal.SIGKILL)
        while Home(self.home).held():
            pass  # the system releases the lock with the process


@contextmanager
def running_cloud(home: Path, *arguments: str) -> Iterator[RunningCloud]:
    """A server with its state in `home`, on a free port; ended afterwards if it still runs.

    `arguments` are those of `python -m localcloud serve`; without any, vectors are hashes (`--embedder hash`). Raises
    RuntimeError when it does not start.
    """
    _localcloud("serve", "--detach", "--home", str(home), "--port", "0", *(arguments or ("--embedder", "hash")))
    cloud = RunningCloud(json.loads((home / "server.json").read_text()))
    try:
        yield cloud
    finally:
        cloud.close()
        _localcloud("stop", "--home", str(home))


def _localcloud(*arguments: str) -> None:
    """Run a command of this installation of the local cloud. Raises RuntimeError with its message."""
    path = os.pathsep.join(filter(None, [str(_IMPORTED_FROM), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"python -m localcloud {arguments[0]} failed")
