"""Fixtures of all tests: one server process for the session, reached over HTTP as users reach it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.testing import RunningCloud, running_cloud

__all__ = ["PROJECT_FOLDER", "RunningCloud", "running_cloud"]

PROJECT_FOLDER = Path(__file__).parents[1]
"""The folder of pyproject.toml."""


@pytest.fixture(scope="session")
def session_cloud(local_cloud_server: RunningCloud) -> RunningCloud:
    """One server for all tests, with `--embedder hash`."""
    return local_cloud_server


@pytest.fixture
def cloud(local_cloud: RunningCloud) -> RunningCloud:
    """The session's server; faults, settings and the clock's speed are reset after each test."""
    return local_cloud


@pytest.fixture
def dataset(cloud: RunningCloud) -> Iterator[str]:
    """A new dataset in US; its id. Gone after the test."""
    name = f"d_{uuid.uuid4().hex[:12]}"
    cloud.bigquery.create_dataset(name)
    yield name
    cloud.bigquery.delete_dataset(name, delete_contents=True, not_found_ok=True)
