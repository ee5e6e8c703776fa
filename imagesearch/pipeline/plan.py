"""What a run would do, cost and refuse: from the settings alone, and from the data once there are any.

Nothing here changes or pays anything. Prices and quotas are the dated ones of prices.py and models.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any, Literal

from imagesearch.errors import ImageSearchError, OverBudget, PruneRefused
from imagesearch.pipeline.embeddings import Counts, Embeddings, batch_size
from imagesearch.settings import prices
from imagesearch.settings.endpoints import ENDPOINTS, Endpoint
from imagesearch.settings.schema import Settings

NOTICE = timedelta(days=365)
"""How long before an endpoint retires its users are warned."""


@dataclass(frozen=True)
class Work:
    """Embedding `images` images: what it costs, and what it takes at the location's quota."""

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
    embed: Work | None
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


def embedding(endpoint: str, location: str, images: int) -> Work:
    """What embedding so many images takes."""
    quota = ENDPOINTS[endpoint].quota_in(location)
    return Work(
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
    todo = None if images is None else embedding(settings.embedding.endpoint, where, images)
    warnings = [notice] if (notice := retirement(settings.embedding.model)) else []
    if todo and todo.usd > settings.embedding.budget_usd:
        warnings.append(
            f"If there are that many images, a run is refused: {prices.words(todo.usd)} is over "
            f"embedding.budgetUsd = {settings.embedding.budget_usd:g}."
        )
    if todo and todo.minutes > settings.embedding.deadline_minutes:
        warnings.append(_too_long(todo, settings.embedding.deadline_minutes))
    return Plan("settings", todo, images, 0, 0, 0, (), tuple(warnings))


def of_data(work: Embeddings, counts: Counts) -> Plan:
    """The plan of a stack that is there."""
    todo = embedding(work.endpoint, work.location, counts.pending)
    warnings = [notice] if (notice := retirement(ENDPOINTS[work.endpoint])) else []
    if todo.minutes > work.deadline_minutes:
        warnings.append(_too_long(todo, work.deadline_minutes))
    return Plan(
        "data",
        todo,
        counts.new,
        counts.changed,
        counts.stale,
        counts.beyond_limit if work.prune_to_limit else 0,
        tuple(refusal.what for refusal in refusals(work, counts)),
        tuple(warnings),
    )


def work(todo: Embeddings, counts: Counts) -> str:
    """One line: what a run would embed and delete, at what cost, how long that takes, and what it would refuse."""
    ahead = of_data(todo, counts)
    parts = [*_parts(ahead, todo.location), *(f"this would be refused: {refusal}" for refusal in ahead.refusals)]
    return "; ".join(parts) or "nothing to do"


def upper_bound(settings: Settings) -> str:
    """One line: the most that making the stack can embed and cost; how much it is, only the bucket's listing tells."""
    embedding = settings.embedding
    return most(embedding.endpoint, settings.dataset.location, settings.images.limit, embedding.budget_usd)


def most(endpoint: str, location: str, limit: int | None, budget: float) -> str:
    """One line: what embedding everything that the limit allows takes."""
    if limit is not None:
        return f"embed at most {limit:,} images (images.limit): {terms(embedding(endpoint, location, limit), location)}"
    quota = ENDPOINTS[endpoint].quota_in(location)
    return (
        f"embed all images there are, for images.limit is null: {prices.words(prices.estimate(endpoint, 1_000))} and "
        f"at least {duration(quota.minutes(1_000))} for every 1,000, at {location}'s quota of "
        f"{quota.requests_per_minute:,} a minute; over embedding.budgetUsd = {budget:g} a run refuses to start"
    )


def words(ahead: Plan, location: str) -> str:
    """What a run over the data would do."""
    return "; ".join(_parts(ahead, location)) or "embed, delete and pay nothing: the embeddings are what the bucket is"


def _parts(ahead: Plan, location: str) -> list[str]:
    parts = []
    if ahead.embed and ahead.embed.images:
        told = f"{ahead.new or 0:,} new and {ahead.changed or 0:,} changed images"
        parts.append(f"embed {told}: {terms(ahead.embed, location)}")
    if ahead.delete_gone:
        parts.append(f"delete the embeddings of {ahead.delete_gone:,} images that are gone")
    if ahead.delete_beyond_limit:
        parts.append(f"delete {ahead.delete_beyond_limit:,} embeddings beyond images.limit")
    return parts


def terms(todo: Work, location: str) -> str:
    """What the work costs and takes, in words."""
    return (
        f"about {prices.words(todo.usd)}, at least {duration(todo.minutes)} at {location}'s quota of "
        f"{todo.images_per_minute:,} a minute, {_jobs(todo.batches)}"
    )


def duration(minutes: float) -> str:
    """A time as a person reads it: minutes rounded up, from two hours on hours with a tenth."""
    if minutes < 120:
        return f"{ceil(minutes)} minute{'' if ceil(minutes) == 1 else 's'}"
    return f"{minutes / 60:,.1f} hours"


def refusals(work: Embeddings, counts: Counts) -> list[ImageSearchError]:
    """Why a run stops before anything is changed or paid; nothing when it goes ahead."""
    return [found for found in (_prune(work, counts), _budget(work, counts)) if found]


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


def estimate(settings: Settings) -> dict[str, Any]:
    """The most that embedding can take under these settings: images, dollars, hours at the location's quota, jobs.

    Without a limit there is no most, and `images` is None.
    """
    images = settings.images.limit
    if images is None:
        return {"images": None, "usd": None, "hours": None, "jobs": None}
    todo = embedding(settings.embedding.endpoint, settings.dataset.location, images)
    hours = settings.embedding.model.quota_in(settings.dataset.location).minutes(images) / 60
    return {"images": images, "usd": todo.usd, "hours": round(hours, 2), "jobs": todo.jobs}


def _prune(work: Embeddings, counts: Counts) -> PruneRefused | None:
    if not counts.stored or counts.stale / counts.stored <= work.max_prune_fraction:
        return None
    return PruneRefused(
        f"{counts.stale:,} of {counts.stored:,} embedded images are gone from the bucket "
        f"({counts.stale / counts.stored:.0%}), more than embedding.maxPruneFraction = {work.max_prune_fraction:g} "
        "allows; nothing was deleted.",
        "If that is right, raise embedding.maxPruneFraction for one run. If not, check images.uris and the bucket.",
    )


def _budget(work: Embeddings, counts: Counts) -> OverBudget | None:
    dollars = prices.estimate(work.endpoint, counts.pending)
    if dollars <= work.budget_usd:
        return None
    return OverBudget(
        f"Embedding {counts.pending:,} images costs about {prices.words(dollars)}, over "
        f"embedding.budgetUsd = {work.budget_usd:g}; nothing was paid.",
        "Raise embedding.budgetUsd, or lower images.limit.",
    )


def _too_long(todo: Work, deadline: float) -> str:
    return (
        f"It takes at least {duration(todo.minutes)}, and embedding.deadlineMinutes is {deadline:g}: a run stops then, "
        "and the next one goes on."
    )


def _jobs(batches: int) -> str:
    return f"{batches:,} job{'' if batches == 1 else 's'} or more"
