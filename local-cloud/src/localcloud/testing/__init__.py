"""A local cloud for tests: a server process of its own, reached over HTTP as users reach it.

    with running_cloud(tmp_path / "home") as cloud:
        cloud.query("SELECT 1")

`localcloud.pytest_plugin` makes fixtures of it. Needs the extra `testing` for the official clients.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage  # type: ignore[attr-defined]  # storage ships no types
from google.cloud.bigquery.table import Row

from localcloud.core.home import Home, call

_IMPORTED_FROM = Path(__file__).parents[2]


@dataclass
class RunningCloud:
    """A server and official clients of it. Without credentials the caller is the owner."""

    about: dict[str, Any]
    changed: bool = field(default=False)
    """Whether somebody set faults, the clock or settings since the last `reset`."""

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`"""
        return str(self.about["url"])

    @property
    def home(self) -> Path:
        """The folder that holds its state."""
        return Path(self.about["home"])

    @property
    def project(self) -> str:
        """The project that is there from the start."""
        return str(self.about["project"])

    @cached_property
    def bigquery(self) -> bigquery.Client:
        """A client of its BigQuery, as the project's owner."""
        return bigquery.Client(self.project, AnonymousCredentials(), client_options={"api_endpoint": self.url})

    @cached_property
    def storage(self) -> storage.Client:
        """A client of its Cloud Storage, as the project's owner."""
        return storage.Client(self.project, AnonymousCredentials(), client_options={"api_endpoint": self.url})

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str = "") -> dict[str, Any]:
        """A call of the control API: `control("clock", {"advance": 60})`. `reset` puts back what it set."""
        self.changed = True
        answer: dict[str, Any] = call(self.url, f"/control/{path}", body, method=method)
        return answer

    def advance(self, seconds: float) -> None:
        """Move the cloud's clock."""
        self.control("clock", {"advance": seconds})

    def reset(self) -> None:
        """Put back faults, settings and the clock's speed, if somebody set any. Data stay."""
        if self.changed:
            self.control("reset", {})
            self.changed = False

    def query(self, text: str, **config: Any) -> list[Row]:
        """The rows of one statement. `config`: what bigquery.QueryJobConfig takes."""
        return list(self.bigquery.query_and_wait(text, job_config=bigquery.QueryJobConfig(**config)))

    def close(self) -> None:
        """Close the clients."""
        for client in (vars(self).get("bigquery"), vars(self).get("storage")):
            if client is not None:
                client.close()

    def kill(self) -> None:
        """SIGKILL: what a power cut leaves."""
        os.kill(self.about["pid"], signal.SIGKILL)
        while Home(self.home).held():
            pass  # the lock goes with the process, at once


@contextmanager
def running_cloud(home: Path, *arguments: str) -> Iterator[RunningCloud]:
    """A server of its own on `home` and a free port, ended afterwards if it still runs.

    `arguments` are those of `python -m localcloud serve`; without any, vectors mean nothing (`--embedder hash`).
    """
    _localcloud("serve", "--detach", "--home", str(home), "--port", "0", *(arguments or ("--embedder", "hash")))
    cloud = RunningCloud(json.loads((home / "server.json").read_text()))
    try:
        yield cloud
    finally:
        cloud.close()
        _localcloud("stop", "--home", str(home))


def _localcloud(*arguments: str) -> None:
    """Run a command of the local cloud that this module belongs to. Raises RuntimeError with what it said."""
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
