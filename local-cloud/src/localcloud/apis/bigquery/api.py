"""The BigQuery v2 API, put together: datasets, tables, models, jobs, and a refusal by name for everything else."""

from __future__ import annotations

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.apis.bigquery import datasets, job_routes, models, tables
from localcloud.apis.bigquery.access import Access
from localcloud.apis.bigquery.jobs import Jobs
from localcloud.apis.iam import Iam
from localcloud.apis.service_usage import Services
from localcloud.core.errors import access_denied
from localcloud.core.ports import Cloud
from localcloud.http.context import Context, member_of
from localcloud.http.rest import page, partial_json

SERVICE = "bigquery.googleapis.com"


def routes(context: Context, jobs: Jobs, cloud: Cloud) -> list[Route]:
    """Every route of the service. They answer 403 accessNotConfigured while the project has it disabled."""
    access = Access(Iam(context))
    found = [
        *datasets.routes(context, access),
        *tables.routes(context, access, jobs.engine, cloud),
        *models.routes(context, access),
        *job_routes.routes(context, jobs, access),
        *_projects(context),
    ]
    enabled = [Middleware(_Enabled, services=Services(context))]
    return [Route(r.path, r.endpoint, methods=list(r.methods or ()), middleware=enabled) for r in found]


class _Enabled:
    """ASGI middleware: whether the project uses the service at all."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._services.require(SERVICE)
        await self._app(scope, receive, send)


def _projects(context: Context) -> list[Route]:
    project = {
        "kind": "bigquery#project",
        "id": context.project,
        "numericId": context.project_number,
        "projectReference": {"projectId": context.project},
        "friendlyName": context.project,
    }
    account = f"bq-{context.project_number}@bigquery-encryption.iam.gserviceaccount.com"

    def projects(request: Request) -> Response:
        seen = Iam(context).allows(member_of(request), "resourcemanager.projects.get", f"projects/{context.project}")
        shown, _ = page([(context.project, project)] * seen, request)
        answer = {"kind": "bigquery#projectList", "etag": "local", "projects": shown, "totalItems": int(seen)}
        return partial_json(request, answer)

    def service_account(request: Request) -> Response:
        project = request.path_params["project"]
        if project != context.project:
            raise access_denied(f"Access Denied: Project {project}: it does not exist, or access to it is denied.")
        return partial_json(request, {"kind": "bigquery#getServiceAccountResponse", "email": account})

    return [
        Route("/bigquery/v2/projects", projects, methods=["GET"]),
        Route("/bigquery/v2/projects/{project}/serviceAccount", service_account, methods=["GET"]),
    ]
