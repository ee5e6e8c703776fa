"""The program's errors, by what the user can do about them.

    ImageSearchError                   what failed, and what to do
    ├── SettingsError                  the stack config is wrong; nothing was created
    ├── NotReady                       preflight found something missing; nothing was created
    ├── StatementFailed                BigQuery refused a statement, and would refuse it again
    │   └── NotThere                   … because a dataset, table or model does not exist
    ├── NotSignedIn                    there are no credentials, or they are not valid any more
    ├── ServiceUnreachable             a service did not answer, or answered only 5xx
    ├── PermissionMissing              a role is not granted, or its grant did not take effect
    ├── NotOurs                        a resource that this stack did not create has the name of one of its own
    ├── NotSetAside                    no image that is set aside matches the arguments of `retry`
    ├── OverBudget                     embedding would cost more than `embedding.budgetUsd`
    ├── PruneRefused                   the bucket shrank by more than `embedding.maxPruneFraction`
    ├── Stalled                        several rounds embedded no image
    ├── DeadlinePassed                 `embedding.deadlineMinutes` is over; the next run continues
    ├── JobCancelled                   somebody cancelled the job; the next run continues
    ├── InvariantBroken                the embeddings violate an invariant
    └── RecallTooLow                   the index misses more than `index.minRecall` allows

`what` is one line that says what failed, `remedy` one line that says what to do. Both are printed, without a traceback.
NotReady prints its findings between the two.
"""

from __future__ import annotations


class ImageSearchError(Exception):
    """`what` failed; `remedy` says what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n{self.remedy}"


class SettingsError(ImageSearchError):
    """A key of the stack config is unknown, of the wrong type, or not allowed."""


class NotReady(ImageSearchError):
    """Preflight found something missing. `details` are its findings, each with the commands that fix it."""

    def __init__(self, what: str, remedy: str, *, details: tuple[str, ...] = ()) -> None:
        super().__init__(what, remedy)
        self.details = details

    def __str__(self) -> str:
        return "\n".join([self.what, *self.details, self.remedy])


class StatementFailed(ImageSearchError):
    """A statement failed and would fail again.

    `reason` is BigQuery's error reason (docs/bigquery-contract.md#10-errors-and-jobs); empty if there is none.
    """

    def __init__(self, what: str, remedy: str, *, reason: str = "") -> None:
        super().__init__(what, remedy)
        self.reason = reason


class NotThere(StatementFailed):
    """Something that the statement names does not exist."""


class NotSignedIn(ImageSearchError):
    """There are no credentials, or they have expired or were revoked."""


class ServiceUnreachable(ImageSearchError):
    """No response, or only responses with 5xx, until the retries ended."""


class PermissionMissing(ImageSearchError):
    """A service account lacks a role, or its grant has not taken effect within the deadline."""


class NotOurs(ImageSearchError):
    """A resource without this stack's labels has the name of one of ours, or is in a dataset that we should delete."""


class NotSetAside(ImageSearchError):
    """No image that is set aside has the uri or the status that `retry` was given."""


class OverBudget(ImageSearchError):
    """The estimate is over the budget. Nothing was paid."""


class PruneRefused(ImageSearchError):
    """So many objects disappeared at once that a mistake is likely. Nothing was deleted."""


class Stalled(ImageSearchError):
    """`embedding.maxAttempts` rounds embedded no image."""


class DeadlinePassed(ImageSearchError):
    """The time is over. What was embedded is kept."""


class JobCancelled(ImageSearchError):
    """Somebody else cancelled one of our jobs."""


class InvariantBroken(ImageSearchError):
    """A check at the end of a run failed: somebody else changed the tables."""


class RecallTooLow(ImageSearchError):
    """Measured recall is below the configured minimum."""
