from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from google.oauth2.credentials import Credentials

from tests.e2e.stack import Stack
from tests.gcp import trial
from tests.gcp.place import Place, google_cloud, no_credentials


def on_google_cloud() -> Place:
    """The project GCP_PROJECT. Skips the test, and says why, where it cannot run."""
    project = os.environ.get("GCP_PROJECT", "")
    if not project:
        pytest.skip("nothing was run, for no project is named: make test-gcp PROJECT=my-project")
    if reason := no_credentials():
        pytest.skip(f"nothing was run, for {reason}")
    if refusal := trial.over_budget():
        pytest.fail(refusal, pytrace=False)
    return google_cloud(project, trial.location())


def on_local_cloud(cloud: Stack) -> Place:
    """A running local cloud; the program calls it as it calls Google Cloud, with Application Default Credentials."""
    config = yaml.safe_load(cloud.config.read_text())["config"]
    provider = {key: value for key, value in config.items() if key.startswith("gcp:")}
    project = provider.pop("gcp:project")
    del provider["gcp:accessToken"]
    closed = {"HTTPS_PROXY": "http://127.0.0.1:9"}  # google-auth asks Google where a service account may be used
    return Place(project, "US", Credentials("local"), provider, {**cloud.environment, **closed})


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A local cloud of its own, with the engine and its plugin ready."""
    made = Stack(tmp_path_factory.mktemp("cloud") / "project")
    made.start_cloud()
    try:
        made.pulumi("stack", "ls")
        yield made
    finally:
        made.stop_cloud()


@pytest.fixture
def local_place(cloud: Stack) -> Iterator[Place]:
    place = on_local_cloud(cloud)
    yield place
    place.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "trial"
