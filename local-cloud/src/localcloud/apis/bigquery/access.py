"""What a caller may do in BigQuery: IAM permissions, and the messages with which the service refuses.

Choice: permissions are read from the project's policy alone; a dataset's `access` list is stored and answered, not
enforced.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from starlette.requests import Request

from localcloud.apis.bigquery.statement_access import Demand
from localcloud.core.errors import access_denied
from localcloud.http.context import member_of


class Policies(Protocol):
    """The part of IAM that is used here."""

    def allows(self, member: str, permission: str, resource: str) -> bool:
        """Whether the policies that are in effect now grant `permission` on `projects/P`."""


class Access:
    """Checks callers against the policies."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def to_project(self, request: Request, permission: str) -> None:
        """Raises ApiError accessDenied unless the caller has the permission in the path's project."""
        project = request.path_params["project"]
        if not self._allowed(request, permission):
            raise access_denied(
                f"Access Denied: Project {project}: User does not have {permission} permission in project {project}."
            )

    def to_dataset(self, request: Request, permission: str) -> None:
        """As `to_project`, in the service's words for a dataset."""
        name = f"{request.path_params['project']}:{request.path_params['dataset']}"
        self._to_part(request, permission, "dataset", name)

    def to_table(self, request: Request, permission: str) -> None:
        """As `to_project`, in the service's words for a table or model."""
        parameters = request.path_params
        entity = parameters.get("table") or parameters["model"]
        name = f"{parameters['project']}:{parameters['dataset']}.{entity}"
        self._to_part(request, permission, "table", name)

    def to_query(self, request: Request, wanted: Iterable[Demand], default: tuple[str, ...]) -> None:
        """Whether the caller may run a query with these demands; `default` completes paths that name too little."""
        self.to_project(request, "bigquery.jobs.create")
        for demand in wanted:
            parts = {"dataset": 2, "table": 3}.get(demand.of, 0)
            path = (*default[: max(parts - len(demand.path), 0)], *demand.path)
            if parts != len(path) or not parts:
                self.to_project(request, demand.permission)
            else:
                self._to_part(request, demand.permission, demand.of, f"{path[0]}:{'.'.join(path[1:])}")

    def _to_part(self, request: Request, permission: str, kind: str, name: str) -> None:
        if not self._allowed(request, permission):
            raise access_denied(
                f"Access Denied: {kind.capitalize()} {name}: Permission {permission} denied on {kind} {name} "
                "(or it may not exist)."
            )

    def _allowed(self, request: Request, permission: str) -> bool:
        return self._policies.allows(member_of(request), permission, f"projects/{request.path_params['project']}")
