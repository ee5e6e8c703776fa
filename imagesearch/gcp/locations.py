"""Locations: which of them serve embeddings, and which bucket a dataset can read. Facts as of 2026-08-22.

The Vertex AI location that serves a dataset: docs/bigquery-contract.md#2-the-embedding-endpoint. Colocation of buckets:
docs/bigquery-contract.md#4-object-tables. Regions of multimodal embeddings:
docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations. Each endpoint's quotas:
imagesearch/settings/endpoints.py.
"""

from __future__ import annotations

from dataclasses import dataclass

MULTI_REGIONS = {"US": "us-central1", "EU": "europe-west4"}
"""The Vertex AI location that serves a dataset in a multi-region."""

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
    """The quota of AI.GENERATE_EMBEDDING in a location. Rows are images or texts."""

    requests_per_minute: int
    rows_per_job: int
    concurrent_jobs: int = 5

    def minutes(self, rows: int) -> float:
        """The minimum time for `rows`, in minutes."""
        return rows / self.requests_per_minute

    def jobs(self, rows: int) -> int:
        """The minimum number of jobs for `rows`."""
        return -(-rows // self.rows_per_job)


def canonical(location: str) -> str:
    """A location as BigQuery spells it: multi-regions in upper case, regions in lower case."""
    return location.upper() if location.upper() in MULTI_REGIONS else location.lower()


def vertex_location(location: str) -> str:
    """The Vertex AI location that serves a dataset in `location`."""
    return MULTI_REGIONS.get(canonical(location), canonical(location))


def colocated(bucket: str, dataset: str) -> bool:
    """Whether a dataset in the location `dataset` can read a bucket in the location `bucket`, as far as the names tell.

    The rules: docs/bigquery-contract.md#4-object-tables. A bucket whose location is a continent may be a configurable
    dual-region; its name does not tell the regions, so the result is True for every region of that continent.
    """
    bucket, dataset = canonical(bucket), canonical(dataset)
    if dataset in _READS:
        return bucket in _READS[dataset]
    if bucket in _CONTINENTS:
        return dataset.startswith(_CONTINENTS[bucket])
    return bucket == dataset or dataset in _DUAL_REGIONS.get(bucket, ())


_READS = {"US": ("US", "us-central1", "nam4"), "EU": ("EU", "europe-west4", "eur4")}
"""The bucket locations that a dataset in a multi-region can read."""
_CONTINENTS = {"US": ("us-",), "EU": ("europe-",), "asia": ("asia-",)}
_DUAL_REGIONS = {
    "nam4": ("us-central1", "us-east1"),
    "eur4": ("europe-north1", "europe-west4"),
    "asia1": ("asia-northeast1", "asia-northeast2"),
}
"""Predefined dual-regions: docs.cloud.google.com/storage/docs/locations."""
