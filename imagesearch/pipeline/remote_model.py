"""The remote model: an embedding endpoint that SQL can call (docs/bigquery-contract.md#3-remote-models)."""

from __future__ import annotations

from typing import Any

from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.grants import Say, until_granted
from imagesearch.gcp.sql import Identifier
from imagesearch.pipeline import ownership
from imagesearch.settings.spec import Name, Spec


class RemoteModelSpec(Spec):
    """What a remote model is made of."""

    model: Name
    connection: Name
    endpoint: str

    @property
    def statement(self) -> str:
        """The statement that makes it."""
        return sql.render(
            "create_remote_model", model=self.model, connection=self.connection, endpoint=sql.Text(self.endpoint)
        )

    def to_properties(self) -> dict[str, Any]:
        """Its fields, and what the statement does: another statement is another model, another comment is not."""
        return {**super().to_properties(), "statement": sql.without_comments(self.statement)}


def create(warehouse: Warehouse, spec: RemoteModelSpec, owner: str, say: Say) -> None:
    """Create or replace the model, once the connection may use the endpoint.

    Raises NotOurs when another's model has the name, PermissionMissing when the grant does not act in time, and
    StatementFailed at once for an endpoint that does not exist.
    """
    if not _half_made(warehouse, spec):
        ownership.refuse_foreign_model(warehouse, spec.model)
    until_granted(lambda: warehouse.query(spec.statement), say, project=spec.connection.parts[0])
    warehouse.label_model(spec.model, {**warehouse.labels, ownership.OWNER: owner})


def endpoint_of(warehouse: Warehouse, name: Identifier) -> str | None:
    """The endpoint of a model, without its path; None when there is no such model of this stack."""
    model = warehouse.model(name)
    if model is None or not ownership.is_ours(model.labels, warehouse.labels):
        return None
    info = model.to_api_repr().get("remoteModelInfo", {})
    return str(info.get("endpoint", "")).rsplit("/", 1)[-1]


def _half_made(warehouse: Warehouse, spec: RemoteModelSpec) -> bool:
    """Whether a run of ours was killed after it made the model and before it labelled it: a statement cannot do both.

    Then it has no label at all, and our connection, which nobody else's model has.
    """
    found = warehouse.model(spec.model)
    if found is None or found.labels:
        return False
    info = found.to_api_repr().get("remoteModelInfo", {})
    path = str(info.get("connection", "")).replace("/locations/", ".").replace("/connections/", ".")
    project, _, rest = path.removeprefix("projects/").lower().partition(".")
    ours = spec.connection.path.lower()
    return f"{project}.{rest}" == ours or (project.isdigit() and ours.endswith(f".{rest}"))


def delete(warehouse: Warehouse, name: Identifier, owner: str) -> None:
    """Delete the model if it is still `owner`'s."""
    model = warehouse.model(name)
    if model is None or not ownership.is_ours(model.labels, warehouse.labels):
        return
    if model.labels.get(ownership.OWNER) in (owner, None):
        warehouse.drop_model(name)
