"""What every service of the local cloud gets: store, clock, settings, faults; and the body and caller of a request.

Handlers are plain functions that Starlette runs in threads. RequestMiddleware has read the request's body (bounded) and
found the caller before a handler runs; `body_of`, `json_of` and `member_of` return them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from localcloud.core.clock import Clock
from localcloud.core.errors import invalid
from localcloud.core.faults import Faults
from localcloud.core.store import Document, Store
from localcloud.http.json_bodies import parse


@dataclass
class Settings:
    """Delays and quotas, changed by the control API. Delays in seconds of the clock."""

    service_account_delay: float = 2.0
    """From a connection's creation until its service account can be granted roles."""
    propagation_delay: float = 1.0
    """From a policy change until it takes effect."""
    enforce_quota: bool = False
    """Whether embedding waits for the location's requests per minute."""
    index_delay: float = 3.0
    """From CREATE VECTOR INDEX until the index covers the table's rows."""
    rows_per_job: int | None = None
    """Rows that one job may embed; None is the quota of the endpoint and location (core/quotas.py)."""
    concurrent_embedding_jobs: int = 5
    """Jobs of a project that embed at the same time (docs/bigquery-contract.md, "1. AI.GENERATE_EMBEDDING")."""


@dataclass
class Context:
    """One running local cloud. Passed to each service's `routes(context)`; services share state only through it."""

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
        """The folder that has one folder for each bucket."""
        return self.home / "buckets"


def member_of(request: Request) -> str:
    """The caller's IAM member, as the authentication layer found it."""
    return str(request.scope["localcloud.member"])


def body_of(request: Request) -> bytes:
    """The request's whole body, also in handlers that are plain functions."""
    body: bytes = request.scope["localcloud.body"]
    return body


def json_of(request: Request) -> Document:
    """The request's body as a JSON object; `{}` when it is empty. Raises ApiError invalid for anything else."""
    body = body_of(request)
    if not body.strip():
        return {}
    try:
        value = parse(body)
    except ValueError as error:
        raise invalid(f"Parse Error: {error}") from None
    if not isinstance(value, dict):
        raise invalid("Parse Error: the request body must be a JSON object")
    return value
