"""Injected faults: a plan of what is to fail, set over the control API and forgotten by a restart.

Request faults (`POST /control/faults`), tried in the order they were set; the first whose path, method and count match
applies:

    {"path": "regex, searched in the URL's path", "method": "POST", "times": 1,
     "when": "before" | "after",      after: the request is handled, then its answer is lost
     "status": 503, "reason": "backendError", "message": "…",
     "drop": true,                    the connection is closed without an answer, instead of `status`
     "delay": 0.5,                    wall seconds before anything else happens; alone it only delays
     "hold": true, "seconds": 60,     the request waits, before or after it is handled, for `POST
                                      /control/faults/release` or until `seconds` of wall time have passed; then it
                                      continues. When its client disconnects it ends: held before, it is never handled.
                                      `GET /control/state` lists what is held
     "kill": true,                    the server ends there by SIGKILL
     "body": "regex",                 searched in the request's body, beside `path`
     "skip": 3}                       this many that match are let through first

Job faults, by id; the job was accepted and ends without having written anything:

    {"jobs": {"id": "regex", "reason": "jobInternalError" | "jobRateLimitExceeded" | "jobBackendError", "times": 1}}
    {"jobs": {"id": "regex", "kill": true, "when": "before" | "after"}}      the server ends by SIGKILL before the job's
                                      statement runs, or after: what the endpoint embedded is paid, nothing is written

A `reason` with `"when": "after"` is refused: a job that failed has written nothing.

Row faults, in the embeddings of SQL statements:

    {"rows": {"rate": 0.3, "seed": 1, "status": "A retryable error occurred: …"}}     chosen by a hash of seed and uri
    {"rows": {"uris": ["gs://…"], "status": "…", "times": 2}}                         each uri fails `times` times
"""

from __future__ import annotations

import hashlib
import math
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import TypeVar

from localcloud.core.errors import ApiError, Unsupported, invalid

RETRYABLE = "A retryable error occurred: RESOURCE_EXHAUSTED error from remote service/endpoint."
JOB_REASONS = ("jobInternalError", "jobRateLimitExceeded", "jobBackendError")
"""With which a job can fail though its statement is good (docs/bigquery-contract.md, "10. Errors and jobs")."""


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
    hold: bool = False
    seconds: float = 60.0
    kill: bool = False
    body: str = ""
    skip: int = 0

    def matches(self, method: str, path: str, body: bytes) -> bool:
        """Whether method, path and body are those of this fault."""
        return (
            self.times != 0
            and self.method in (None, method)
            and re.search(self.path, path) is not None
            and re.search(self.body, body.decode(errors="replace")) is not None
        )

    def applies(self) -> bool:
        """Whether it applies to a request that matches; counts it."""
        if self.skip:
            self.skip -= 1
            return False
        self.times = None if self.times is None else self.times - 1
        return True

    def error(self) -> ApiError | None:
        """The answer to give; None when it only delays."""
        return ApiError(self.status, self.reason, self.message) if self.status else None


@dataclass
class JobFault:
    """Jobs that end with `reason` before their statement runs, or end the server."""

    id: str
    reason: str = ""
    times: int | None = 1
    when: str = "before"
    kill: bool = False

    def applies(self, job_id: str, when: str) -> bool:
        """Whether it applies to this job now; counts it."""
        if self.times == 0 or self.when != when or re.search(self.id, job_id) is None:
            return False
        self.times = None if self.times is None else self.times - 1
        return True

    def error(self) -> ApiError:
        """What the job ends with."""
        return ApiError(400, self.reason, f"The job ended with {self.reason}. Please retry with a new job id.")


@dataclass
class HeldRequest:
    """A request that waits."""

    method: str
    path: str
    when: str
    released: threading.Event = field(default_factory=threading.Event)


@dataclass
class RowFault:
    """Rows whose embedding fails: the named ones, or a share of all; `times` is a count for each uri."""

    status: str = RETRYABLE
    rate: float = 0.0
    seed: int = 0
    uris: list[str] = field(default_factory=list)
    times: int | None = None
    seen: dict[str, int] = field(default_factory=dict, init=False)

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
        self._jobs: list[JobFault] = []
        self._held: list[HeldRequest] = []

    def add(self, fault: Mapping[str, object]) -> None:
        """Add one fault in the form of the module's docstring. Raises ApiError invalid for anything else."""
        self.add_all([fault])

    def add_all(self, faults: Sequence[Mapping[str, object]]) -> None:
        """Add several, or none when one of them is wrong. Raises ApiError."""
        read = [_parse_fault(fault) for fault in faults]
        with self._lock:
            for fault in read:
                if isinstance(fault, RowFault):
                    self._rows.append(fault)
                elif isinstance(fault, JobFault):
                    self._jobs.append(fault)
                else:
                    self._requests.append(fault)

    def clear(self) -> None:
        """Forget the plan, and release held requests."""
        with self._lock:
            self._requests.clear()
            self._rows.clear()
            self._jobs.clear()
        self.release()

    def of_request(self, method: str, path: str, body: bytes = b"") -> RequestFault | None:
        """The fault that applies to this request, counted; None when it is to be handled as usual."""
        with self._lock:
            for fault in self._requests:
                if fault.matches(method, path, body):
                    return fault if fault.applies() else None
        return None

    def of_job(self, job_id: str, when: str) -> JobFault | None:
        """The fault that applies to this job now, counted; None when the job is to continue."""
        with self._lock:
            return next((fault for fault in self._jobs if fault.applies(job_id, when)), None)

    @contextmanager
    def holding(self, method: str, path: str, when: str) -> Iterator[HeldRequest]:
        """Inside it, the request is listed as held."""
        held = HeldRequest(method, path, when)
        with self._lock:
            self._held.append(held)
        try:
            yield held
        finally:
            with self._lock:
                self._held.remove(held)

    def release(self) -> None:
        """Let every held request continue."""
        with self._lock:
            for held in self._held:
                held.released.set()

    def row_status(self, uri: str) -> str | None:
        """The status with which the embedding of this object (or text) fails; None when it does not."""
        with self._lock:
            return next((fault.status for fault in self._rows if fault.fails(uri)), None)

    def describe(self) -> dict[str, list[dict[str, object]]]:
        """The plan as JSON, with what is left of it."""
        with self._lock:
            return {
                "requests": [asdict(fault) for fault in self._requests],
                "jobs": [asdict(fault) for fault in self._jobs],
                "rows": [asdict(fault) for fault in self._rows],
                "held": [{"method": one.method, "path": one.path, "when": one.when} for one in self._held],
            }


Fault = TypeVar("Fault", RequestFault, JobFault, RowFault)
#: What a field's value may be, by the field's type.
_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "int | None": (int, type(None)),
    "float": (int, float),
    "bool": (bool,),
    "list[str]": (list,),
    "dict[str, int]": (dict,),
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def _parse_fault(fault: object) -> RequestFault | JobFault | RowFault:
    if not isinstance(fault, dict):
        raise invalid(f"not a fault: {fault!r}")
    for name, read in (("rows", _row_fault), ("jobs", _job_fault)):
        if name in fault:
            if others := [key for key in fault if key != name]:
                raise invalid(f"not a fault: {others[0]!r} is beside {name!r}; these are two faults")
            return read(fault[name])
    return _request_fault(fault)


def _parse_fields(kind: type[Fault], values: object) -> Fault:
    keys = [each.name for each in fields(kind) if each.init]
    if not isinstance(values, dict) or (unknown := sorted(set(values) - set(keys))):
        what = repr(values) if not isinstance(values, dict) else f"{unknown[0]!r} is no key of one"
        raise invalid(f"not a fault: {what}; the keys here are {', '.join(keys)}")
    for known in fields(kind):
        if known.init and known.default is MISSING and known.default_factory is MISSING and known.name not in values:
            raise invalid(f"not a fault: {known.name} is missing")
    parsed = kind(**values)
    for known in fields(kind):
        value = getattr(parsed, known.name)
        if not isinstance(value, _KINDS[str(known.type)]) or (isinstance(value, bool) and known.type != "bool"):
            raise invalid(f"not a fault: {known.name} must be of type {known.type}, not {value!r}")
    if parsed.times is not None and parsed.times < 1:
        raise invalid(f"times must be 1 or more, or null for ever, not {parsed.times}")
    return parsed


def _request_fault(values: Mapping[str, object]) -> RequestFault:
    fault = _parse_fields(RequestFault, values)
    _check_pattern("path", fault.path)
    _check_pattern("body", fault.body)
    _check_when(fault.when)
    if fault.method not in (None, *_METHODS):
        raise invalid(f"method must be one of {', '.join(_METHODS)}, not {fault.method!r}")
    if fault.status is not None and not 400 <= fault.status <= 599:
        raise invalid(f"status must be that of an error, 400 to 599, not {fault.status}")
    for name, least in (("skip", 0), ("delay", 0), ("seconds", 0)):
        if not least <= getattr(fault, name) < math.inf:
            raise invalid(f"{name} must be zero or more, not {getattr(fault, name)}")
    ends = [name for name in ("status", "drop", "kill") if getattr(fault, name)]
    if not (ends or fault.delay or fault.hold):
        raise invalid("a fault needs one of status, drop, delay, hold, kill")
    if len(ends) > 1:
        raise invalid(f"a fault must be one of {' and '.join(ends)}, not both")
    for name, needed in (("reason", "status"), ("message", "status"), ("seconds", "hold")):
        if name in values and not getattr(fault, needed):
            raise invalid(f"a fault with {name} needs {needed}")
    if fault.status and not (fault.reason and fault.message):
        raise invalid("reason and message must not be empty")
    return fault


def _job_fault(values: object) -> JobFault:
    fault = _parse_fields(JobFault, values)
    _check_pattern("id", fault.id)
    _check_when(fault.when)
    if fault.kill == bool(fault.reason):
        raise invalid("a job fault needs either reason or kill")
    if fault.reason and fault.reason not in JOB_REASONS:
        raise invalid(f"reason must be one of {', '.join(JOB_REASONS)}, not {fault.reason!r}")
    if fault.reason and fault.when == "after":
        raise Unsupported("a job that fails after its statement has run: a failed job has written nothing")
    return fault


def _row_fault(values: object) -> RowFault:
    fault = _parse_fields(RowFault, values)
    if not all(isinstance(uri, str) for uri in fault.uris):
        raise invalid(f"uris must be texts, not {fault.uris!r}")
    if not 0 <= fault.rate <= 1:
        raise invalid(f"rate must be a share, 0 to 1, not {fault.rate}")
    if not (fault.rate or fault.uris):
        raise invalid("a row fault needs rate or uris")
    if not fault.status:
        raise invalid("status must not be empty: that is a row's success")
    return fault


def _check_pattern(name: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise invalid(f"{name} is no regular expression: {error}") from None


def _check_when(when: str) -> None:
    if when not in ("before", "after"):
        raise invalid(f"when must be before or after, not {when!r}")


def _share(seed: int, uri: str) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed} {uri}".encode()).digest()[:7], "big") / 2**56
