"""What a test asks the local cloud to do wrong: a plan, set over the control API and forgotten by a restart.

Request faults (`POST /control/faults`), tried in the order they were set; the first whose path, method and count match
acts:

    {"path": "regex, searched in the URL's path", "method": "POST", "times": 1,
     "when": "before" | "after",      after: the request is handled, then its answer is lost
     "status": 503, "reason": "backendError", "message": "…",
     "drop": true,                    the connection is closed without an answer, instead of `status`
     "delay": 0.5}                    wall seconds before anything else happens; alone it only delays

Row faults, in the embeddings of SQL statements:

    {"rows": {"rate": 0.3, "seed": 1, "status": "A retryable error occurred: …"}}     chosen by a hash of seed and uri
    {"rows": {"uris": ["gs://…"], "status": "…", "times": 2}}                         each uri fails `times` times
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from localcloud.errors import ApiError, invalid

RETRYABLE = "A retryable error occurred: RESOURCE_EXHAUSTED error from remote service/endpoint."


@dataclass
class RequestFault:
    """One request fault; `times` None is for ever."""

    path: str
    method: str | None = None
    times: int | None = 1
    when: str = "before"
    status: int | None = None
    reason: str = "backendError"
    message: str = "Error encountered during execution. Retrying may solve the problem."
    drop: bool = False
    delay: float = 0.0

    def matches(self, method: str, path: str) -> bool:
        """Whether it acts on this request."""
        return self.times != 0 and self.method in (None, method) and re.search(self.path, path) is not None

    def error(self) -> ApiError | None:
        """The answer to give; None when it only delays."""
        return ApiError(self.status, self.reason, self.message) if self.status else None


@dataclass
class RowFault:
    """Rows whose embedding fails: the named ones, or a share of all; `times` is a count for each uri."""

    status: str = RETRYABLE
    rate: float = 0.0
    seed: int = 0
    uris: list[str] = field(default_factory=list)
    times: int | None = None
    seen: dict[str, int] = field(default_factory=dict)

    def fails(self, uri: str) -> bool:
        """Whether this row fails now; counts the failure."""
        if uri not in self.uris and _share(self.seed, uri) >= self.rate:
            return False
        if self.times is not None and self.seen.get(uri, 0) >= self.times:
            return False
        self.seen[uri] = self.seen.get(uri, 0) + 1
        return True


class Faults:
    """The plan. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[RequestFault] = []
        self._rows: list[RowFault] = []

    def add(self, fault: dict[str, Any]) -> None:
        """Add one fault in the form of the module's docstring. Raises ApiError invalid for anything else."""
        with self._lock:
            if "rows" in fault:
                self._rows.append(_parse(RowFault, fault["rows"]))
            else:
                self._requests.append(_checked(_parse(RequestFault, fault)))

    def clear(self) -> None:
        """Forget the plan."""
        with self._lock:
            self._requests.clear()
            self._rows.clear()

    def of_request(self, method: str, path: str) -> RequestFault | None:
        """The fault that acts on this request, counted; None when it is to be handled as usual."""
        with self._lock:
            for fault in self._requests:
                if fault.matches(method, path):
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def row_status(self, uri: str) -> str | None:
        """The status with which the embedding of this object (or text) fails; None when it does not."""
        with self._lock:
            return next((fault.status for fault in self._rows if fault.fails(uri)), None)

    def describe(self) -> dict[str, Any]:
        """The plan as JSON, with what is left of it."""
        with self._lock:
            return {"requests": [asdict(f) for f in self._requests], "rows": [asdict(f) for f in self._rows]}


def _parse(kind: Any, values: Any) -> Any:
    try:
        return kind(**values)
    except TypeError as error:
        raise invalid(f"not a fault: {error}") from None


def _checked(fault: RequestFault) -> RequestFault:
    try:
        re.compile(fault.path)
    except re.error as error:
        raise invalid(f"path is no regular expression: {error}") from None
    if fault.when not in ("before", "after"):
        raise invalid(f"when must be before or after, not {fault.when!r}")
    if not (fault.status or fault.drop or fault.delay):
        raise invalid("a fault needs one of status, drop, delay")
    return fault


def _share(seed: int, uri: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed} {uri}".encode()).digest()[:7], "big") / 2**56
