"""The one project of this cloud: Resource Manager v1 as far as clients and the gcp provider ask it.

Source: the discovery document of cloudresourcemanager v1.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.apis.iam import Iam, check_options, policy_of
from localcloud.core.errors import ApiError, Unsupported
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import partial_json, refuse_verb

SERVICE = "cloudresourcemanager.googleapis.com"
Handler = Callable[[Request], Response]

_ROOT = "/cloudresourcemanager/v1/projects"


def resolve(context: Context, name: str) -> str:
    """The id of the project that a request names by id or by number. Raises ApiError 403 for any other project."""
    if name not in (context.project, context.project_number):
        raise ApiError(
            403,
            "forbidden",
            f"Permission denied on resource project {name} (or it may not exist). The local cloud has one project, "
            f"{context.project}.",
        )
    return context.project


def routes(context: Context, when_enabled: Callable[[Handler], Handler]) -> list[Route]:
    """projects.get, list, getIamPolicy, setIamPolicy and testIamPermissions, each behind `when_enabled`."""
    api = _Projects(context)
    table: list[tuple[str, str, Handler]] = [
        ("", "GET", api.list),
        ("/{project}:getIamPolicy", "POST", api.get_policy),
        ("/{project}:setIamPolicy", "POST", api.set_policy),
        ("/{project}:testIamPermissions", "POST", api.test_permissions),
        ("/{project}", "GET", api.get),
    ]
    return [Route(_ROOT + path, when_enabled(handler), methods=[verb]) for path, verb, handler in table]


class _Projects:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._iam = Iam(context)

    def get(self, request: Request) -> JSONResponse:
        refuse_verb(request, "project")
        self._allowed(request, "get")
        return partial_json(request, self._resource())

    def list(self, request: Request) -> JSONResponse:
        if request.query_params.get("filter"):
            raise Unsupported("parameter 'filter' of projects.list")
        seen = self._iam.allows(member_of(request), "resourcemanager.projects.get", f"projects/{self._context.project}")
        return partial_json(request, {"projects": [self._resource()] if seen else []})

    def get_policy(self, request: Request) -> JSONResponse:
        check_options(json_of(request))
        return partial_json(request, self._iam.policy(self._allowed(request, "getIamPolicy")))

    def set_policy(self, request: Request) -> JSONResponse:
        resource = self._allowed(request, "setIamPolicy")
        return partial_json(request, self._iam.set_policy(resource, policy_of(json_of(request))))

    def test_permissions(self, request: Request) -> JSONResponse:
        resource = f"projects/{resolve(self._context, request.path_params['project'])}"
        held = self._iam.held(member_of(request), json_of(request).get("permissions") or [], resource)
        return partial_json(request, {"permissions": held})

    def _allowed(self, request: Request, verb: str) -> str:
        resource = f"projects/{resolve(self._context, request.path_params['project'])}"
        self._iam.require(member_of(request), f"resourcemanager.projects.{verb}", resource)
        return resource

    def _resource(self) -> dict[str, str]:
        return {
            "projectNumber": self._context.project_number,
            "projectId": self._context.project,
            "lifecycleState": "ACTIVE",
            "name": self._context.project,
            # Choice: one moment for every home.
            "createTime": "2026-01-01T00:00:00Z",
        }
