"""What a stack would do and cost, from its settings alone."""

from __future__ import annotations

from typing import Any

from imagesearch import prices
from imagesearch.settings import Settings


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
