"""Every service of the local cloud over one context, behind one ASGI application.

What no service answers is refused in the services' error shape: 501 notImplemented below the path of a known service,
404 anywhere else.
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
from localcloud.http.middleware import RequestMiddleware
from localcloud.server import control
from localcloud.server.cloud import LocalServices

#: Paths of services that are served; what such a service has no route for is refused as unsupported.
_SERVICES = (
    *("/bigquery/", "/bigqueryconnection/", "/dataform/", "/cloudresourcemanager/", "/serviceusage/", "/storage/"),
    *("/upload/", "/download/", "/aiplatform/", "/batch"),
)
_JOB_GRACE = 0.5
"""Seconds that running jobs are given to end when the server does."""


@dataclass(frozen=True)
class LocalCloud:
    """The application, and the two calls that end it: the jobs first, the state last."""

    app: ASGIApp
    cancel_jobs: Callable[[], None]
    close: Callable[[], None]


def assemble(context: Context, authority: auth.Authority, embedder: LoadingEmbedder) -> LocalCloud:
    """All services over the context; jobs that an earlier server did not finish become failed ones."""
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
        ApiError: _error_answer,
        HTTPException: _no_route,
        duckdb.TransactionException: _conflict,
        Exception: _internal_error,
    }
    app = Starlette(routes=routes, exception_handlers=errors)
    return LocalCloud(
        RequestMiddleware(CheckedRequests(app), context, authority.member),
        lambda: jobs.stop(_JOB_GRACE),
        context.store.close,
    )


def _error_answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), status_code=error.code)


def _no_route(request: Request, error: Exception) -> Response:
    """No route: neither the path nor the method is known."""
    what = f"{request.method} {request.url.path}"
    known = request.url.path.startswith(_SERVICES)
    return _error_answer(
        request, Unsupported(what) if known else not_found(f"The local cloud serves nothing at {what}")
    )


def _conflict(request: Request, error: Exception) -> Response:
    """Two transactions changed the same document and this one was rolled back; the services' clients retry."""
    return _error_answer(request, ApiError(503, "backendError", "Concurrent changes; please retry the request."))


def _internal_error(request: Request, error: Exception) -> Response:
    """A full disk, or a bug. Starlette raises it again after this answer, so that the traceback is logged."""
    no_room = full(error)
    if no_room is not None:
        return _error_answer(request, no_room)
    message = f"The local cloud failed: {type(error).__name__}: {error} (server.log has the traceback)"
    return _error_answer(request, ApiError(500, INTERNAL, message))
