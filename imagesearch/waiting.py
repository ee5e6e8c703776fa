"""Waiting for grants to act: by trying, not by sleeping. A grant takes about two minutes, seven or more at worst."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from imagesearch.errors import PermissionMissing

Say = Callable[[str], None]
"""Takes one line of progress."""

PROPAGATION_DEADLINE = 15 * 60.0
"""Seconds after which a grant that has not acted is taken for missing (contract section 0.7)."""

_Result = TypeVar("_Result")


def until_granted(attempt: Callable[[], _Result], say: Say, *, deadline: float = PROPAGATION_DEADLINE) -> _Result:
    """The result of `attempt`, tried again while the service account is refused; PermissionMissing in the end."""

    def tell(state: RetryCallState) -> None:
        if state.attempt_number in (1, 5, 10) or state.attempt_number % 20 == 0:
            say(f"waiting for the grants to take effect ({state.seconds_since_start or 0:.0f} s so far)")

    retrying = Retrying(
        retry=retry_if_exception_type(PermissionMissing),
        wait=wait_exponential(multiplier=0.25, max=15),
        stop=stop_after_delay(deadline),
        before_sleep=tell,
        reraise=True,
    )
    return retrying(attempt)
