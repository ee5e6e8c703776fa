"""Where things are and how fast they go there: facts with a date and a source.

As of 2026-08-22. Which Vertex AI location serves a dataset: contract section 2. Regions, for multimodal embeddings:
docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations. Colocation of buckets: contract section 4. Quotas
are an endpoint's: imagesearch/settings/endpoints.py.
"""

from __future__ import annotations

from dataclasses import dataclass

MULTI_REGIONS = {"US": "us-central1", "EU": "europe-west4"}
"""Which Vertex AI location serves a dataset in a multi-region."""

EUROPEAN_REGIONS = frozenset(
    {
        "europe-central2",
        "europe-north1",
        "europe-southwest1",
        "europe-west1",
        "europe-west2",
        "europe-west3",
        "europe-west4",
        "europe-west6",
        "europe-west8",
        "europe-west9",
    }
)
OTHER_REGIONS = frozenset(
    {
        "asia-east1",
        "asia-east2",
        "asia-northeast1",
        "asia-northeast3",
        "asia-south1",
        "asia-southeast1",
        "australia-southeast1",
        "northamerica-northeast1",
        "southamerica-east1",
        "us-central1",
        "us-east1",
        "us-east4",
        "us-east5",
        "us-south1",
        "us-west1",
        "us-west4",
    }
)


@dataclass(frozen=True)
class Quota:
    """How much AI.GENERATE_EMBEDDING does in a location. Rows are images or texts."""

    requests_per_minute: int
    rows_per_job: int
    concurrent_jobs: int = 5

    def minutes(self, rows: int) -> float:
        """The least time that `rows` take, in minutes."""
        return rows / self.requests_per_minute

    def jobs(self, rows: int) -> int:
        """The least number of jobs that `rows` take."""
        return -(-rows // self.rows_per_job)


def canonical(location: str) -> str:
    """A location as BigQuery spells it: multi-regions in upper case, regions in lower case."""
    return location.upper() if location.upper() in MULTI_REGIONS else location.lower()


def vertex_location(location: str) -> str:
    """The Vertex AI location that serves a dataset in `location`."""
    return MULTI_REGIONS.get(canonical(location), canonical(location))


def colocated(bucket: str, dataset: str) -> bool:
    """Whether a dataset in `dataset` can read a bucket in `bucket`, as far as their names tell (contract section 4).

    A bucket that goes by its continent may be a dual-region of the user's own choice: then the names do not tell, and
    the answer is yes where the continent fits.
    """
    bucket, dataset = canonical(bucket), canonical(dataset)
    if dataset in _READS:
        return bucket in _READS[dataset]
    if bucket in _CONTINENTS:
        return dataset.startswith(_CONTINENTS[bucket])
    return bucket == dataset or dataset in _DUAL_REGIONS.get(bucket, ())


_READS = {"US": ("US", "us-central1", "nam4"), "EU": ("EU", "europe-west4", "eur4")}
"""Where a bucket may be that a multi-region dataset reads."""
_CONTINENTS = {"US": ("us-",), "EU": ("europe-",), "asia": ("asia-",)}
_DUAL_REGIONS = {
    "nam4": ("us-central1", "us-east1"),
    "eur4": ("europe-north1", "europe-west4"),
    "asia1": ("asia-northeast1", "asia-northeast2"),
}
"""Predefined dual-regions: docs.cloud.google.com/storage/docs/locations."""
