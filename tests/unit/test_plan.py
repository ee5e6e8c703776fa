"""The plan of a run: from settings the upper bound, from counts the exact numbers, and what it would refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from imagesearch.gcp.sql import table_name
from imagesearch.pipeline import plan
from imagesearch.pipeline.embeddings import Counts, EmbeddingsSpec
from imagesearch.settings.endpoints import GEMINI_EMBEDDING_2, MULTIMODAL_EMBEDDING
from imagesearch.settings.schema import parse
from tests.unit.pages import table

NAMES = {name: table_name("my-project", "d", name) for name in ("object_table", "model", "table", "failures")}
SPEC = EmbeddingsSpec(
    **NAMES,
    location="US",
    endpoint="multimodalembedding@001",
    dimension=1408,
    content_types=["image/jpeg"],
    limit=None,
)
NOTHING = Counts(
    objects=100,
    target=100,
    embedded=100,
    set_aside=0,
    changed=0,
    new=0,
    stale=0,
    stored=100,
    beyond_limit=0,
    last_embedded=None,
)


def test_without_a_stack_the_settings_are_an_upper_bound_and_called_that() -> None:
    assert plan.upper_bound(parse({})) == (
        "embed at most 10,000 images (images.limit): about $1.00, at least 17 minutes at US's quota of 600 a minute, "
        "4 jobs or more"
    )
    ahead = plan.of_settings(parse({}))
    assert (ahead.source, ahead.refusals) == ("settings", ())
    assert ahead.embed is not None
    assert (ahead.embed.images, ahead.embed.usd, ahead.embed.jobs, ahead.embed.batches) == (10_000, 1.0, 1, 4)


def test_without_a_limit_no_number_is_invented() -> None:
    settings = parse({"images": {"limit": None}})
    assert plan.of_settings(settings).embed is None
    said = plan.upper_bound(settings)
    assert "embed all images there are" in said and "for every 1,000" in said


def test_settings_that_allow_more_than_the_budget_or_the_deadline_are_warned_of() -> None:
    dear = parse({"images": {"limit": 601_294}, "embedding": {"deadlineMinutes": 60}})
    warnings = " ".join(plan.of_settings(dear).warnings)
    assert "$60.13 is over embedding.budgetUsd = 10" in warnings
    assert "It takes at least 16.7 hours, and embedding.deadlineMinutes is 60" in warnings


def test_with_data_the_plan_says_what_is_new_changed_and_gone() -> None:
    ahead = plan.of_data(SPEC, replace(NOTHING, new=3_000, changed=2, stale=7))
    assert plan.describe(ahead, "US") == (
        "embed 3,000 new and 2 changed images: about $0.3002, at least 6 minutes at US's quota of 600 a minute, "
        "2 jobs or more; delete the embeddings of 7 images that are gone"
    )
    assert ahead.refusals == ()


def test_with_nothing_to_do_the_plan_says_so() -> None:
    assert plan.describe(plan.of_data(SPEC, NOTHING), "US").startswith("embed, delete and pay nothing")
    assert plan.summary(SPEC, NOTHING) == "nothing to do"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (replace(NOTHING, stale=31), "31 of 100 embedded images are gone"),
        (replace(NOTHING, new=200_000), r"costs about $20.00, over embedding.budgetUsd = 10"),
    ],
)
def test_what_a_run_would_refuse_is_said_ahead(counts: Counts, words: str) -> None:
    (refusal,) = plan.of_data(SPEC, counts).refusals
    assert words in refusal
    assert f"this would be refused: {refusal}" in plan.summary(SPEC, counts)


def test_embeddings_beyond_the_limit_are_deleted_only_where_the_settings_say_so() -> None:
    more = replace(NOTHING, beyond_limit=5)
    assert plan.of_data(SPEC, more).delete_beyond_limit == 0
    assert plan.of_data(SPEC.model_copy(update={"prune_to_limit": True}), more).delete_beyond_limit == 5


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 3, 31), None),
        (date(2026, 4, 1), "retires on 2027-04-01, in 365 days"),
        (date(2027, 3, 31), "retires on 2027-04-01, in 1 day."),
        (date(2027, 4, 1), "was retired on 2027-04-01"),
    ],
)
def test_a_retiring_endpoint_is_warned_of_for_a_year_and_ever_after(today: date, words: str | None) -> None:
    said = plan.retirement(MULTIMODAL_EMBEDDING, today)
    if words is None:
        assert said is None
        return
    assert said is not None and words in said
    assert "gemini-embedding-2-preview" in said and "docs/migrating-the-model.md" in said


def test_an_endpoint_that_does_not_retire_is_not_warned_of() -> None:
    assert plan.retirement(GEMINI_EMBEDDING_2, date(2030, 1, 1)) is None


def test_the_costs_in_the_reference_are_those_of_the_tables() -> None:
    rows = table("costs")
    assert len(rows) == 6
    for endpoint, where, images, price, time, jobs in rows:
        estimate = plan.estimate(endpoint.strip("`"), where.split()[0].strip("`"), int(images.replace(",", "")))
        assert price == f"${estimate.usd:,.2f}"
        assert time == plan.minutes_in_words(estimate.minutes)
        assert int(jobs.replace(",", "")) == estimate.batches
