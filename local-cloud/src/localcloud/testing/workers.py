"""Tests in parallel (pytest-xdist): which tests one worker runs, in which order, and which run exclusively.

The tests of a file share servers and depend on each other, so one worker runs a whole file; and a whole folder that the
ini option `one_worker` lists, whose files share servers. Files are run in the order of the ini option `longest_first`,
so that the last tests are short and all workers end together. A test that measures time is marked `alone`: it waits
until no other worker runs a test, and the others wait until it has ended. Without workers nothing of this applies.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("one_worker", "folders whose files share servers", type="linelist", default=[])
    parser.addini("longest_first", "folders in the order in which their files are started", type="linelist", default=[])


def rank(nodeid: str, first: list[str]) -> int:
    """The position of a test's folder in `longest_first`; its length for any other folder."""
    return next((place for place, folder in enumerate(first) if nodeid.startswith(folder)), len(first))


class Worker:
    """Plugin of one worker; `folder` is shared by all workers and holds their locks."""

    def __init__(self, folder: Path) -> None:
        self._queue, self._running = folder / "queue.lock", folder / "running.lock"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        first = config.getini("longest_first")
        items.sort(key=lambda item: rank(item.nodeid, first))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        alone = item.get_closest_marker("alone") is not None
        with self._locked(fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
            return (yield)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the lock of running tests; a test that waits for it exclusively holds the queue: none overtakes it."""
        with self._running.open("w") as running:
            with self._queue.open("w") as queue:
                fcntl.flock(queue, how)
                fcntl.flock(running, how)
            yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives each worker whole files, and whole folders of `one_worker`."""
    from xdist.scheduler import LoadScopeScheduling

    folders = config.getini("one_worker")

    class WholeFiles(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in folders if nodeid.startswith(folder)), nodeid.partition("::")[0])

    config.option.loadscopereorder = False  # files are already in order
    return WholeFiles(config, log)
