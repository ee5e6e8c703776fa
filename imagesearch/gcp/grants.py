"""Retries until a granted role takes effect. That takes about two minutes, seven or more at worst."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from imagesearch.errors import PermissionMissing

Say = Callable[[str], None]
"""Reports one line of progress to the user."""

PROPAGATION_DEADLINE = 15 * 60.0
"""Seconds after which a grant without effect counts as missing (docs/bigquery-contract.md#07-grants-act-late)."""
_ACCOUNT = re.compile(r"bqcx-[\w-]+@gcp-sa-bigquery-condel\.iam\.gserviceaccount\.com")

_Result = TypeVar("_Result")


def until_granted(
    attempt: Callable[[], _Result], say: Say, *, project: str, uris: Callable[[], Sequence[str]] = tuple
) -> _Result:
    """The result of `attempt`, retried while the connection's service account is refused.

    Raises PermissionMissing after PROPAGATION_DEADLINE. It names the role, the member and the resource: the model's
    `project`, or the buckets of `uris()`, the uri patterns of the object table.
    """

    def report(state: RetryCallState) -> None:
        if state.attempt_number in (1, 5, 10) or state.attempt_number % 20 == 0:
            say(f"waiting for the grants to take effect ({state.seconds_since_start or 0:.0f} s so far)")

    retrying = Retrying(
        retry=retry_if_exception_type(PermissionMissing),
        wait=wait_exponential(multiplier=0.25, max=15),
        stop=stop_after_delay(PROPAGATION_DEADLINE),
        before_sleep=report,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except PermissionMissing as error:
        raise _with_role(error, project, uris) from None


def _with_role(error: PermissionMissing, project: str, uris: Callable[[], Sequence[str]]) -> PermissionMissing:
    """The same error, which now names the role, the member and the resource of the missing grant."""
    account = _ACCOUNT.search(error.what)
    member = f"serviceAccount:{account[0]}" if account else "the connection's service account"
    if "storage." in error.what:
        roles = "roles/storage.objectViewer and roles/storage.legacyBucketReader"
        buckets = sorted({uri.removeprefix("gs://").split("/", 1)[0] for uri in uris()})
        resource = ", ".join(f"gs://{bucket}" for bucket in buckets) or "the bucket"
    else:
        roles, resource = "roles/aiplatform.user", f"the project {project}"
    return PermissionMissing(
        f"{member} lacks {roles} on {resource}, or its grant has not taken effect after "
        f"{PROPAGATION_DEADLINE / 60:.0f} minutes. {error.what}",
        "`pulumi refresh` and `pulumi up` grant again what was taken away. A public bucket needs images.public, others "
        "must not set it.",
    )
