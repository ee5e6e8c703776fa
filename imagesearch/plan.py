"""What a run would do and cost: from the settings alone, and from the data once there are any."""

from __future__ import annotations

from typing import Any

from imagesearch import prices
from imagesearch.embeddings import Counts, Embeddings
from imagesearch.models import ENDPOINTS
from imagesearch.settings import Settings


def work(todo: Embeddings, counts: Counts) -> str:
    """One line: what a run would embed and delete, at what cost, and how long that takes at the quota."""
    quota = ENDPOINTS[todo.endpoint].quota_in(todo.location)
    parts = []
    if counts.pending:
        hours = quota.minutes(counts.pending) / 60
        price = prices.words(prices.estimate(todo.endpoint, counts.pending))
        parts.append(
            f"embed {counts.new:,} new and {counts.changed:,} changed images: {counts.pending:,} requests, about "
            f"{price}, at least {hours:.2f} hours at {todo.location}'s quota of {quota.requests_per_minute:,} a "
            f"minute, {quota.jobs(counts.pending):,} jobs or more"
        )
    if counts.stale:
        parts.append(f"delete the embeddings of {counts.stale:,} images that are gone")
    if todo.prune_to_limit and counts.beyond_limit:
        parts.append(f"delete {counts.beyond_limit:,} embeddings beyond images.limit")
    return "; ".join(parts) or "nothing to do"


def estimate(settings: Settings) -> dict[str, Any]:
    """The most that embedding can take under these settings: images, dollars, hours at the location's quota, jobs.

    Without a limit there is no most, and `images` is None.
    """
    images = settings.images.limit
    if images is None:
        return {"images": None, "usd": None, "hours": None, "jobs": None}
    quota = settings.embedding.model.quota_in(settings.dataset.location)
    return {
        "images": images,
        "usd": round(prices.estimate(settings.embedding.endpoint, images), 4),
        "hours": round(quota.minutes(images) / 60, 2),
        "jobs": quota.jobs(images),
    }
