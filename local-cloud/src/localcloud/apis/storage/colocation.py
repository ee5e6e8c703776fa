"""From which bucket locations BigQuery reads, as of 2026-08-22 (docs/bigquery-contract.md, "4. Object tables").

Predefined dual-regions: docs.cloud.google.com/storage/docs/locations.
"""

from __future__ import annotations

_DUAL_REGIONS = {
    "NAM4": {"US-CENTRAL1", "US-EAST1"},
    "EUR4": {"EUROPE-NORTH1", "EUROPE-WEST4"},
    "ASIA1": {"ASIA-NORTHEAST1", "ASIA-NORTHEAST2"},
}
_CONTINENTS = {"US": "US-", "EU": "EUROPE-", "ASIA": "ASIA-"}
_MAIN_REGIONS = {"US": "US-CENTRAL1", "EU": "EUROPE-WEST4"}
"""The region of a multi-region that datasets there may read a bucket from."""


def colocated(bucket: str, dataset: str) -> bool:
    """Whether a dataset in `dataset` reads a bucket in `bucket`; locations in any case.

    Choice: a bucket whose location is a continent may be a configurable dual-region, whose regions are not stored here;
    a dataset in any region of that continent reads it.
    """
    bucket, dataset = bucket.upper(), dataset.upper()
    if bucket == dataset:
        return True
    if dataset in _MAIN_REGIONS:
        return _MAIN_REGIONS[dataset] in (bucket, *_DUAL_REGIONS.get(bucket, ()))
    if bucket in _CONTINENTS:
        return dataset.startswith(_CONTINENTS[bucket])
    return dataset in _DUAL_REGIONS.get(bucket, ())
