"""The service goes away and comes back: a run goes on by itself if that is soon enough, else the next one does.

The library against a local cloud of its own, which is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from imagesearch.errors import ServiceUnreachable
from imagesearch.pipeline.convergence import Outcome
from localcloud.core.home import Home
from localcloud.testing import RunningCloud, running_cloud
from localcloud.testing.ports import free_port
from tests.faults.conftest import Note
from tests.faults.test_fault_classes import FAILED, WENT_ON, until
from tests.warehouse.conftest import Pipeline

NAMES = [f"{number:02}.jpg" for number in range(20)]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A server of the test's own, since it dies; at a port that nobody takes before it is back."""
    with running_cloud(tmp_path / "home", "--embedder", "hash", "--port", str(free_port())) as made:
        yield made


@pytest.fixture
def restart(cloud: RunningCloud) -> Iterator[Callable[[], None]]:
    """Start the server again on its home and port, once it has ended."""
    again: list[object] = []

    def start() -> None:
        until(lambda: not Home(cloud.home).held())
        port = cloud.url.rpartition(":")[2]
        context = running_cloud(cloud.home, "--embedder", "hash", "--port", port)
        cloud.about = context.__enter__().about
        again.append(context)

    yield start
    assert again, "it was started again"


@pytest.fixture
def running(pipeline: Pipeline) -> Iterator[Callable[[], Future[Outcome]]]:
    """Starts a run in a thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda: pool.submit(pipeline.converge)


@pytest.mark.parametrize(("when", "most"), [("before", 1), ("after", 2)])
def test_a_run_goes_on_when_the_service_died_under_its_job_and_comes_back(
    when: str,
    most: int,
    pipeline: Pipeline,
    restart: Callable[[], None],
    running: Callable[[], Future[Outcome]],
    note: Note,
) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.control("faults", {"jobs": {"id": pipeline.spec.job_prefix, "kill": True, "when": when}})
    run = running()
    restart()
    assert run.result(60).complete
    assert set(pipeline.stored()) == set(NAMES)
    assert pipeline.paid() == dict.fromkeys(NAMES, most), "paid again only when it was paid before the service died"
    note(f"service dies {when} the job's statement", WENT_ON, 20, 20, len(NAMES) * (most - 1))


def test_a_run_goes_on_when_connections_were_refused_for_a_while(
    pipeline: Pipeline, restart: Callable[[], None], running: Callable[[], Future[Outcome]], note: Note
) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.kill()
    run = running()
    restart()
    assert run.result(60).complete
    assert pipeline.paid() == dict.fromkeys(NAMES, 1)
    note("connections refused for a while", WENT_ON, 20, 20, 0)


def test_a_run_says_when_nothing_answers_and_the_next_one_goes_on(
    pipeline: Pipeline, restart: Callable[[], None], note: Note
) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.kill()
    patient = pipeline.warehouse._retry
    pipeline.warehouse._retry = patient.with_timeout(0.5)
    with pytest.raises(ServiceUnreachable, match="did not answer"):
        pipeline.converge()
    pipeline.warehouse._retry = patient
    restart()
    assert pipeline.converge().complete
    assert pipeline.paid() == dict.fromkeys(NAMES, 1)
    note("nothing answers any more", FAILED, 20, 20, 0)
