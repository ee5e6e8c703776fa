"""Tests side by side (pytest-xdist): what stays together, what comes first, and who has the machine alone.

The tests of a file share servers and stacks and build on each other, so a file is one worker's; so is a folder of the
ini option `one_worker`, whose files share such things. Files come in the order of the ini option `longest_first`, so
that the end of a run is short tests and both workers end together. A test that measures time is marked `alone`: it
waits until the other worker is between two tests, and that one waits until it is over. Without workers none of this
does anything.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("one_worker", "folders whose files share servers or stacks", type="linelist", default=[])
    parser.addini("longest_first", "folders in the order in which their files are begun", type="linelist", default=[])


def rank(nodeid: str, first: list[str]) -> int:
    """The place of a test in the order that workers share their work in."""
    return next((place for place, folder in enumerate(first) if nodeid.startswith(folder)), len(first))


class Turns:
    """The tests of one worker among those of the others; `folder` is the same for all."""

    def __init__(self, folder: Path) -> None:
        self._door, self._room = folder / "door", folder / "room"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        first = config.getini("longest_first")
        items.sort(key=lambda item: rank(item.nodeid, first))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        alone = item.get_closest_marker("alone") is not None
        with self._in_the_room(fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
            return (yield)

    @contextmanager
    def _in_the_room(self, how: int) -> Iterator[None]:
        """Who waits for the room to be empty keeps the door shut: nobody goes in before."""
        with self._room.open("w") as room:
            with self._door.open("w") as door:
                fcntl.flock(door, how)
                fcntl.flock(room, how)
            yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives each worker whole files, and whole folders of `one_worker`."""
    from xdist.scheduler import LoadScopeScheduling

    folders = config.getini("one_worker")

    class Together(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            return next((folder for folder in folders if nodeid.startswith(folder)), nodeid.partition("::")[0])

    config.option.loadscopereorder = False  # the files' order is ours
    return Together(config, log)
