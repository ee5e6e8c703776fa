"""The subject of the kill points, and the table at the end: what was injected, what survived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults import killing
from tests.faults.killing import Subject
from tests.faults.points import SEED
from tests.warehouse.conftest import batches_of, cloud, no_pauses, pipeline, session_cloud

__all__ = ["batches_of", "cloud", "no_pauses", "pipeline", "session_cloud"]


@dataclass(frozen=True)
class Result:
    """What one injection came to. Numbers are images."""

    injected: str
    then: str
    embedded: str
    lost: int
    paid_twice: int
    began: float
    """On time.monotonic(); it ends where this is made."""
    ended: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return self.ended - self.began


Note = Callable[[str, str, int, int, int], None]
RESULTS = pytest.StashKey[list[Result]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = []


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Writes the test's line of the table: what was injected, what the run did, images embedded, of, paid twice."""
    began = time.monotonic()

    def write(injected: str, then: str, embedded: int, images: int, paid_twice: int) -> None:
        line = Result(injected, then, f"{embedded} of {images}", images - embedded, paid_twice, began)
        request.config.stash[RESULTS].append(line)

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    results = config.stash.get(RESULTS, [])
    if not results:
        return
    table = Table(title=f"Faults injected, FAULT_SEED={SEED}")
    for column in ("injected", "what the run did", "embedded", "lost", "paid twice", "s"):
        table.add_column(column, justify="left" if column in ("injected", "what the run did") else "right")
    for one in results:
        table.add_row(one.injected, one.then, one.embedded, str(one.lost), str(one.paid_twice), f"{one.seconds:.1f}")
    table.add_section()
    lost, twice = sum(one.lost for one in results), sum(one.paid_twice for one in results)
    seconds = sum(one.seconds for one in results)
    table.add_row(f"{len(results)} injections", "", "", str(lost), str(twice), f"{seconds:.0f}")
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    terminalreporter.write_line("")
    terminalreporter.write(captured.get())
