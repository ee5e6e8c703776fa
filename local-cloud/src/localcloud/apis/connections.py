"""BigQuery connections v1: cloud resource connections, whose service accounts appear late.

Contract section 5 (shape, and the service account that is eventually consistent) and section 0.8 (the default
connection, which BigQuery makes at its first use and grants roles by itself). Names carry the project's id and the
location in lower case: `projects/P/locations/us/connections/c`; SQL and tables call the same connection `P.us.c`.
"""

from __future__ import annotations

import re
import secrets
import string
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localcloud.apis.iam import Iam, check_options, policy_of
from localcloud.apis.projects import resolve
from localcloud.apis.services import Handler, Services, when_enabled
from localcloud.core.errors import ApiError, Unsupported, not_found
from localcloud.core.store import Document
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import page, partial_json, refuse_unknown, refuse_verb

SERVICE = "bigqueryconnection.googleapis.com"
DEFAULT = "__default_cloudresource_connection__"
DEFAULT_ROLES = ("roles/aiplatform.user", "roles/storage.objectViewer")

_ROOT = "/bigqueryconnection/v1/projects/{project}/locations/{location}/connections"
_MUTABLE = ("friendlyName", "description")
_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_LOCATION = re.compile(r"us|eu|[a-z]+-[a-z]+[0-9]+")


class Connections:
    """The connections of one local cloud. Holds no state of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def find(self, project: str, location: str, connection: str) -> Document:
        """The connection as REST answers it. Raises ApiError notFound."""
        name = connection_name(resolve(self._context, project), location, connection)
        found = self._store.get("connection", name)
        if found is None:
            raise not_found(f"Not found: Connection {name}")
        return found

    def create(self, project: str, location: str, connection: str, fields: dict[str, Any]) -> Document:
        """A new connection with a service account of its own. Raises ApiError 409 when the name is taken."""
        if not _ID.fullmatch(connection):
            raise ApiError(400, "badRequest", f"Invalid connection ID: {connection!r}")
        if not _LOCATION.fullmatch(location.lower()):
            raise ApiError(400, "badRequest", f"Invalid location: {location!r}")
        name = connection_name(resolve(self._context, project), location, connection)
        with self._store.control:
            if self._store.get("connection", name):
                raise ApiError(409, "alreadyExists", f"Already Exists: Connection {name}")
            created = str(self._context.clock.millis())
            document = {
                "name": name,
                **{key: fields[key] for key in _MUTABLE if fields.get(key)},
                "creationTime": created,
                "lastModifiedTime": created,
                "cloudResource": {"serviceAccountId": self._account()},
            }
            with self._store.transaction() as change:
                change.put("connection", name, document)
        return document

    def member(self, project: str, location: str, connection: str) -> str:
        """The member of the connection's service account; the default connection is made when it is missing."""
        try:
            found = self.find(project, location, connection)
        except ApiError:
            if connection != DEFAULT:
                raise
            found = self._create_default(project, location)
        return f"serviceAccount:{found['cloudResource']['serviceAccountId']}"

    def update(self, name: str, fields: dict[str, Any]) -> Document:
        """Set mutable fields; None takes one away. Raises ApiError notFound."""
        with self._store.control, self._store.transaction() as change:
            document = change.get("connection", name)
            if document is None:
                raise not_found(f"Not found: Connection {name}")
            document = {k: v for k, v in (document | fields).items() if v is not None}
            document["lastModifiedTime"] = str(self._context.clock.millis())
            change.put("connection", name, document)
        return document

    def delete(self, name: str) -> None:
        """Remove it, its policy and its service account; what was granted to the account stays, without use."""
        with self._store.control, self._store.transaction() as change:
            change.delete("connection", name)
            change.delete("policy", name)

    def _account(self) -> str:
        taken = {c["cloudResource"]["serviceAccountId"] for _, c in self._store.list("connection")}
        while True:
            letters = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(4))
            account = f"bqcx-{self._context.project_number}-{letters}@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
            if account not in taken:
                return account

    def _create_default(self, project: str, location: str) -> Document:
        """Choice: its grants act at once, where the real service makes the statement wait for them."""
        Services(self._context).require(SERVICE)
        with self._store.control:
            name = connection_name(resolve(self._context, project), location, DEFAULT)
            found = self._store.get("connection", name) or self.create(project, location, DEFAULT, {})
            member = f"serviceAccount:{found['cloudResource']['serviceAccountId']}"
            for role in DEFAULT_ROLES:
                Iam(self._context).grant(f"projects/{self._context.project}", role, member)
        return found


def connection_name(project: str, location: str, connection: str) -> str:
    """The resource name, which is also the name of its policy."""
    return f"projects/{project}/locations/{location.lower()}/connections/{connection}"


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
        return partial_json(
            request, self._connections.create(project, request.path_params["location"], connection, body)
        )

    def list(self, request: Request) -> JSONResponse:
        project = resolve(self._context, request.path_params["project"])
        self._iam.require(member_of(request), "bigquery.connections.list", f"projects/{project}")
        found = self._context.store.list("connection", connection_name(project, request.path_params["location"], ""))
        chosen, token = page(found, request, most=1000, size="pageSize")
        return partial_json(request, {"connections": chosen} | ({"nextPageToken": token} if token else {}))

    def get(self, request: Request) -> JSONResponse:
        return partial_json(request, self._allowed(request, "get"))

    def patch(self, request: Request) -> JSONResponse:
        name = self._allowed(request, "update")["name"]
        mask = [field for field in request.query_params.get("updateMask", "").split(",") if field]
        if not mask:
            raise ApiError(400, "badRequest", "updateMask is required.")
        for field in mask:
            if field not in _MUTABLE:
                raise Unsupported(f"connections.patch of {field!r}")
        body = json_of(request)
        return partial_json(request, self._connections.update(name, {field: body.get(field) or None for field in mask}))

    def delete(self, request: Request) -> JSONResponse:
        self._connections.delete(self._allowed(request, "delete")["name"])
        return partial_json(request, {})

    def get_policy(self, request: Request) -> JSONResponse:
        check_options(json_of(request))
        return partial_json(request, self._iam.policy(self._allowed(request, "getIamPolicy")["name"]))

    def set_policy(self, request: Request) -> JSONResponse:
        name = self._allowed(request, "setIamPolicy")["name"]
        return partial_json(request, self._iam.set_policy(name, policy_of(json_of(request))))

    def test_permissions(self, request: Request) -> JSONResponse:
        params = request.path_params
        name = self._connections.find(params["project"], params["location"], params["connection"])["name"]
        wanted = json_of(request).get("permissions") or []
        return partial_json(request, {"permissions": self._iam.held(member_of(request), wanted, name)})

    def _allowed(self, request: Request, verb: str) -> Document:
        refuse_verb(request, "connection")
        params = request.path_params
        project = resolve(self._context, params["project"])
        name = connection_name(project, params["location"], params["connection"])
        self._iam.require(member_of(request), f"bigquery.connections.{verb}", name)
        return self._connections.find(project, params["location"], params["connection"])
