"""An `up` in which a process is killed, and what its user does next."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from localcloud.core.home import Home, call
from tests.e2e.conftest import BUCKET, put, storage_client
from tests.e2e.stack import Stack
from tests.faults.points import Point
from tests.warehouse.conftest import picture

IMAGES = 12
NAMES = [f"{number:02}.jpg" for number in range(IMAGES)]
_PATIENCE = 90.0
"""Seconds in which a run reaches its point and ends; the program itself gives up on a service after 60."""
_UP = ("up", "--yes", "--skip-preview")


@dataclass
class Subject:
    """A stack with nothing up, a running local cloud, and a dozen pictures that were never embedded."""

    stack: Stack
    output: Path
    clean: bool = True
    """Whether nothing is up, as a test that went well leaves it."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stack.port}"

    def start_cloud(self) -> None:
        """Start the local cloud; grants act at once, other tests wait for them."""
        self.stack.start_cloud()
        call(self.url, "/control/settings", {"service_account_delay": 0, "propagation_delay": 0})

    def new_pictures(self) -> None:
        """New generations of every picture: nothing that was embedded counts for them."""
        bucket = storage_client(self.stack).bucket(BUCKET)
        for number, name in enumerate(NAMES):
            put(bucket, name, picture(int(time.time_ns() + number * 7919) % 65536))

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the engine; fails the test when it fails."""
        return self.stack.run("pulumi", *arguments, "--non-interactive")

    def plain_up(self, *flags: str) -> None:
        self.pulumi(*_UP, *flags)

    def broken_up(self, point: Point) -> int:
        """An `up` in which the victim is killed at the point; returns the engine's exit code."""
        call(self.url, "/control/faults", point.fault)
        with self.output.open("w") as output:
            engine = subprocess.Popen(
                ["pulumi", *_UP, "--non-interactive"],
                cwd=self.stack.folder,
                env=self.stack.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self._kill(point, engine)
            return engine.wait(_PATIENCE)
        finally:
            engine.kill()
            engine.wait()

    def _kill(self, point: Point, engine: subprocess.Popen[bytes]) -> None:
        if point.victim == "cloud":
            home = Home(self.stack.home)
            self._wait(engine, lambda: not home.held())
            self.start_cloud()
            return
        self._wait(engine, self._held)
        if point.victim == "engine":
            engine.kill()
        else:
            for provider in _providers(engine.pid):
                os.kill(provider, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE
        while self._held() and time.monotonic() < deadline:
            time.sleep(0.02)
        call(self.url, "/control/faults", method="DELETE")

    def _wait(self, engine: subprocess.Popen[bytes], reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not reached():
            assert engine.poll() is None, f"the run ended before its point\n{self.output.read_text()}"
            assert time.monotonic() < deadline, "the run did not reach its point"
            time.sleep(0.02)

    def _held(self) -> bool:
        return bool(call(self.url, "/control/state")["faults"]["held"])

    def unlock(self) -> bool:
        """`pulumi cancel`, which takes away the lock of an engine that was killed. Whether there was one."""
        locks = self.stack.home / "pulumi-state/.pulumi/locks"
        if not any(path.suffix == ".json" for path in locks.rglob("*")):
            return False
        self.pulumi("cancel", "--yes")
        return True

    def ledger(self) -> dict[str, Any]:
        return call(self.url, "/control/ledger")

    def lost_jobs(self, since: datetime) -> int:
        """Embedding jobs of after `since` that ended with an error: what they had paid for is paid again."""
        jobs = self._client().list_jobs(state_filter="done", min_creation_time=since)
        return sum(1 for job in jobs if job.job_id.startswith("imagesearch-embed") and job.error_result)

    def staging_tables(self) -> list[str]:
        return [t.table_id for t in self._client().list_tables("bqml_tutorial") if "_staging_" in t.table_id]

    def stored(self) -> list[str]:
        """Names of the embedded pictures, at the generation that the bucket has."""
        rows = self._client().query_and_wait(
            "SELECT uri FROM bqml_tutorial.met_image_embeddings JOIN bqml_tutorial.met_images USING (uri, generation)"
        )
        return sorted(row.uri.rsplit("/", 1)[-1] for row in rows)

    def remains(self) -> dict[str, int]:
        """What is in the cloud that a stack makes, and how many."""
        resources = call(self.url, "/control/state")["resources"]
        made = ("dataset", "table", "model", "vector_index", "connection", "repository")
        return {kind: resources[kind] for kind in made if resources[kind]}

    def _client(self) -> bigquery.Client:
        return bigquery.Client("local-project", AnonymousCredentials(), client_options={"api_endpoint": self.url})


def make(folder: Path) -> Subject:
    """A subject whose cloud runs and whose bucket is empty."""
    subject = Subject(Stack(folder / "project", embedder="hash"), folder / "up.log")
    subject.start_cloud()
    storage_client(subject.stack).create_bucket(BUCKET)
    subject.stack.pulumi("stack", "ls")  # a first run installs the gcp plugin and makes the stack
    return subject


def _providers(engine: int) -> Iterator[int]:
    """The engine's children that are providers: the gcp plugin and the host of the dynamic ones."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (entry / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == engine and (b"gcp_plugin" in command or b"--dynamic-providers" in command):
            yield int(entry.name)
