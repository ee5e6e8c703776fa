"""Quotas and locations: the figures of the contract follow from quotas and counts."""

from __future__ import annotations

from datetime import date

import pytest

from imagesearch.gcp.locations import EUROPEAN_REGIONS, MULTI_REGIONS, OTHER_REGIONS, canonical, vertex_location
from imagesearch.pipeline.plan import estimate_of
from imagesearch.settings import prices
from imagesearch.settings.endpoints import ENDPOINTS, GEMINI_EMBEDDING_2, MULTIMODAL_EMBEDDING
from imagesearch.settings.schema import parse

TUTORIAL, ALL = 10_000, 601_294
"""Images of the tutorial, and of its whole bucket."""


def test_ten_thousand_images_take_at_least_16_7_minutes_in_the_us() -> None:
    assert MULTIMODAL_EMBEDDING.quota_in("US").minutes(TUTORIAL) == pytest.approx(16.7, abs=0.05)


def test_the_whole_bucket_takes_16_7_hours_in_3_jobs_in_the_us() -> None:
    quota = MULTIMODAL_EMBEDDING.quota_in("US")
    assert quota.minutes(ALL) / 60 == pytest.approx(16.7, abs=0.05)
    assert quota.jobs(ALL) == 3


@pytest.mark.parametrize("region", sorted(EUROPEAN_REGIONS))
def test_the_whole_bucket_takes_83_5_hours_in_14_jobs_in_a_european_region(region: str) -> None:
    quota = MULTIMODAL_EMBEDDING.quota_in(region)
    assert quota.minutes(ALL) / 60 == pytest.approx(83.5, abs=0.05)
    assert quota.jobs(ALL) == 14


def test_the_multi_region_eu_is_not_a_single_region() -> None:
    assert MULTIMODAL_EMBEDDING.quota_in("EU") == MULTIMODAL_EMBEDDING.quota_in("US")


@pytest.mark.parametrize(("rows", "jobs"), [(0, 0), (1, 1), (216_000, 1), (216_001, 2), (432_000, 2)])
def test_a_job_takes_no_more_rows_than_the_quota(rows: int, jobs: int) -> None:
    assert MULTIMODAL_EMBEDDING.quota_in("US").jobs(rows) == jobs


def test_five_jobs_may_run_at_once() -> None:
    assert {endpoint.quota.concurrent_jobs for endpoint in ENDPOINTS.values()} == {5}


def test_the_successor_embeds_4000_images_a_minute() -> None:
    quota = GEMINI_EMBEDDING_2.quota_in("US")
    assert (quota.requests_per_minute, quota.rows_per_job) == (4_000, 1_440_000)


@pytest.mark.parametrize(
    ("dataset", "serves"), [("US", "us-central1"), ("eu", "europe-west4"), ("Europe-West2", "europe-west2")]
)
def test_a_dataset_is_served_by_the_region_that_google_names(dataset: str, serves: str) -> None:
    assert vertex_location(dataset) == serves


@pytest.mark.parametrize(("given", "spelled"), [("us", "US"), ("Eu", "EU"), ("US-Central1", "us-central1")])
def test_a_location_has_one_spelling(given: str, spelled: str) -> None:
    assert canonical(given) == spelled


def test_no_region_is_in_two_lists() -> None:
    assert not EUROPEAN_REGIONS & OTHER_REGIONS
    assert all(region.startswith("europe-") for region in EUROPEAN_REGIONS)
    assert not any(region.startswith("europe-") for region in OTHER_REGIONS)
    assert set(MULTI_REGIONS.values()) <= EUROPEAN_REGIONS | OTHER_REGIONS


def test_the_tutorials_endpoint_retires_and_names_its_successor() -> None:
    assert MULTIMODAL_EMBEDDING.retires == date(2027, 4, 1)
    assert MULTIMODAL_EMBEDDING.successor == GEMINI_EMBEDDING_2.name
    assert GEMINI_EMBEDDING_2.default_dimension == 3072


def test_the_dimensions_are_those_of_googles_page_with_the_default_first() -> None:
    assert sorted(MULTIMODAL_EMBEDDING.dimensions) == [128, 256, 512, 1408]
    assert MULTIMODAL_EMBEDDING.default_dimension == 1408


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_has_a_price(endpoint: str) -> None:
    assert prices.estimate(endpoint, 1) > 0


def test_the_estimate_of_the_tutorial_is_a_dollar_a_third_of_an_hour_and_one_job() -> None:
    assert estimate_of(parse({})) == {"images": 10_000, "usd": 1.0, "hours": 0.28, "jobs": 1}


def test_the_estimate_without_a_limit_does_not_invent_one() -> None:
    assert set(estimate_of(parse({"images": {"limit": None}})).values()) == {None}
