"""The rules of a run that need no SQL engine: checks before anything is changed or paid, batches, job ids."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from imagesearch.errors import InvariantBroken, NotOurs, OverBudget, PruneRefused
from imagesearch.gcp.sql import table_name
from imagesearch.pipeline import embedding_tables, embeddings
from imagesearch.pipeline.convergence import converge
from imagesearch.pipeline.embeddings import Counts, EmbeddingsSpec
from imagesearch.pipeline.ownership import stack_labels
from tests.unit.fake_warehouse import FakeWarehouse

OURS = stack_labels("image-search", "dev")
COUNTS = Counts(
    objects=100, target=100, embedded=90, set_aside=0, changed=0, new=10, stale=0, stored=90, beyond_limit=0,
    last_embedded=datetime(2026, 11, 22, tzinfo=UTC),
)  # fmt: skip
SETTLED = replace(COUNTS, embedded=100, new=0, stored=100)
SPEC = EmbeddingsSpec(
    object_table=table_name("my-project", "d", "met_images"),
    model=table_name("my-project", "d", "model"),
    table=table_name("my-project", "d", "met_image_embeddings"),
    failures=table_name("my-project", "d", "met_image_failures"),
    location="US",
    endpoint="multimodalembedding@001",
    dimension=1408,
    content_types=["image/jpeg"],
    limit=100,
)
BATCH = [{"uri": f"gs://b/{n}.jpg", "generation": n, "attempts": 0} for n in range(10)]
TALLY = {"embedded": 10, "misfits": 0, "retryable": 0, "refused": 0, "total": 10}


def answering(
    *counts: Counts, batches: list[list[dict[str, Any]]] | None = None, broken: dict[str, int] | None = None
) -> FakeWarehouse:
    """A warehouse that counts these in turn, and has these batches pending."""
    return FakeWarehouse(
        OURS,
        rows={
            "How the embeddings stand": [[vars(item)] for item in counts],
            "The next images to embed": batches or [[]],
            "What came of one batch": [[TALLY]],
            "What must hold": [[{"duplicates": 0, "wrong_length": 0, "wrong_endpoint": 0, **(broken or {})}]],
        },
    )


def silent(_line: str) -> None:
    """Says nothing."""


def test_a_run_embeds_what_is_pending_and_says_what_it_added() -> None:
    warehouse = answering(COUNTS, SETTLED, batches=[BATCH, []])
    outcome = converge(warehouse, SPEC, silent)
    assert outcome.complete
    assert (outcome.added, outcome.updated, outcome.deleted) == (10, 0, 0)
    assert warehouse.ran("AI.GENERATE_EMBEDDING") == 1


def test_a_run_with_nothing_to_do_pays_for_nothing() -> None:
    warehouse = answering(SETTLED)
    outcome = converge(warehouse, SPEC, silent)
    assert outcome.complete
    assert (outcome.added, outcome.updated, outcome.deleted) == (0, 0, 0)
    assert warehouse.keys == []


def test_a_bucket_that_lost_more_than_allowed_is_not_believed() -> None:
    lost = replace(COUNTS, objects=60, target=60, embedded=60, new=0, stale=31, stored=100)
    warehouse = answering(lost)
    with pytest.raises(PruneRefused, match=r"31 of 100 embedded images are gone .*\(31%\).*maxPruneFraction = 0\.3"):
        converge(warehouse, SPEC, silent)
    assert warehouse.ran("DELETE") == 0
    assert warehouse.keys == []


@pytest.mark.parametrize(("stale", "allowed"), [(30, 0.3), (100, 1.0), (0, 0.0)])
def test_a_bucket_that_lost_no_more_than_allowed_is_followed(stale: int, allowed: float) -> None:
    lost = replace(SETTLED, stale=stale)
    outcome = converge(answering(lost), SPEC.model_copy(update={"max_prune_fraction": allowed}), silent)
    assert outcome.deleted == stale


def test_an_empty_table_of_embeddings_has_nothing_to_prune() -> None:
    first = replace(COUNTS, embedded=0, new=100, stored=0, last_embedded=None)
    assert converge(answering(first, SETTLED), SPEC, silent).added == 100


def test_work_over_the_budget_is_refused_before_it_is_paid() -> None:
    warehouse = answering(replace(COUNTS, objects=200_000, target=200_000, embedded=0, new=200_000))
    with pytest.raises(
        OverBudget, match=r"Embedding 200,000 images costs about \$20\.00, over embedding\.budgetUsd = 10"
    ):
        converge(warehouse, SPEC, silent)
    assert warehouse.keys == []
    assert warehouse.ran("DELETE") == 0


def test_work_within_the_budget_to_the_cent_is_done() -> None:
    whole = replace(COUNTS, objects=100_000, target=100_000, embedded=0, new=100_000, stored=0)
    assert converge(answering(whole, SETTLED), SPEC, silent).complete


def test_a_run_that_pays_and_gets_no_further_stops_at_the_budget() -> None:
    warehouse = answering(COUNTS, batches=[BATCH])  # the same images are pending for ever
    with pytest.raises(OverBudget, match="30 images embedded, and 10 more") as refused:
        converge(warehouse, SPEC.model_copy(update={"budget_usd": 0.0035}), silent)
    assert "What was embedded is kept" in refused.value.remedy
    assert len(warehouse.keys) == 3


def test_vectors_of_another_length_than_asked_for_end_the_run_and_are_kept() -> None:
    warehouse = answering(COUNTS, batches=[BATCH])
    warehouse.rows["What came of one batch"] = [[{**TALLY, "embedded": 0, "misfits": 10}]]
    with pytest.raises(InvariantBroken, match="none of 10 images 1408 numbers"):
        converge(warehouse, SPEC, silent)
    assert len(warehouse.keys) == 1, "one batch is enough to see it"
    assert not warehouse.ran("-- Keep what a staging table says"), "no image is set aside for it"


def test_what_is_embedded_already_costs_nothing() -> None:
    done = replace(SETTLED, objects=10**6, target=10**6, embedded=10**6, stored=10**6)
    assert converge(answering(done), SPEC.model_copy(update={"budget_usd": 0.0}), silent).complete


@pytest.mark.parametrize("broken", ["duplicates", "wrong_length", "wrong_endpoint"])
def test_a_table_that_somebody_else_wrote_to_is_named(broken: str) -> None:
    with pytest.raises(InvariantBroken, match=rf"met_image_embeddings is not what it must be: \{{'{broken}': 3\}}"):
        converge(answering(SETTLED, broken={broken: 3}), SPEC, silent)


@pytest.mark.parametrize(
    ("location", "size"), [("US", 3_000), ("EU", 3_000), ("us-central1", 3_000), ("europe-west4", 600)]
)
def test_a_batch_is_what_the_locations_quota_embeds_in_five_minutes(location: str, size: int) -> None:
    assert SPEC.model_copy(update={"location": location}).batch_size == size


def test_a_batch_is_never_more_than_a_job_may_embed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "BATCH_MINUTES", 24 * 60.0)
    assert SPEC.batch_size == 216_000
    assert SPEC.model_copy(update={"location": "europe-west4"}).batch_size == 43_200


def _key(batch: list[dict[str, Any]], spec: EmbeddingsSpec = SPEC) -> str:
    warehouse = answering(COUNTS, SETTLED, batches=[batch, []])
    converge(warehouse, spec, silent)
    (key,) = warehouse.keys
    return key


def test_the_same_batch_is_the_same_job() -> None:
    assert _key(BATCH) == _key([dict(row) for row in BATCH])


def test_another_batch_generation_attempt_model_length_or_table_is_another_job() -> None:
    first = BATCH[0]
    keys = [
        _key(BATCH),
        _key(BATCH[1:]),
        _key([{**first, "generation": 99}, *BATCH[1:]]),
        _key([{**first, "attempts": -1}, *BATCH[1:]]),
        _key(BATCH, SPEC.model_copy(update={"dimension": 512})),
        _key(BATCH, SPEC.model_copy(update={"model": table_name("my-project", "d", "other")})),
        _key(BATCH, SPEC.model_copy(update={"table": table_name("my-project", "d", "other")})),
    ]
    assert len(set(keys)) == len(keys)


def test_a_jobs_id_is_one_that_bigquery_takes() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,1000}", _key(BATCH))
    assert _key(BATCH).startswith(SPEC.job_prefix)


def test_a_run_that_does_not_wait_submits_and_returns_incomplete() -> None:
    warehouse = answering(COUNTS, batches=[BATCH])
    outcome = converge(warehouse, SPEC.model_copy(update={"wait": False}), silent)
    assert not outcome.complete
    assert not warehouse.waited
    assert warehouse.ran("MERGE") == 0


def test_a_staging_table_that_an_earlier_run_left_is_merged_before_anything_is_planned() -> None:
    warehouse = answering(SETTLED)
    staging = SPEC.staging("0123456789abcdef").path
    warehouse.tables_there = {staging: OURS, f"{staging}_of_another": {}}
    converge(warehouse, SPEC, silent)
    assert warehouse.asked[0][0].splitlines()[2].startswith("MERGE")
    assert set(warehouse.tables_there) == {f"{staging}_of_another", SPEC.table.path}
    assert warehouse.tables_there[SPEC.table.path] == {"image-search-paid": "10_0123456789abcdef"}


def test_the_tables_of_others_are_not_continued() -> None:
    warehouse = FakeWarehouse(OURS, tables_there={SPEC.table.path: {}})
    with pytest.raises(NotOurs):
        embedding_tables.create(warehouse, SPEC, "owner")
    assert warehouse.asked == []


def test_the_version_changes_whenever_the_stored_embeddings_do() -> None:
    later = datetime(2026, 11, 23, tzinfo=UTC)
    versions = [COUNTS.version, replace(COUNTS, stored=91).version, replace(COUNTS, last_embedded=later).version]
    assert len(set(versions)) == 3
    assert replace(COUNTS, objects=500, new=410).version == COUNTS.version
