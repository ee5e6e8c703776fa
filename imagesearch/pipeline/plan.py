"""What a run would do, cost and refuse: from the settings alone, and from the data once there are any.

Nothing here changes or pays anything. Prices and quotas are those of imagesearch/settings/.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any, Literal

from imagesearch.pipeline import limits
from imagesearch.pipeline.embeddings import Counts, EmbeddingsSpec, batch_size
from imagesearch.settings import prices
from imagesearch.settings.endpoints import ENDPOINTS, Endpoint
from imagesearch.settings.schema import Settings

NOTICE = timedelta(days=365)
"""How long before an endpoint retires its users are warned."""


@dataclass(frozen=True)
class Estimate:
    """What embedding `images` images costs, and what it takes at the location's quota."""

    images: int
    usd: float
    minutes: float
    """At least."""
    jobs: int
    """At least: by the quota of rows a job."""
    batches: int
    """The jobs that a run submits when no row fails: five minutes of the quota each."""
    images_per_minute: int


@dataclass(frozen=True)
class Plan:
    """What the next run would do. Numbers are images; None is not known before the bucket is listed."""

    source: Literal["settings", "data"]
    """`settings`: the stack is not there yet, and every number is the most that it can be."""
    embed: Estimate | None
    new: int | None
    changed: int | None
    delete_gone: int
    """Embeddings of objects that are gone."""
    delete_beyond_limit: int
    refusals: tuple[str, ...]
    """Why a run would stop before it changes anything."""
    warnings: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def estimate(endpoint: str, location: str, images: int) -> Estimate:
    """What embedding so many images takes."""
    quota = ENDPOINTS[endpoint].quota_in(location)
    return Estimate(
        images,
        usd=round(prices.estimate(endpoint, images), 4),
        minutes=round(quota.minutes(images), 4),
        jobs=quota.jobs(images),
        batches=ceil(images / batch_size(endpoint, location)),
        images_per_minute=quota.requests_per_minute,
    )


def of_settings(settings: Settings) -> Plan:
    """The plan of a stack that is not there: the most that its settings allow."""
    images, where = settings.images.limit, settings.dataset.location
    most = None if images is None else estimate(settings.embedding.endpoint, where, images)
    warnings = [notice] if (notice := retirement(settings.embedding.endpoint_facts)) else []
    if most and most.usd > settings.embedding.budget_usd:
        warnings.append(
            f"If there are that many images, a run is refused: {prices.words(most.usd)} is over "
            f"embedding.budgetUsd = {settings.embedding.budget_usd:g}."
        )
    if most and most.minutes > settings.embedding.deadline_minutes:
        warnings.append(_too_long(most, settings.embedding.deadline_minutes))
    return Plan("settings", most, images, 0, 0, 0, (), tuple(warnings))


def of_data(spec: EmbeddingsSpec, counts: Counts) -> Plan:
    """The plan of a stack that is there."""
    pending = estimate(spec.endpoint, spec.location, counts.pending)
    warnings = [notice] if (notice := retirement(ENDPOINTS[spec.endpoint])) else []
    if pending.minutes > spec.deadline_minutes:
        warnings.append(_too_long(pending, spec.deadline_minutes))
    return Plan(
        "data",
        pending,
        counts.new,
        counts.changed,
        counts.stale,
        counts.beyond_limit if spec.prune_to_limit else 0,
        tuple(refusal.what for refusal in limits.refusals(spec, counts)),
        tuple(warnings),
    )


def summary(spec: EmbeddingsSpec, counts: Counts) -> str:
    """One line: what a run would embed and delete, at what cost, how long that takes, and what it would refuse."""
    plan = of_data(spec, counts)
    parts = [*_parts(plan, spec.location), *(f"this would be refused: {refusal}" for refusal in plan.refusals)]
    return "; ".join(parts) or "nothing to do"


def upper_bound(settings: Settings) -> str:
    """One line: the most that making the stack can embed and cost; how much it is, only the bucket's listing tells."""
    embedding = settings.embedding
    return upper_bound_of(embedding.endpoint, settings.dataset.location, settings.images.limit, embedding.budget_usd)


def upper_bound_of(endpoint: str, location: str, limit: int | None, budget: float) -> str:
    """One line: what embedding everything that the limit allows takes."""
    if limit is not None:
        at_most = describe_estimate(estimate(endpoint, location, limit), location)
        return f"embed at most {limit:,} images (images.limit): {at_most}"
    quota = ENDPOINTS[endpoint].quota_in(location)
    return (
        f"embed all images there are, for images.limit is null: {prices.words(prices.estimate(endpoint, 1_000))} and "
        f"at least {minutes_in_words(quota.minutes(1_000))} for every 1,000, at {location}'s quota of "
        f"{quota.requests_per_minute:,} a minute; over embedding.budgetUsd = {budget:g} a run refuses to start"
    )


def describe(plan: Plan, location: str) -> str:
    """What a run over the data would do, in words."""
    return "; ".join(_parts(plan, location)) or "embed, delete and pay nothing: the embeddings are what the bucket is"


def _parts(plan: Plan, location: str) -> list[str]:
    parts = []
    if plan.embed and plan.embed.images:
        images = f"{plan.new or 0:,} new and {plan.changed or 0:,} changed images"
        parts.append(f"embed {images}: {describe_estimate(plan.embed, location)}")
    if plan.delete_gone:
        parts.append(f"delete the embeddings of {plan.delete_gone:,} images that are gone")
    if plan.delete_beyond_limit:
        parts.append(f"delete {plan.delete_beyond_limit:,} embeddings beyond images.limit")
    return parts


def describe_estimate(estimate: Estimate, location: str) -> str:
    """What embedding costs and takes, in words."""
    return (
        f"about {prices.words(estimate.usd)}, at least {minutes_in_words(estimate.minutes)} at {location}'s quota of "
        f"{estimate.images_per_minute:,} a minute, {_jobs(estimate.batches)}"
    )


def minutes_in_words(minutes: float) -> str:
    """A time as a person reads it: minutes rounded up, from two hours on hours with a tenth."""
    if minutes < 120:
        return f"{ceil(minutes)} minute{'' if ceil(minutes) == 1 else 's'}"
    return f"{minutes / 60:,.1f} hours"


def retirement(endpoint: Endpoint, today: date | None = None) -> str | None:
    """A warning when the endpoint retires within a year, or has."""
    today = today or date.today()
    if endpoint.retires is None or endpoint.retires - today > NOTICE:
        return None
    days = (endpoint.retires - today).days
    left = "1 day" if days == 1 else f"{days} days"
    when = f"retires on {endpoint.retires}, in {left}" if days > 0 else f"was retired on {endpoint.retires}"
    successor = f"Its successor is {endpoint.successor}; " if endpoint.successor else ""
    return f"{endpoint.name} {when}. {successor}docs/migrating-the-model.md says how to move."


def estimate_of(settings: Settings) -> dict[str, Any]:
    """An output of the stack: the most that embedding can take. Images, dollars, hours at the location's quota, jobs.

    Without a limit there is no most, and `images` is None.
    """
    images = settings.images.limit
    if images is None:
        return {"images": None, "usd": None, "hours": None, "jobs": None}
    most = estimate(settings.embedding.endpoint, settings.dataset.location, images)
    hours = settings.embedding.endpoint_facts.quota_in(settings.dataset.location).minutes(images) / 60
    return {"images": images, "usd": most.usd, "hours": round(hours, 2), "jobs": most.jobs}


def _too_long(estimate: Estimate, deadline: float) -> str:
    return (
        f"It takes at least {minutes_in_words(estimate.minutes)}, and embedding.deadlineMinutes is {deadline:g}: a run "
        "stops then, and the next one goes on."
    )


def _jobs(batches: int) -> str:
    return f"{batches:,} job{'' if batches == 1 else 's'} or more"
