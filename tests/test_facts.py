"""The program's facts about Google's service are those of the contract and of the local cloud.

The local cloud may not import the program, so each has the facts by itself; here they are held together.
"""

from __future__ import annotations

import math
import re
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from imagesearch.gcp import locations
from imagesearch.pipeline import plan
from imagesearch.settings import endpoints, prices
from localcloud.apis.storage.colocation import colocated
from localcloud.core import quotas
from localcloud.http.context import Settings

CONTRACT = " ".join((Path(__file__).parents[1] / "docs/bigquery-contract.md").read_text().split())
MULTIMODAL, GEMINI = endpoints.MULTIMODAL_EMBEDDING, endpoints.GEMINI_EMBEDDING_2
PLACES = sorted(MULTIMODAL.locations)
BUCKETS = [*PLACES, "asia", "nam4", "eur4", "asia1", "us-west2", "asia-northeast2"]
DATASETS = [*PLACES, "us-west2", "asia-northeast2"]


def test_the_program_and_the_local_cloud_know_the_same_endpoints() -> None:
    assert endpoints.ENDPOINTS.keys() == quotas.ENDPOINTS.keys()
    for name, endpoint in endpoints.ENDPOINTS.items():
        local = quotas.ENDPOINTS[name]
        assert local.dimensions[0] == endpoint.default_dimension
        assert set(local.dimensions) == set(endpoint.dimensions)
        assert local.locations == {place.lower() for place in endpoint.locations}
        assert local.content_types == endpoint.content_types


@pytest.mark.parametrize("place", [*PLACES, "europe-north2"])
def test_both_know_the_same_quotas_in_a_place(place: str) -> None:
    assert locations.vertex_location(place) == quotas.vertex_location(place)
    for name, endpoint in endpoints.ENDPOINTS.items():
        assert quotas.served(name, place) == (place in endpoint.locations)
        quota = endpoint.quota_in(place)
        assert quotas.requests_per_minute(name, place) == quota.requests_per_minute
        assert quotas.rows_per_job(name, place) == quota.rows_per_job
        assert Settings().concurrent_embedding_jobs == quota.concurrent_jobs


def test_both_read_the_same_buckets_from_the_same_datasets() -> None:
    for bucket, dataset in product(BUCKETS, DATASETS):
        assert locations.colocated(bucket, dataset) == colocated(bucket, dataset), (bucket, dataset)


@pytest.mark.parametrize(
    ("dataset", "readable", "unreadable"),
    [
        ("US", {"US", "US-CENTRAL1", "NAM4"}, {"US-EAST1", "EU", "EUR4", "ASIA"}),
        ("EU", {"EU", "EUROPE-WEST4", "EUR4"}, {"EUROPE-WEST1", "US", "NAM4", "ASIA"}),
        ("us-central1", {"US-CENTRAL1", "NAM4", "US"}, {"US-EAST1", "EU"}),
        ("asia-northeast1", {"ASIA-NORTHEAST1", "ASIA1", "ASIA"}, {"ASIA-NORTHEAST2", "US", "EU"}),
    ],
)
def test_buckets_are_colocated_as_the_contract_says(dataset: str, readable: set[str], unreadable: set[str]) -> None:
    """Also a bucket that goes by its continent, for it may be a dual-region of its owner's choice."""
    assert {bucket for bucket in readable | unreadable if locations.colocated(bucket, dataset)} == readable


def test_the_contract_says_the_same() -> None:
    there, here = MULTIMODAL.quota_in("europe-west4"), MULTIMODAL.quota_in("US")
    gemini = GEMINI.quota_in("US")
    for sentence in (
        f"{MULTIMODAL.name} {here.requests_per_minute} requests per minute ({there.requests_per_minute} in European "
        f"single regions), {here.rows_per_job:,} rows per job ({there.rows_per_job:,} there), {here.concurrent_jobs} "
        "concurrent jobs",
        f"{GEMINI.name}: {gemini.requests_per_minute:,} requests per minute, {gemini.rows_per_job:,} rows per job",
        f"`output_dimensionality` for {MULTIMODAL.name}: {', '.join(map(str, sorted(MULTIMODAL.dimensions)))} "
        f"(default {MULTIMODAL.default_dimension})",
        f"`{GEMINI.name}` (dataset in US or us-central1; {GEMINI.default_dimension} dimensions by default)",
        f"`{MULTIMODAL.name}` retires on {MULTIMODAL.retires}",
        f"A dataset in `US` uses {locations.vertex_location('US')}, in `EU` {locations.vertex_location('EU')}",
        f"about ${prices.PER_IMAGE[MULTIMODAL.name]:.4f} per image",
        f"about ${prices.PER_IMAGE[GEMINI.name]:.5f} per image",
        "Images: BMP, GIF, JPG, PNG",
    ):
        assert sentence in CONTRACT, sentence
    assert GEMINI.locations == {"US", "us-central1"}


def test_a_job_of_six_hours_is_what_the_requests_of_six_hours_are() -> None:
    for endpoint, place in product(endpoints.ENDPOINTS.values(), PLACES):
        quota = endpoint.quota_in(place)
        assert quota.minutes(quota.rows_per_job) == 6 * 60


def test_every_fact_has_a_date_and_a_source() -> None:
    as_of = "2026-08-22"
    assert date.fromisoformat(as_of) == prices.AS_OF
    assert "cloud.google.com" in (prices.__doc__ or "")
    assert as_of in CONTRACT
    for module in (locations, endpoints, quotas):
        assert as_of in (module.__doc__ or ""), module.__name__
        assert "docs.cloud.google.com" in (module.__doc__ or ""), module.__name__


def test_what_the_page_on_migrating_says_comes_out_of_the_facts() -> None:
    page = " ".join((Path(__file__).parents[1] / "docs/migrating-the-model.md").read_text().split())
    assert f"`{MULTIMODAL.name}` retires on {MULTIMODAL.retires}" in page
    assert f"From {plan.NOTICE.days} days ahead" in page and f"are of {prices.AS_OF}" in page
    assert f"| US, EU, {len(MULTIMODAL.locations) - 2} regions | {', '.join(sorted(GEMINI.locations))} |" in page
    for images in (10_000, 601_294):
        row = [f"{images:,} images"]
        for endpoint in (MULTIMODAL, GEMINI):
            quota = endpoint.quota_in("US")
            minutes, jobs = quota.minutes(images), quota.jobs(images)
            time = f"{minutes / 60:.1f} hours" if minutes > 60 else f"{math.ceil(minutes)} minutes"
            row.append(f"{prices.words(prices.estimate(endpoint.name, images))}, {time}, {jobs} job{'s' * (jobs > 1)}")
        assert f"| {' | '.join(row)} |" in page
    stored = [f"{10_000 * endpoint.default_dimension * 8 / 1e6:.0f} MB" for endpoint in (MULTIMODAL, GEMINI)]
    assert f"| stored, 10,000 images | {' | '.join(stored)} |" in page
    for endpoint in (MULTIMODAL, GEMINI):
        first, *others = endpoint.dimensions
        assert f"{first} ({', '.join(map(str, sorted(others, reverse=True)))})" in page


def test_sources_cite_headings_that_the_contract_has() -> None:
    cited = set[str]()
    root = Path(__file__).parents[1]
    for folder in ("imagesearch", "components", "local-cloud/src"):
        for path in (root / folder).rglob("*.py"):
            text = " ".join(path.read_text(encoding="utf-8").split())
            if "bigquery-contract.md" in text or 'ontract, "' in text:
                cited |= set(re.findall(r'"(\d+\. [A-Z][^"]*)"', text))
    assert {heading for heading in cited if f"## {heading}" not in CONTRACT} == set()
    assert "4. Object tables" in cited
