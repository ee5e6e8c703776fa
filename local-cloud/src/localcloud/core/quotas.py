"""The embedding endpoints as facts: where they are served, their dimensions and their quotas, as of 2026-08-22.

Quotas and dimensions: docs/bigquery-contract.md, "1. AI.GENERATE_EMBEDDING" and "2. The embedding endpoint"
(docs.cloud.google.com/bigquery/quotas, functions with remote models). Locations:
docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations, for multimodal embeddings; the contract for
gemini-embedding-2-preview. What gemini-embedding-2-preview takes and its shorter vectors:
docs.cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/embedding-2; of the lengths up to 3,072 that it offers,
the recommended ones. Locations are those of datasets, in any case: US, EU, or one region.
"""

from __future__ import annotations

from dataclasses import dataclass

MULTI_REGIONS = {"us": "us-central1", "eu": "europe-west4"}
"""The Vertex AI location that serves a dataset in a multi-region."""

_EUROPE = [
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
]
_OTHER_REGIONS = [
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
]
_HOURS = 6
"""A query runs for at most six hours; rows per job are what the request quota lets through in that time."""


@dataclass(frozen=True)
class Endpoint:
    """One embedding model. The first dimension is the default; `europe` is the quota of European single regions."""

    name: str
    dimensions: tuple[int, ...]
    locations: frozenset[str]
    requests_per_minute: int
    europe_requests_per_minute: int
    content_types: tuple[str, ...]
    """Of images."""


ENDPOINTS = {
    endpoint.name: endpoint
    for endpoint in (
        Endpoint(
            name="multimodalembedding@001",
            dimensions=(1408, 128, 256, 512),
            locations=frozenset([*MULTI_REGIONS, *_EUROPE, *_OTHER_REGIONS]),
            requests_per_minute=600,
            europe_requests_per_minute=120,
            content_types=("image/bmp", "image/gif", "image/jpeg", "image/png"),
        ),
        Endpoint(
            name="gemini-embedding-2-preview",
            dimensions=(3072, 768, 1536),
            locations=frozenset(["us", "us-central1"]),
            requests_per_minute=4000,
            europe_requests_per_minute=4000,
            content_types=("image/jpeg", "image/png"),
        ),
    )
}


def served(endpoint: str, location: str) -> bool:
    """Whether the endpoint exists in a dataset's location."""
    return endpoint in ENDPOINTS and location.lower() in ENDPOINTS[endpoint].locations


def vertex_location(location: str) -> str:
    """The Vertex AI location that answers for a dataset's location."""
    return MULTI_REGIONS.get(location.lower(), location.lower())


def requests_per_minute(endpoint: str, location: str) -> int:
    """Requests a minute, shared by all queries of the project there. Raises KeyError for no such endpoint."""
    facts = ENDPOINTS[endpoint]
    return facts.europe_requests_per_minute if location.lower() in _EUROPE else facts.requests_per_minute


def rows_per_job(endpoint: str, location: str) -> int:
    """Rows one job may embed; those above get the `maximum size quota` status. Raises KeyError for no such endpoint."""
    return requests_per_minute(endpoint, location) * 60 * _HOURS
