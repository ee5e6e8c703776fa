"""The connections of one local cloud. Their service accounts can be granted roles only some time after they are made.

Sources: docs/bigquery-contract.md, "5. Connections", and "0. Facts that shape the design", item 8: the default
connection, which BigQuery makes at its first use and grants roles by itself.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import replace

from localcloud.apis.connections.resource import Connection, connection_name
from localcloud.apis.iam import Iam
from localcloud.apis.projects import resolve
from localcloud.apis.service_usage import Services
from localcloud.core.errors import ApiError, not_found
from localcloud.http.context import Context

SERVICE = "bigqueryconnection.googleapis.com"
DEFAULT = "__default_cloudresource_connection__"
DEFAULT_ROLES = ("roles/aiplatform.user", "roles/storage.objectViewer")

_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}")
_LOCATION = re.compile(r"us|eu|[a-z]+-[a-z]+[0-9]+")


class Connections:
    """Finds and changes connections. Holds no state of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def find(self, project: str, location: str, connection: str) -> Connection:
        """The connection. Raises ApiError notFound."""
        name = connection_name(resolve(self._context, project), location, connection)
        found = self._store.get("connection", name)
        if found is None:
            raise not_found(f"Not found: Connection {name}")
        return Connection.from_document(found)

    def list(self, project: str, location: str) -> list[tuple[str, Connection]]:
        """The connections of a location, by name."""
        found = self._store.list("connection", connection_name(project, location, ""))
        return [(name, Connection.from_document(document)) for name, document in found]

    def create(
        self, project: str, location: str, connection: str, friendly_name: str = "", description: str = ""
    ) -> Connection:
        """A new connection with a service account of its own. Raises ApiError 409 when the name is taken."""
        if not _ID.fullmatch(connection):
            raise ApiError(400, "badRequest", f"Invalid connection ID: {connection!r}")
        if not _LOCATION.fullmatch(location.lower()):
            raise ApiError(400, "badRequest", f"Invalid location: {location!r}")
        name = connection_name(resolve(self._context, project), location, connection)
        with self._store.control:
            if self._store.has("connection", name):
                raise ApiError(409, "alreadyExists", f"Already Exists: Connection {name}")
            now = self._context.clock.millis()
            made = Connection(name, self._new_account(), now, now, friendly_name, description)
            with self._store.transaction() as change:
                change.put("connection", name, made.document())
        return made

    def member(self, project: str, location: str, connection: str) -> str:
        """The member of the connection's service account; the default connection is made when it is missing."""
        try:
            return self.find(project, location, connection).member
        except ApiError:
            if connection != DEFAULT:
                raise
            return self._create_default(project, location).member

    def describe(self, name: str, *, friendly_name: str | None = None, description: str | None = None) -> Connection:
        """Set the given texts; None leaves one as it is. Raises ApiError notFound."""
        with self._store.control, self._store.transaction() as change:
            document = change.get("connection", name)
            if document is None:
                raise not_found(f"Not found: Connection {name}")
            found = Connection.from_document(document)
            changed = replace(
                found,
                friendly_name=found.friendly_name if friendly_name is None else friendly_name,
                description=found.description if description is None else description,
                modified=self._context.clock.millis(),
            )
            change.put("connection", name, changed.document())
        return changed

    def delete(self, name: str) -> None:
        """Remove it, its policy and its service account; what was granted to the account stays, without use."""
        with self._store.control, self._store.transaction() as change:
            change.delete("connection", name)
            change.delete("policy", name)

    def _new_account(self) -> str:
        taken = {Connection.from_document(document).service_account for _, document in self._store.list("connection")}
        while True:
            letters = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(4))
            account = f"bqcx-{self._context.project_number}-{letters}@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
            if account not in taken:
                return account

    def _create_default(self, project: str, location: str) -> Connection:
        """Choice: its grants act at once, where the real service makes the statement wait for them."""
        Services(self._context).require(SERVICE)
        with self._store.control:
            document = self._store.get(
                "connection", connection_name(resolve(self._context, project), location, DEFAULT)
            )
            made = Connection.from_document(document) if document else self.create(project, location, DEFAULT)
            for role in DEFAULT_ROLES:
                Iam(self._context).grant(f"projects/{self._context.project}", role, made.member)
        return made
