"""Every service of the local cloud over one context, behind one ASGI application.

What no service answers is refused in the services' error shape: 501 notImplemented under a known service, 404
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from localcloud.apis.bigquery import api
from localcloud.apis.bigquery.jobs import INTERNAL, Jobs
from localcloud.apis.vertex.loading import LoadingEmbedder
from localcloud.core.disk import full
from localcloud.core.errors import ApiError, Unsupported, not_found
from localcloud.engine import SqlEngine
from localcloud.http import auth
from localcloud.http.context import Context
from localcloud.http.discovery.requests import CheckedRequests
from localcloud.http.middleware import Gate
from localcloud.server import control
from localcloud.server.cloud import LocalServices

#: What follows these is a call to a service that is there; what it does not know is refused as unsupported.
_SERVICES = (
    *("/bigquery/", "/bigqueryconnection/", "/dataform/", "/cloudresourcemanager/", "/serviceusage/", "/storage/"),
    *("/upload/", "/download/", "/aiplatform/", "/batch"),
)
_PATIENCE = 0.5
"""Seconds that running jobs are given to end when the server does."""


@dataclass(frozen=True)
class LocalCloud:
    """The application, and what ends it: first the jobs, at last the state."""

    app: ASGIApp
    cancel_jobs: Callable[[], None]
    close: Callable[[], None]


def assemble(context: Context, authority: auth.Authority, embedder: LoadingEmbedder) -> LocalCloud:
    """Put it together; jobs that an earlier server left unfinished become failed ones."""
    cloud = LocalServices(context, embedder)
    engine = SqlEngine(context.store, cloud, lambda: context.settings.index_delay)
    jobs = Jobs(context, engine)
    routes = [
        control.health(context, embedder.describe),
        *control.routes(context, cloud.ledger.totals, authority.issue, jobs.states),
        *auth.routes(authority),
        *api.routes(context, jobs, cloud),
        *cloud.routes(),
    ]
    errors = {
        ApiError: _refused,
        HTTPException: _unknown,
        duckdb.TransactionException: _conflicting,
        Exception: _failed,
    }
    app = Starlette(routes=routes, exception_handlers=errors)
    return LocalCloud(
        Gate(CheckedRequests(app), context, authority.member), lambda: jobs.stop(_PATIENCE), context.store.close
    )


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), status_code=error.code)


def _unknown(request: Request, error: Exception) -> Response:
    """No route: neither the path nor the method is known."""
    what = f"{request.method} {request.url.path}"
    known = request.url.path.startswith(_SERVICES)
    return _refused(request, Unsupported(what) if known else not_found(f"The local cloud serves nothing at {what}"))


def _conflicting(request: Request, error: Exception) -> Response:
    """Two transactions changed the same thing and this one gave way; the services' clients send it again."""
    return _refused(request, ApiError(503, "backendError", "Concurrent changes; please retry the request."))


def _failed(request: Request, error: Exception) -> Response:
    """A full disk, or a bug. Starlette raises it again after this answer, so that the traceback is logged."""
    no_room = full(error)
    if no_room is not None:
        return _refused(request, no_room)
    message = f"The local cloud failed: {type(error).__name__}: {error} (server.log has the traceback)"
    return _refused(request, ApiError(500, INTERNAL, message))
