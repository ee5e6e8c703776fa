"""Service Usage v1 and v1beta1: which APIs the project has enabled, and the answer of one that is not.

A new project has what Google enables in every new project of those this cloud serves. Choice: enabling and disabling
act at once (Google's pages speak of minutes), so every operation is answered done.
Sources: the discovery documents of serviceusage; cloud.google.com/service-usage/docs/enabled-service for the defaults.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.apis.iam import Iam
from localcloud.apis.projects import resolve
from localcloud.core.errors import ApiError, Unsupported, not_found
from localcloud.core.store import Document
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import from_token, integer, partial_json, refuse_unknown, refuse_verb, to_token

TITLES = {
    "aiplatform.googleapis.com": "Vertex AI API",
    "bigquery.googleapis.com": "BigQuery API",
    "bigqueryconnection.googleapis.com": "BigQuery Connection API",
    "bigquerystorage.googleapis.com": "BigQuery Storage API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "compute.googleapis.com": "Compute Engine API",
    "dataform.googleapis.com": "Dataform API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "serviceusage.googleapis.com": "Service Usage API",
    "storage-api.googleapis.com": "Google Cloud Storage JSON API",
    "storage.googleapis.com": "Cloud Storage API",
}
"""Services that can be enabled. Compute Engine, IAM and BigQuery Storage are not served here, but the tutorial's
notebook step and Google's clients ask for them to be enabled, which says nothing about calling them."""

_FROM_THE_START = {
    "bigquery.googleapis.com",
    "bigquerystorage.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage-api.googleapis.com",
    "storage.googleapis.com",
}

Handler = Callable[[Request], Response]


class Services:
    """Which services are enabled."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def enabled(self, service: str) -> bool:
        """Whether calls to the service are let through."""
        stored = self._context.store.get("service", service)
        return stored["enabled"] if stored else service in _FROM_THE_START

    def require(self, service: str) -> None:
        """Raises ApiError 403 accessNotConfigured, in Google's words, when the service is not enabled."""
        if not self.enabled(service):
            raise ServiceDisabled(service, self._context.project_number)

    def switch(self, services: Collection[str], enabled: bool) -> None:
        """Enable or disable, all or none. Raises Unsupported for a service this cloud does not know."""
        for service in services:
            if service not in TITLES:
                raise Unsupported(f"service {service!r}")
        with self._context.store.control, self._context.store.transaction() as change:
            for service in services:
                change.put("service", service, {"enabled": enabled})

    def resource(self, service: str) -> Document:
        """The service as REST answers it. Raises ApiError notFound."""
        if service not in TITLES:
            raise not_found(f"Service {service} is not known to the local cloud.")
        parent = f"projects/{self._context.project_number}"
        return {
            "name": f"{parent}/services/{service}",
            "config": {"name": service, "title": TITLES[service]},
            "state": "ENABLED" if self.enabled(service) else "DISABLED",
            "parent": parent,
        }


class ServiceDisabled(ApiError):
    """403: the API is not enabled in the project."""

    def __init__(self, service: str, project_number: str) -> None:
        page = f"https://console.developers.google.com/apis/api/{service}/overview?project={project_number}"
        super().__init__(
            403,
            "accessNotConfigured",
            f"{TITLES[service]} has not been used in project {project_number} before or it is disabled. Enable it by "
            f"visiting {page} then retry. If you enabled this API recently, wait a few minutes for the action to "
            "propagate to our systems and retry.",
        )
        self._metadata = {"service": service, "consumer": f"projects/{project_number}"}

    def body(self) -> Document:
        """The common shape, with google.rpc.ErrorInfo beside it."""
        body = super().body()
        body["error"]["errors"][0]["domain"] = "usageLimits"
        body["error"]["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": self._metadata,
            }
        ]
        return body


def when_enabled(context: Context, service: str, handler: Handler) -> Handler:
    """The handler, behind the check that its service is enabled."""
    services = Services(context)

    def checked(request: Request) -> Response:
        services.require(service)
        return handler(request)

    return checked


def routes(context: Context) -> list[Route]:
    """services.list, get, batchGet, enable, batchEnable, disable and operations.get, under v1 and v1beta1."""
    api = _ServiceUsage(context)
    found = []
    for version in ("v1", "v1beta1"):
        root = f"/serviceusage/{version}/projects/{{project}}/services"
        found += [
            Route(root, api.list, methods=["GET"]),
            Route(root + ":batchEnable", api.batch_enable, methods=["POST"]),
            Route(root + ":batchGet", api.batch_get, methods=["GET"]),
            Route(root + "/{service}:enable", api.enable, methods=["POST"]),
            Route(root + "/{service}:disable", api.disable, methods=["POST"]),
            Route(root + "/{service}", api.get, methods=["GET"]),
            Route(f"/serviceusage/{version}/operations/{{operation}}", api.operation, methods=["GET"]),
        ]
    return found


class _ServiceUsage:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._services = Services(context)
        self._iam = Iam(context)

    def list(self, request: Request) -> JSONResponse:
        self._allowed(request, "list")
        names = [name for name in sorted(TITLES) if self._selected(request, name)]
        after = from_token(request.query_params.get("pageToken", ""))
        rest = [name for name in names if name > after]
        count = min(integer(request, "pageSize", 50) or 50, 200)
        answer: Document = {"services": [self._services.resource(name) for name in rest[:count]]}
        if rest[count:]:
            answer["nextPageToken"] = to_token(rest[count - 1])
        return partial_json(request, answer)

    def get(self, request: Request) -> JSONResponse:
        refuse_verb(request, "service")
        self._allowed(request, "get")
        return partial_json(request, self._services.resource(request.path_params["service"]))

    def batch_get(self, request: Request) -> JSONResponse:
        self._allowed(request, "get")
        names = [self._named(name) for name in request.query_params.getlist("names")]
        return partial_json(request, {"services": [self._services.resource(name) for name in names]})

    def _named(self, name: str) -> str:
        """The service in `projects/P/services/S`. Raises ApiError 400 for another form, 403 for another project."""
        found = re.fullmatch(r"projects/([^/]+)/services/([^/]+)", name)
        if found is None:
            raise ApiError(400, "badRequest", f"Invalid name {name!r}: expected projects/PROJECT/services/SERVICE.")
        resolve(self._context, found[1])
        return found[2]

    def enable(self, request: Request) -> JSONResponse:
        self._allowed(request, "enable")
        refuse_unknown(json_of(request), (), "services.enable")
        service = request.path_params["service"]
        self._services.switch([service], True)
        return self._done(request, {"service": self._services.resource(service)}, "EnableServiceResponse")

    def batch_enable(self, request: Request) -> JSONResponse:
        self._allowed(request, "enable")
        names = json_of(request).get("serviceIds") or []
        if not 1 <= len(names) <= 20:
            raise ApiError(400, "badRequest", "serviceIds must name 1 to 20 services.")
        self._services.switch(names, True)
        services = [self._services.resource(name) for name in names]
        return self._done(request, {"services": services}, "BatchEnableServicesResponse")

    def disable(self, request: Request) -> JSONResponse:
        self._allowed(request, "disable")
        # No service here depends on another, and none counts its calls: neither field can change the outcome.
        refuse_unknown(json_of(request), {"disableDependentServices", "checkIfServiceHasUsage"}, "services.disable")
        service = request.path_params["service"]
        self._services.switch([service], False)
        return self._done(request, {"service": self._services.resource(service)}, "DisableServiceResponse")

    def operation(self, request: Request) -> JSONResponse:
        name = f"operations/{request.path_params['operation']}"
        stored = self._context.store.get("operation", name)
        if stored is None:
            raise not_found(f"Operation {name} not found.")
        return partial_json(request, stored)

    def _selected(self, request: Request, service: str) -> bool:
        wanted = request.query_params.get("filter", "")
        states = {"": None, "state:ENABLED": True, "state:DISABLED": False}
        if wanted not in states:
            raise Unsupported(f"filter {wanted!r} of services.list")
        return states[wanted] in (None, self._services.enabled(service))

    def _done(self, request: Request, response: Document, kind: str) -> JSONResponse:
        operation = {
            "name": f"operations/acat.p2-{self._context.project_number}-{uuid.uuid4()}",
            "done": True,
            "response": {"@type": f"type.googleapis.com/google.api.serviceusage.v1.{kind}", **response},
        }
        with self._context.store.transaction() as change:
            change.put("operation", str(operation["name"]), operation)
        return partial_json(request, operation)

    def _allowed(self, request: Request, verb: str) -> None:
        project = resolve(self._context, request.path_params["project"])
        self._iam.require(member_of(request), f"serviceusage.services.{verb}", f"projects/{project}")
