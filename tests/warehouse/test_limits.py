"""A lowered images.limit deletes no embedding that was paid for, unless the settings say so."""

from __future__ import annotations

from tests.warehouse.conftest import Pipeline


def test_lowering_the_limit_keeps_what_was_paid_for(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "b.jpg", "c.jpg")
    pipeline.converge()
    run = pipeline.converge(limit=1)
    assert (run.deleted, run.counts.target, run.counts.beyond_limit, run.counts.pending) == (0, 1, 2, 0)
    assert set(pipeline.stored()) == {"a.jpg", "b.jpg", "c.jpg"}


def test_pruning_to_the_limit_keeps_the_first_and_pays_for_nothing(pipeline: Pipeline) -> None:
    pipeline.put("a.jpg", "b.jpg", "c.jpg")
    pipeline.converge()
    pipeline.bucket.blob("a.jpg").delete()
    run = pipeline.converge(limit=1, prune_to_limit=True)
    assert run.counts.beyond_limit == 0 and set(pipeline.stored()) == {"b.jpg"}
    assert (run.deleted, run.added) == (2, 0)
    assert pipeline.converge(limit=1, prune_to_limit=True).deleted == 0
    assert pipeline.converge().added == 1
    assert pipeline.paid() == {"a.jpg": 1, "b.jpg": 1, "c.jpg": 2}
