"""Fixtures for tests of other projects; pytest finds them when the package is installed with its extra `testing`.

def test_counting(local_cloud):
    assert local_cloud.query("SELECT COUNT(*) AS n FROM UNNEST([1, 2])")[0].n == 2
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.testing import RunningCloud, running_cloud


@pytest.fixture(scope="session")
def local_cloud_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """One server for the session, on a free port, its state in a temporary folder. Override it for other options."""
    with running_cloud(tmp_path_factory.mktemp("localcloud") / "home") as cloud:
        yield cloud


@pytest.fixture
def local_cloud(local_cloud_server: RunningCloud) -> Iterator[RunningCloud]:
    """The session's server. Faults, settings and the clock's speed are reset after each test; data stay."""
    yield local_cloud_server
    local_cloud_server.reset()
