"""Every run makes the embeddings match the bucket, in spite of faults, and pays for no image twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imagesearch.errors import DeadlinePassed, JobCancelled, NotOurs, OverBudget, PruneRefused, Stalled
from imagesearch.pipeline import embedding_tables
from imagesearch.pipeline.embeddings import BatchJob, EmbeddingStore
from tests.warehouse.conftest import OWNER, Pipeline

NAMES = [f"{number:02}.jpg" for number in range(20)]


def test_every_image_is_embedded_once_and_a_second_run_pays_nothing(pipeline: Pipeline) -> None:
    pipeline.put(*NAMES)
    first = pipeline.converge()
    assert (first.added, first.counts.embedded, first.counts.pending, first.complete) == (20, 20, 0, True)
    second = pipeline.converge()
    assert (second.added, second.updated, second.deleted) == (0, 0, 0)
    assert second.counts.version == first.counts.version
    assert pipeline.paid() == dict.fromkeys(NAMES, 1)


def test_new_changed_and_deleted_images_converge_in_one_run(pipeline: Pipeline) -> None:
    pipeline.put(*NAMES)
    before = pipeline.converge().counts
    generations = pipeline.stored()
    pipeline.put("new.jpg", "00.jpg")
    pipeline.bucket.blob("01.jpg").delete()
    run = pipeline.converge()
    assert (run.added, run.updated, run.deleted) == (1, 1, 1)
    assert run.counts.version != before.version
    after = pipeline.stored()
    assert set(after) == {"new.jpg", *NAMES} - {"01.jpg"}
    assert after["00.jpg"] > generations["00.jpg"]
    assert pipeline.paid()["00.jpg"] == 2 and pipeline.paid()["02.jpg"] == 1


def test_a_third_of_retryable_row_failures_loses_and_doubles_nothing(pipeline: Pipeline, no_pauses: None) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.control("faults", {"rows": {"rate": 0.4, "seed": 7, "times": 2}})
    run = pipeline.converge()
    assert run.counts.embedded == 20 and run.complete
    assert pipeline.paid() == dict.fromkeys(NAMES, 1)
    assert pipeline.warehouse.query(f"SELECT uri FROM {pipeline.spec.failures}") == [], (
        "what was embedded has no failure"
    )


def test_several_batches_lose_nothing(pipeline: Pipeline, batches_of: Callable[[int], None]) -> None:
    batches_of(7)
    pipeline.put(*NAMES)
    assert pipeline.converge().counts.embedded == 20
    assert pipeline.paid() == dict.fromkeys(NAMES, 1)
    assert not {table for table in pipeline.tables() if "staging" in table}


def test_permanent_failures_are_set_aside_until_their_object_changes(pipeline: Pipeline) -> None:
    pipeline.put("good.jpg")
    pipeline.cloud.control(
        "faults",
        {
            "rows": {
                "uris": [f"gs://{pipeline.bucket.name}/bad.jpg"],
                "status": "INVALID_ARGUMENT: no picture",
                "times": 1,
            }
        },
    )
    pipeline.put("bad.jpg")
    run = pipeline.converge()
    assert (run.counts.embedded, run.counts.set_aside, run.complete) == (1, 1, True)
    assert pipeline.converge().counts.set_aside == 1, "it is not tried again"
    assert pipeline.paid() == {"good.jpg": 1}
    pipeline.put("bad.jpg")
    run = pipeline.converge()
    assert (run.counts.embedded, run.counts.set_aside) == (2, 0)


def test_rounds_without_progress_fail_with_the_numbers_and_keep_what_there_is(
    pipeline: Pipeline, no_pauses: None
) -> None:
    pipeline.put("good.jpg")
    pipeline.converge()
    pipeline.put("a.jpg", "b.jpg")
    pipeline.cloud.control("faults", {"rows": {"rate": 1.0}})
    with pytest.raises(Stalled) as stalled:
        pipeline.converge()
    assert "1 of 3 are embedded" in stalled.value.what and "2 pending" in stalled.value.what
    assert "RESOURCE_EXHAUSTED" in stalled.value.what
    pipeline.cloud.control("faults", method="DELETE")
    assert pipeline.converge().counts.embedded == 3
    assert pipeline.paid() == {"good.jpg": 1, "a.jpg": 1, "b.jpg": 1}


def test_what_a_killed_run_had_paid_for_is_merged_not_paid_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.put(*NAMES)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddingStore, "absorb", die)
        with pytest.raises(KeyboardInterrupt):
            pipeline.converge()
    assert pipeline.stored() == {} and pipeline.paid() == dict.fromkeys(NAMES, 1)
    pipeline.put("later.jpg")
    assert pipeline.converge().counts.embedded == 21
    assert pipeline.paid() == dict.fromkeys([*NAMES, "later.jpg"], 1)


def test_without_waiting_a_run_returns_at_once_and_the_next_goes_on(pipeline: Pipeline) -> None:
    pipeline.put(*NAMES)
    first = pipeline.converge(wait=False)
    assert not first.complete and first.counts.pending == 20
    run = pipeline.converge()
    assert run.complete and run.counts.embedded == 20
    assert pipeline.paid() == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "/jobs$", "method": "POST", "status": 503, "when": "before", "times": 2},
        {"path": "/jobs$", "method": "POST", "status": 503, "when": "after", "times": 1},
        {"path": "/jobs$", "method": "POST", "drop": True, "when": "after", "times": 1},
        {"path": "/jobs/imagesearch-embed", "method": "GET", "drop": True, "times": 2},
        {"path": "/jobs/imagesearch-embed", "method": "GET", "status": 500, "times": 2},
        {"path": "/queries", "status": 503, "when": "after", "times": 3},
    ],
    ids=["5xx before", "5xx after", "answer lost", "polling dropped", "polling 5xx", "queries 5xx after"],
)
def test_lost_answers_and_5xx_pay_for_nothing_twice(pipeline: Pipeline, fault: dict[str, object]) -> None:
    pipeline.put(*NAMES[:5])
    pipeline.cloud.control("faults", fault)
    assert pipeline.converge().counts.embedded == 5
    assert pipeline.paid() == dict.fromkeys(NAMES[:5], 1)


def test_a_bucket_that_shrank_suspiciously_is_not_believed(pipeline: Pipeline) -> None:
    pipeline.put(*NAMES[:10])
    pipeline.converge()
    for name in NAMES[:6]:
        pipeline.bucket.blob(name).delete()
    with pytest.raises(PruneRefused, match=r"6 of 10 .*60%.*maxPruneFraction = 0\.5"):
        pipeline.converge()
    assert len(pipeline.stored()) == 10
    assert pipeline.converge(max_prune_fraction=1.0).deleted == 6


def test_work_over_the_budget_is_refused_before_the_first_payment(pipeline: Pipeline) -> None:
    pipeline.put(*NAMES)
    with pytest.raises(OverBudget, match=r"20 images .*\$0\.0020.*budgetUsd = 0\.001"):
        pipeline.converge(budget_usd=0.001)
    assert pipeline.paid() == {}


def test_raising_the_limit_embeds_the_difference_and_new_images_push_none_out(pipeline: Pipeline) -> None:
    pipeline.put("m.jpg", "n.jpg", "o.jpg")
    assert pipeline.converge(limit=2).counts.embedded == 2
    pipeline.put("a.jpg")
    run = pipeline.converge(limit=2)
    assert (run.added, run.counts.objects, run.counts.target) == (0, 4, 2)
    assert set(pipeline.stored()) == {"m.jpg", "n.jpg"}
    assert pipeline.converge(limit=3).added == 1
    assert set(pipeline.stored()) == {"a.jpg", "m.jpg", "n.jpg"}
    assert pipeline.paid() == dict.fromkeys(["a.jpg", "m.jpg", "n.jpg"], 1)


def test_other_content_types_are_not_touched(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg")
    pipeline.bucket.blob("notes.txt").upload_from_string("hello", content_type="text/plain")
    assert pipeline.converge().counts.objects == 1


def test_a_job_cancelled_by_someone_else_says_so_and_the_next_run_goes_on(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.control("settings", {"enforce_quota": True})
    start = BatchJob.run

    def run(job: BatchJob, deadline: float, progress: object) -> None:
        def cancel(_: float) -> None:
            for running in pipeline.warehouse.running(pipeline.spec.job_prefix):
                running.cancel()

        start(job, deadline, cancel)

    with monkeypatch.context() as patched:
        patched.setattr(BatchJob, "run", run)
        with pytest.raises(JobCancelled):
            pipeline.converge()
    pipeline.cloud.control("settings", {"enforce_quota": False})
    assert pipeline.converge().counts.embedded == 20


def test_the_deadline_cancels_the_job_and_the_next_run_goes_on(pipeline: Pipeline) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.control("settings", {"enforce_quota": True})
    with pytest.raises(DeadlinePassed, match="cancelled"):
        pipeline.converge(deadline_minutes=1 / 60)
    pipeline.cloud.control("settings", {"enforce_quota": False})
    assert pipeline.converge().counts.embedded == 20


def test_a_table_that_is_not_ours_is_never_touched(pipeline: Pipeline) -> None:
    pipeline.warehouse.drop_table(pipeline.spec.table)
    pipeline.warehouse.query(f"CREATE TABLE {pipeline.spec.table} AS SELECT 1 AS precious")
    with pytest.raises(NotOurs, match=pipeline.spec.table.path):
        embedding_tables.create(pipeline.warehouse, pipeline.spec, OWNER)
    embedding_tables.drop(pipeline.warehouse, pipeline.spec, OWNER)
    assert pipeline.warehouse.query(f"SELECT precious FROM {pipeline.spec.table}") == [{"precious": 1}]


def test_a_late_deletion_leaves_what_a_successor_adopted(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg")
    pipeline.converge()
    embedding_tables.create(pipeline.warehouse, pipeline.spec, "fedcba9876543210")
    embedding_tables.drop(pipeline.warehouse, pipeline.spec, OWNER)
    assert set(pipeline.stored()) == {"a.jpg"}
