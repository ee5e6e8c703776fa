"""What can go wrong, by what the reader can do about it.

    ImageSearchError                   what failed, and what to do
    ├── SettingsError                  the stack config is wrong; nothing was created
    ├── NotReady                       preflight found what is missing; nothing was created
    ├── StatementFailed                BigQuery refused a statement for good
    │   └── NotThere                   … because a dataset, table or model is gone
    ├── NotSignedIn                    there are no credentials, or they are no longer good
    ├── ServiceUnreachable             BigQuery did not answer, or kept answering 5xx
    ├── PermissionMissing              a role has not been granted, or its grant never took effect
    ├── NotOurs                        a table, model or dataset that this stack did not make is in the way
    ├── NotSetAside                    what is to be tried again was not set aside
    ├── OverBudget                     the work would cost more than `embedding.budgetUsd`
    ├── PruneRefused                   the bucket shrank by more than `embedding.maxPruneFraction`
    ├── Stalled                        rounds went by without one more image embedded
    ├── DeadlinePassed                 `embedding.deadlineMinutes` is over; the next run goes on from here
    ├── JobCancelled                   somebody cancelled the job; the next run goes on from here
    ├── InvariantBroken                the embeddings are not what they must be
    └── RecallTooLow                   the index misses more than `index.minRecall` allows

Every message is one line of what failed; `remedy` is one line of what to do. Both are shown, and no traceback.
NotReady shows its findings between the two.
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
    """Preflight found something missing. `details` are its findings, each with the commands that mend it."""

    def __init__(self, what: str, remedy: str, *, details: tuple[str, ...] = ()) -> None:
        super().__init__(what, remedy)
        self.details = details

    def __str__(self) -> str:
        return "\n".join([self.what, *self.details, self.remedy])


class StatementFailed(ImageSearchError):
    """A statement failed and would fail again. `reason` is BigQuery's (contract section 10)."""

    def __init__(self, what: str, remedy: str, *, reason: str = "") -> None:
        super().__init__(what, remedy)
        self.reason = reason


class NotThere(StatementFailed):
    """What the statement names does not exist."""


class NotSignedIn(ImageSearchError):
    """Google Cloud does not know who asks: no credentials, or ones that have expired or were taken back."""


class ServiceUnreachable(ImageSearchError):
    """No answer, or none but 5xx, for as long as we tried."""


class PermissionMissing(ImageSearchError):
    """A service account lacks a role, or its grant has not taken effect within the deadline."""


class NotOurs(ImageSearchError):
    """Something without this stack's labels stands where ours should, or in the way of removing ours."""


class NotSetAside(ImageSearchError):
    """No image that is set aside is what the command line asked to try again."""


class OverBudget(ImageSearchError):
    """The estimate is over the budget. Nothing was paid."""


class PruneRefused(ImageSearchError):
    """Too many objects vanished at once to believe it."""


class Stalled(ImageSearchError):
    """No progress for as many rounds as `embedding.maxAttempts` allows."""


class DeadlinePassed(ImageSearchError):
    """Time is up. What was embedded is kept."""


class JobCancelled(ImageSearchError):
    """A job of ours was cancelled by someone else."""


class InvariantBroken(ImageSearchError):
    """A check at the end of a run failed: the tables were changed by someone else."""


class RecallTooLow(ImageSearchError):
    """Measured recall is below the configured minimum."""
