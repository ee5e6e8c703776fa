"""The routes of BigQuery connections v1 (its discovery document; docs/bigquery-contract.md, "5. Connections")."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localcloud.apis.connections.connections import SERVICE, Connections
from localcloud.apis.connections.resource import Connection, connection_name
from localcloud.apis.iam import Iam, check_options, policy_of
from localcloud.apis.projects import resolve
from localcloud.apis.service_usage import Handler, when_enabled
from localcloud.core.errors import ApiError, Unsupported
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import page, partial_json, refuse_unknown, refuse_verb

_ROOT = "/bigqueryconnection/v1/projects/{project}/locations/{location}/connections"
_MUTABLE = {"friendlyName": "friendly_name", "description": "description"}
"""Fields of the resource that change, and what `Connections` calls them."""


def routes(context: Context) -> list[Route]:
    """connections.create, get, list, patch, delete, getIamPolicy, setIamPolicy and testIamPermissions."""
    api = _Api(context)

    def route(path: str, handler: Handler, method: str) -> Route:
        return Route(_ROOT + path, when_enabled(context, SERVICE, handler), methods=[method])

    return [
        route("", api.create, "POST"),
        route("", api.list, "GET"),
        route("/{connection}:getIamPolicy", api.get_policy, "POST"),
        route("/{connection}:setIamPolicy", api.set_policy, "POST"),
        route("/{connection}:testIamPermissions", api.test_permissions, "POST"),
        route("/{connection}", api.get, "GET"),
        route("/{connection}", api.patch, "PATCH"),
        route("/{connection}", api.delete, "DELETE"),
    ]


class _Api:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._connections = Connections(context)
        self._iam = Iam(context)

    def create(self, request: Request) -> JSONResponse:
        project = resolve(self._context, request.path_params["project"])
        self._iam.require(member_of(request), "bigquery.connections.create", f"projects/{project}")
        body = json_of(request)
        refuse_unknown(body, {"name", "cloudResource", *_MUTABLE}, "connections.create")
        if not isinstance(body.get("cloudResource"), dict):
            raise ApiError(400, "badRequest", "Connection properties must be set: the local cloud knows cloudResource.")
        connection = request.query_params.get("connectionId") or secrets.token_hex(8)
        described = {name: str(body.get(field) or "") for field, name in _MUTABLE.items()}
        made = self._connections.create(project, request.path_params["location"], connection, **described)
        return partial_json(request, made.document())

    def list(self, request: Request) -> JSONResponse:
        project = resolve(self._context, request.path_params["project"])
        self._iam.require(member_of(request), "bigquery.connections.list", f"projects/{project}")
        found = self._connections.list(project, request.path_params["location"])
        chosen, token = page(found, request, most=1000, size="pageSize")
        answer = {"connections": [connection.document() for connection in chosen]}
        return partial_json(request, answer | ({"nextPageToken": token} if token else {}))

    def get(self, request: Request) -> JSONResponse:
        return partial_json(request, self._allowed(request, "get").document())

    def patch(self, request: Request) -> JSONResponse:
        name = self._allowed(request, "update").name
        mask = [field for field in request.query_params.get("updateMask", "").split(",") if field]
        if not mask:
            raise ApiError(400, "badRequest", "updateMask is required.")
        for field in mask:
            if field not in _MUTABLE:
                raise Unsupported(f"connections.patch of {field!r}")
        body = json_of(request)
        changed = self._connections.describe(name, **{_MUTABLE[field]: str(body.get(field) or "") for field in mask})
        return partial_json(request, changed.document())

    def delete(self, request: Request) -> JSONResponse:
        self._connections.delete(self._allowed(request, "delete").name)
        return partial_json(request, {})

    def get_policy(self, request: Request) -> JSONResponse:
        check_options(json_of(request))
        return partial_json(request, self._iam.policy(self._allowed(request, "getIamPolicy").name))

    def set_policy(self, request: Request) -> JSONResponse:
        name = self._allowed(request, "setIamPolicy").name
        return partial_json(request, self._iam.set_policy(name, policy_of(json_of(request))))

    def test_permissions(self, request: Request) -> JSONResponse:
        params = request.path_params
        name = self._connections.find(params["project"], params["location"], params["connection"]).name
        wanted = json_of(request).get("permissions") or []
        return partial_json(request, {"permissions": self._iam.held(member_of(request), wanted, name)})

    def _allowed(self, request: Request, verb: str) -> Connection:
        refuse_verb(request, "connection")
        params = request.path_params
        project = resolve(self._context, params["project"])
        name = connection_name(project, params["location"], params["connection"])
        self._iam.require(member_of(request), f"bigquery.connections.{verb}", name)
        return self._connections.find(project, params["location"], params["connection"])
