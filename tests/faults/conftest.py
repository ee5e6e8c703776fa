"""The subject of the kill points, and how a test notes what came of its injection (table.py)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults import killing
from tests.faults.killing import Subject
from tests.faults.table import Result
from tests.warehouse.conftest import batches_of, cloud, no_pauses, pipeline, session_cloud

__all__ = ["batches_of", "cloud", "no_pauses", "pipeline", "session_cloud"]


Note = Callable[[str, str, int, int, int], None]


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Writes the test's line of the table: what was injected, what the run did, images embedded, of, paid twice."""
    began = time.monotonic()

    def write(injected: str, then: str, embedded: int, images: int, paid_twice: int) -> None:
        seconds = time.monotonic() - began
        result = Result(injected, then, f"{embedded} of {images}", images - embedded, paid_twice, seconds)
        request.node.user_properties.append(result.noted())

    return write


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Subject]]:
    """The subject of the tests, last; a test that failed leaves its own behind, which says why, and needs a new one."""
    made: list[Subject] = []
    yield made
    for subject in made:
        subject.stack.stop_cloud()


@pytest.fixture
def subject(subjects: list[Subject], tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A stack with nothing up and a local cloud that runs."""
    if not subjects or not subjects[-1].clean:
        for left in subjects:
            left.stack.stop_cloud()
        subjects.append(killing.make(tmp_path_factory.mktemp("faults")))
    subjects[-1].clean = False
    return subjects[-1]
