"""Jobs that end badly, rows over the quota, a service that is away: every image is embedded, and paid for once.

The library against a running local cloud, without the engine. Faults that tests/warehouse covers are not repeated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.cloud import bigquery

import imagesearch.gcp.bigquery
from imagesearch.errors import ServiceUnreachable, Stalled
from imagesearch.gcp import grants
from tests.faults.conftest import Note
from tests.faults.points import SEED
from tests.warehouse.conftest import Pipeline

NAMES = [f"{number:02}.jpg" for number in range(20)]
WENT_ON, FAILED = "went on by itself", "failed"
REASONS = ("jobInternalError", "jobRateLimitExceeded", "jobBackendError")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> int:
    """Jobs are submitted again without a pause; how many submissions one run has."""
    submissions = len(imagesearch.gcp.bigquery.RESUBMISSION_PAUSES)
    monkeypatch.setattr(imagesearch.gcp.bigquery, "RESUBMISSION_PAUSES", (0.0,) * submissions)
    return submissions


def embedding_jobs(pipeline: Pipeline) -> list[bigquery.QueryJob]:
    jobs = pipeline.cloud.bigquery.list_jobs(all_users=True)
    return [job for job in jobs if job.job_id.startswith(pipeline.spec.job_prefix)]


def checked(pipeline: Pipeline, names: list[str], injected: str, note: Note, then: str = WENT_ON) -> None:
    """Every image is embedded and was paid for once; writes the line of the table."""
    stored, paid = pipeline.stored(), pipeline.paid()
    note(injected, then, len(set(names) & set(stored)), len(names), sum(paid.values()) - len(names))
    assert set(stored) == set(names)
    assert paid == dict.fromkeys(names, 1), "paid embeddings per image = 1.00"
    assert not {table for table in pipeline.tables() if "staging" in table}


@pytest.mark.parametrize("reason", REASONS)
def test_a_job_that_ends_for_reasons_of_the_service_gets_a_new_id_and_pays_once(
    reason: str, pipeline: Pipeline, at_once: int, note: Note
) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.control("faults", {"jobs": {"id": pipeline.spec.job_prefix, "reason": reason, "times": 2}})
    assert pipeline.converge().complete
    ended = [(job.error_result or {}).get("reason") for job in embedding_jobs(pipeline)]
    assert sorted(map(str, ended)) == sorted(["None", reason, reason])
    assert len({job.job_id for job in embedding_jobs(pipeline)}) == 3
    checked(pipeline, NAMES, f"{reason}, twice", note)


def test_a_run_gives_up_on_such_jobs_with_their_reason_and_the_next_one_goes_on(
    pipeline: Pipeline, at_once: int, note: Note
) -> None:
    pipeline.put(*NAMES)
    fault = {"id": pipeline.spec.job_prefix, "reason": "jobBackendError", "times": 2 * at_once}
    pipeline.cloud.control("faults", {"jobs": fault})
    for _ in range(2):
        with pytest.raises(ServiceUnreachable, match=f"{at_once} times"):
            pipeline.converge()
    assert pipeline.paid() == {}
    assert pipeline.converge().complete, "ids that are used up do not stand in the way for ever"
    checked(pipeline, NAMES, f"jobBackendError, {2 * at_once} times", note, FAILED)


def test_rows_over_the_rows_of_a_job_take_more_rounds_and_lose_nothing(
    pipeline: Pipeline, no_pauses: None, note: Note
) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.control("settings", {"rows_per_job": 7})
    assert pipeline.converge().complete
    assert len(embedding_jobs(pipeline)) == 3, "20 rows at 7 a job"
    assert pipeline.warehouse.query(f"SELECT uri FROM {pipeline.spec.failures}") == []
    checked(pipeline, NAMES, "20 rows at 7 rows a job", note)


def test_a_run_waits_for_its_turn_when_as_many_jobs_embed_as_may(pipeline: Pipeline, note: Note) -> None:
    pipeline.put(*NAMES)
    pipeline.cloud.control("settings", {"concurrent_embedding_jobs": 1, "enforce_quota": True})
    other = occupy(pipeline)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(pipeline.converge)
        until(lambda: any(job.error_result for job in embedding_jobs(pipeline)))
        pipeline.cloud.control("settings", {"enforce_quota": False})
        other.cancel()
        assert run.result(60).complete
    refused = {job.error_result["reason"] for job in embedding_jobs(pipeline) if job.error_result}
    assert refused == {"jobRateLimitExceeded"}
    checked(pipeline, NAMES, "one embedding job at a time", note)


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_three_in_ten_rows_that_fail_retryably_cost_nothing(
    seed: int, pipeline: Pipeline, no_pauses: None, batches_of: Callable[[int], None], note: Note
) -> None:
    names = [f"{number:03}.jpg" for number in range(200)]
    pipeline.put(*names)
    batches_of(80)
    pipeline.cloud.control("faults", {"rows": {"rate": 0.3, "seed": seed, "times": 2}})
    run = pipeline.converge()
    assert (run.counts.embedded, run.counts.pending, run.counts.set_aside) == (200, 0, 0)
    checked(pipeline, names, f"30 % of rows fail twice, seed {seed}", note)


def test_a_grant_that_has_not_acted_yet_sets_no_image_aside(
    pipeline: Pipeline, no_pauses: None, note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.put(*NAMES)
    refused = "PERMISSION_DENIED: bqcx-1@gcp-sa-bigquery-condel.iam.gserviceaccount.com lacks storage.objects.get"
    pipeline.cloud.control("faults", {"rows": {"rate": 1, "status": refused}})
    with monkeypatch.context() as impatient:
        impatient.setattr(grants, "PROPAGATION_DEADLINE", 0.0)
        with pytest.raises(Stalled, match=r"20 pending.*PERMISSION_DENIED.*storage\.objects\.get"):
            pipeline.converge()
    pipeline.cloud.control("faults", method="DELETE")
    pipeline.cloud.control("faults", {"rows": {"rate": 1, "status": refused, "times": pipeline.spec.max_attempts + 3}})
    assert pipeline.converge().complete, "within the time that a grant may take, refusals are waited out"
    checked(pipeline, NAMES, "the bucket's grant acts late", note, FAILED)


def occupy(pipeline: Pipeline) -> bigquery.QueryJob:
    """A job that embeds, and waits for its quota until it is cancelled."""
    texts = bigquery.ArrayQueryParameter("texts", "STRING", [f"text {number}" for number in range(640)])
    statement = (
        f"SELECT content FROM AI.GENERATE_EMBEDDING(MODEL {pipeline.spec.model}, "
        "(SELECT content FROM UNNEST(@texts) AS content))"
    )
    job = pipeline.cloud.bigquery.query(statement, bigquery.QueryJobConfig(query_parameters=[texts]))
    until(lambda: bool(job.reload()) or job.state == "RUNNING")
    return job


def until(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    """Poll a condition; fails the test when it does not come."""
    looking = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if reached():
            return
        looking.wait(0.05)
    raise AssertionError("it did not come")
