"""The progress and the paid images that a run reports, compared with the local cloud's ledger."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagesearch.pipeline import convergence, progress, spend
from imagesearch.pipeline.progress import Progress
from tests.warehouse.conftest import Pipeline

NAMES = [f"{number:02}.jpg" for number in range(20)]


def account(pipeline: Pipeline) -> int:
    return spend.images(pipeline.warehouse, pipeline.spec.table)


def test_progress_follows_the_batches_and_ends_with_everything(
    pipeline: Pipeline, batches_of: Callable[[int], None]
) -> None:
    batches_of(8)
    pipeline.put(*NAMES)
    pipeline.cloud.control("settings", {"enforce_quota": True})
    pipeline.cloud.control("clock", {"speed": 0})
    seen: list[Progress] = []
    convergence.converge(pipeline.warehouse, pipeline.spec, pipeline.said.append, seen.append)
    between = [moment for moment in seen if not moment.batch]
    assert [moment.embedded for moment in between] == [8, 16, 20]
    assert [moment.left for moment in between] == [12, 4, 0]
    assert {moment.batch for moment in seen} <= {0, 4, 8} and {moment.quota for moment in seen} == {600}
    assert between[-1].paid == 20 and between[-1].dollars == pytest.approx(0.002)


def test_a_run_that_is_only_heard_ends_with_one_line_that_sums_it_up(pipeline: Pipeline) -> None:
    pipeline.put(*NAMES)
    pipeline.converge()
    progress_lines = [line for line in pipeline.said if "images embedded" in line]
    assert len(progress_lines) == 1, "the run is shorter than an interval"
    assert progress_lines[0].startswith("20 of 20 images embedded, 0 set aside; ")
    assert progress_lines[0].endswith("; $0.0020 so far")


def test_a_line_an_interval_says_how_far_it_is(
    pipeline: Pipeline, batches_of: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "interval", lambda: 0.0)
    batches_of(10)
    pipeline.put(*NAMES)
    pipeline.cloud.control("settings", {"enforce_quota": True})  # ten of 600 a minute: a second
    pipeline.converge()
    said = [line for line in pipeline.said if "images embedded" in line]
    assert said[0].startswith("0 of 20 images embedded, 0 set aside; the quota is 600 a minute; at least 2 s left")
    assert any("10 of 20" in line and "a batch of 10 has been running for" in line for line in said)
    assert said[-1].startswith("20 of 20")


def test_what_was_paid_counts_changed_and_deleted_images_and_failures_not(
    pipeline: Pipeline, no_pauses: None, batches_of: Callable[[int], None]
) -> None:
    batches_of(7)
    pipeline.put(*NAMES)
    pipeline.cloud.control("faults", {"rows": {"rate": 0.4, "seed": 7, "times": 2}})
    pipeline.converge()
    pipeline.put("00.jpg", "new.jpg")
    pipeline.bucket.blob("01.jpg").delete()
    pipeline.converge()
    assert account(pipeline) == sum(pipeline.paid().values()) == 22


@pytest.mark.parametrize("dies", ["before it is counted", "after it is counted"])
def test_a_run_that_dies_while_it_counts_counts_nothing_twice(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    pipeline.put(*NAMES)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if dies == "before it is counted":
            patched.setattr(spend, "add", die)
        else:
            patched.setattr(pipeline.warehouse, "drop_table", die)
        with pytest.raises(KeyboardInterrupt):
            pipeline.converge()
    pipeline.put("later.jpg")
    pipeline.converge()
    assert account(pipeline) == sum(pipeline.paid().values()) == 21


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_is_lost_while_it_is_counted_counts_nothing_twice(pipeline: Pipeline, when: str) -> None:
    pipeline.put(*NAMES[:3])
    pipeline.cloud.control("faults", {"path": "/tables/table$", "method": "PATCH", "status": 503, "when": when})
    pipeline.converge()
    assert account(pipeline) == 3


def test_what_nobody_embedded_cost_nothing(pipeline: Pipeline) -> None:
    assert account(pipeline) == 0
    pipeline.warehouse.drop_table(pipeline.spec.table)
    assert account(pipeline) == 0
