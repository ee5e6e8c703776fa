"""The embedding endpoints: what each offers, where, how fast, and for how long. Facts as of 2026-08-22.

Quotas and dimensions: docs/bigquery-contract.md#1-aigenerate_embedding, which names Google's page. Retirement:
docs/bigquery-contract.md#01-retirement. Formats of images: docs/bigquery-contract.md#2-the-embedding-endpoint.
Regions of multimodalembedding@001: docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations. What
gemini-embedding-2-preview takes, and its vectors shorter than the default:
docs.cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/embedding-2 (any length up to 3,072; here are the
recommended ones).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from imagesearch.gcp.locations import EUROPEAN_REGIONS, MULTI_REGIONS, OTHER_REGIONS, Quota, canonical


@dataclass(frozen=True)
class Endpoint:
    """An embedding model behind AI.GENERATE_EMBEDDING that takes images and texts."""

    name: str
    dimensions: tuple[int, ...]
    """Lengths of the vectors it offers; the first is its default."""
    locations: frozenset[str]
    """Dataset locations it is served in, canonical."""
    content_types: tuple[str, ...]
    """Images it takes. Those of other types are set aside."""
    quota: Quota
    quota_by_location: dict[str, Quota] = field(default_factory=dict)
    retires: date | None = None
    successor: str = ""

    @property
    def default_dimension(self) -> int:
        return self.dimensions[0]

    def quota_in(self, location: str) -> Quota:
        """The quota of a dataset location."""
        return self.quota_by_location.get(canonical(location), self.quota)


MULTIMODAL_EMBEDDING = Endpoint(
    name="multimodalembedding@001",
    dimensions=(1408, 128, 256, 512),
    locations=frozenset(MULTI_REGIONS) | EUROPEAN_REGIONS | OTHER_REGIONS,
    content_types=("image/bmp", "image/gif", "image/jpeg", "image/png"),
    quota=Quota(requests_per_minute=600, rows_per_job=216_000),
    quota_by_location={region: Quota(requests_per_minute=120, rows_per_job=43_200) for region in EUROPEAN_REGIONS},
    retires=date(2027, 4, 1),
    successor="gemini-embedding-2-preview",
)
GEMINI_EMBEDDING_2 = Endpoint(
    name="gemini-embedding-2-preview",
    dimensions=(3072, 768, 1536),
    locations=frozenset({"US", "us-central1"}),
    content_types=("image/jpeg", "image/png"),
    quota=Quota(requests_per_minute=4_000, rows_per_job=1_440_000),
)
ENDPOINTS = {endpoint.name: endpoint for endpoint in (MULTIMODAL_EMBEDDING, GEMINI_EMBEDDING_2)}
