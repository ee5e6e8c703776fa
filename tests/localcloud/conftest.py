"""A running local cloud for tests: one server process for the session, reached over HTTP as users reach it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

from localcloud.home import Home, call

CHECKOUT = Path(__file__).parents[2]


@dataclass
class RunningCloud:
    """A server and official clients of it. Without credentials the caller is the owner."""

    about: dict[str, Any]
    changed: bool = field(default=False)
    """Whether a test set faults, the clock or settings."""

    @property
    def url(self) -> str:
        return str(self.about["url"])

    @property
    def home(self) -> Path:
        return Path(self.about["home"])

    @property
    def project(self) -> str:
        return str(self.about["project"])

    @cached_property
    def bigquery(self) -> bigquery.Client:
        return bigquery.Client(self.project, AnonymousCredentials(), client_options={"api_endpoint": self.url})

    @cached_property
    def storage(self) -> storage.Client:
        return storage.Client(self.project, AnonymousCredentials(), client_options={"api_endpoint": self.url})

    def control(self, path: str, body: dict[str, Any] | None = None, *, method: str = "") -> dict[str, Any]:
        """A call of the control API: `control("clock", {"advance": 60})`. Put back after the test."""
        self.changed = True
        return call(self.url, f"/control/{path}", body, method=method)

    def advance(self, seconds: float) -> None:
        """Move the cloud's clock."""
        self.control("clock", {"advance": seconds})

    def query(self, text: str, **config: Any) -> list[bigquery.Row]:
        """The rows of one statement."""
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
    """A server of its own on `home` and a free port, ended afterwards if it still runs."""
    serve = [sys.executable, "-m", "localcloud", "serve", "--detach", "--home", str(home), "--port", "0"]
    arguments = arguments or ("--embedder", "hash")
    subprocess.run([*serve, *arguments], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    cloud = RunningCloud(json.loads((home / "server.json").read_text()))
    try:
        yield cloud
    finally:
        cloud.close()
        stop = [sys.executable, "-m", "localcloud", "stop", "--home", str(home)]
        subprocess.run(stop, cwd=CHECKOUT, check=True, capture_output=True)


@pytest.fixture(scope="session")
def session_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """One server for all tests, with vectors that mean nothing (`--embedder hash`)."""
    with running_cloud(tmp_path_factory.mktemp("localcloud") / "home") as cloud:
        yield cloud


@pytest.fixture
def cloud(session_cloud: RunningCloud) -> Iterator[RunningCloud]:
    """The session's server; faults, settings and the clock's speed are put back after each test."""
    yield session_cloud
    if session_cloud.changed:
        session_cloud.control("reset", {})
        session_cloud.changed = False


@pytest.fixture
def dataset(cloud: RunningCloud) -> Iterator[str]:
    """A new dataset in US; its id. Gone after the test."""
    name = f"d_{uuid.uuid4().hex[:12]}"
    cloud.bigquery.create_dataset(name)
    yield name
    cloud.bigquery.delete_dataset(name, delete_contents=True, not_found_ok=True)
