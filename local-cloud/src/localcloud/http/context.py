"""What every service of the local cloud is given: its state, its clock, its settings, its faults, and its caller.

Handlers are plain functions that Starlette runs in threads. The server has read the request's body (bounded) and found
the caller before a handler runs; `body_of`, `json_of` and `member_of` hand them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request

from localcloud.core.clock import Clock
from localcloud.core.errors import invalid
from localcloud.core.faults import Faults
from localcloud.core.store import Store
from localcloud.http.json_bodies import parsed


@dataclass
class Settings:
    """How the cloud behaves in time; changed by the control API. Delays in seconds of the clock."""

    service_account_delay: float = 2.0
    """From a connection's creation until its service account can be granted roles."""
    propagation_delay: float = 1.0
    """From a policy change until it acts."""
    enforce_quota: bool = False
    """Whether embedding waits for the location's requests per minute."""
    index_delay: float = 3.0
    """From CREATE VECTOR INDEX until the index covers the rows there were."""
    rows_per_job: int | None = None
    """Rows that one job may embed; None is the quota of the endpoint and location (contract section 1)."""
    concurrent_embedding_jobs: int = 5
    """Jobs of a project that embed at the same time (contract section 1)."""


@dataclass
class Context:
    """One running local cloud. Passed to each service's `routes(context)`; the one way to reach shared state."""

    home: Path
    store: Store
    clock: Clock
    url: str
    project: str = "local-project"
    project_number: str = "100000000001"
    owner: str = "user:you@example.com"
    settings: Settings = field(default_factory=Settings)
    faults: Faults = field(default_factory=Faults)

    @property
    def buckets(self) -> Path:
        """The folder that holds one folder a bucket."""
        return self.home / "buckets"


def member_of(request: Request) -> str:
    """The caller's IAM member, as the authentication layer found it."""
    return str(request.scope["localcloud.member"])


def body_of(request: Request) -> bytes:
    """The request's whole body, also in handlers that are plain functions."""
    body: bytes = request.scope["localcloud.body"]
    return body


def json_of(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object; `{}` when it is empty. Raises ApiError invalid for anything else."""
    body = body_of(request)
    if not body.strip():
        return {}
    try:
        value = parsed(body)
    except ValueError as error:
        raise invalid(f"Parse Error: {error}") from None
    if not isinstance(value, dict):
        raise invalid("Parse Error: the request body must be a JSON object")
    return value
