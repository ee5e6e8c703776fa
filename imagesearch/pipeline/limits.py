"""Why a run stops, or does not begin: the budget, the deadline, rounds without progress, the share that may be pruned.

Every limit is a setting of `embedding`; what was embedded by then is kept.
"""

from __future__ import annotations

import time

from imagesearch.errors import DeadlinePassed, ImageSearchError, OverBudget, PruneRefused, Stalled
from imagesearch.pipeline.embeddings import Counts, EmbeddingsSpec, Tally
from imagesearch.settings import prices


def refusals(spec: EmbeddingsSpec, counts: Counts) -> list[ImageSearchError]:
    """Why a run does not begin: nothing is changed or paid then."""
    return [found for found in (_too_much_to_prune(spec, counts), _too_expensive(spec, counts)) if found]


class Limits:
    """How much of its limits one run has used."""

    def __init__(self, spec: EmbeddingsSpec) -> None:
        self._spec = spec
        self.deadline = time.monotonic() + spec.deadline_minutes * 60
        """On time.monotonic()."""
        self._charged = 0
        self._rounds_without_progress = 0

    def sleep(self, seconds: float) -> None:
        """Raises DeadlinePassed, at once, when the deadline falls into that time."""
        if time.monotonic() + seconds > self.deadline:
            raise DeadlinePassed(
                f"The deadline of {self._spec.deadline_minutes:g} minutes passed with images still failing.",
                "Run `pulumi up` again: it goes on from here. embedding.deadlineMinutes sets the deadline.",
            )
        time.sleep(seconds)

    def allow(self, images: int) -> None:
        """Raises OverBudget when so many more images would cost more than the budget.

        The plan was within it; what a run really has embedded must be, too, whatever is pending by then.
        """
        dollars = prices.estimate(self._spec.endpoint, self._charged + images)
        if dollars > self._spec.budget_usd:
            raise OverBudget(
                f"This run has had {self._charged:,} images embedded, and {images:,} more come to about "
                f"{prices.words(dollars)}, over embedding.budgetUsd = {self._spec.budget_usd:g}: more are pending than "
                "were planned.",
                "What was embedded is kept. If the bucket is growing, run `pulumi up` again with a larger budget.",
            )

    def note(self, tally: Tally, *, excused: bool) -> bool:
        """Take note of a batch that has ended. Whether the run may go on.

        `excused`: a batch without progress is not counted, for a grant may be on its way.
        """
        self._charged += tally.settled
        self._rounds_without_progress = 0 if tally.settled or excused else self._rounds_without_progress + 1
        return self._rounds_without_progress < self._spec.max_attempts


def stalled(spec: EmbeddingsSpec, counts: Counts, commonest_failure: str) -> Stalled:
    """The error of a run that may not go on."""
    return Stalled(
        f"{spec.max_attempts} rounds went by without one more image: {counts.embedded:,} of {counts.target:,} are "
        f"embedded, {counts.set_aside:,} set aside, {counts.pending:,} pending; the commonest status is "
        f"{commonest_failure}.",
        "What was embedded is kept. Look at the quota of the endpoint and run again; embedding.maxAttempts sets how "
        "many such rounds are allowed.",
    )


def _too_much_to_prune(spec: EmbeddingsSpec, counts: Counts) -> PruneRefused | None:
    if not counts.stored or counts.stale / counts.stored <= spec.max_prune_fraction:
        return None
    return PruneRefused(
        f"{counts.stale:,} of {counts.stored:,} embedded images are gone from the bucket "
        f"({counts.stale / counts.stored:.0%}), more than embedding.maxPruneFraction = {spec.max_prune_fraction:g} "
        "allows; nothing was deleted.",
        "If that is right, raise embedding.maxPruneFraction for one run. If not, check images.uris and the bucket.",
    )


def _too_expensive(spec: EmbeddingsSpec, counts: Counts) -> OverBudget | None:
    dollars = prices.estimate(spec.endpoint, counts.pending)
    if dollars <= spec.budget_usd:
        return None
    return OverBudget(
        f"Embedding {counts.pending:,} images costs about {prices.words(dollars)}, over "
        f"embedding.budgetUsd = {spec.budget_usd:g}; nothing was paid.",
        "Raise embedding.budgetUsd, or lower images.limit.",
    )
