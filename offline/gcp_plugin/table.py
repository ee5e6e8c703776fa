"""gcp:bigquery/table:Table for object tables over BigQuery v2.

create  POST projects/P/datasets/D/tables           update  PUT …/tables/T (the whole resource)
read    GET …/tables/T                              delete  DELETE …/tables/T, refused under deletionProtection
"""

from __future__ import annotations

import json
import re

from offline.gcp_plugin import UNSUPPORTED
from offline.gcp_plugin.configuration import Configuration
from offline.gcp_plugin.dataset import integer
from offline.gcp_plugin.properties import Failure, Properties, Property
from offline.gcp_plugin.resource import (
    EFFECTIVE_LABELS,
    LABELS,
    PROJECT,
    PULUMI_LABELS,
    ResourceType,
    deletion_policy,
    effective_labels,
    label_outputs,
    managed_labels,
)
from offline.gcp_plugin.rest import Cloud, Document, ProviderError


def same_connection(one: object, other: object) -> bool:
    """Whether PROJECT.LOCATION.NAME and projects/…/locations/…/connections/… are one connection."""
    return _connection_parts(one) == _connection_parts(other)


def _connection_parts(text: object) -> tuple[str, ...]:
    whole = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)/connections/([^/]+)", str(text))
    parts = whole.groups() if whole else tuple(str(text).rsplit(".", 2))
    return (parts[0], parts[1].lower(), parts[2]) if len(parts) == 3 else (str(text),)


_EXTERNAL = Property(
    "externalDataConfiguration",
    "object",
    required=True,
    fields=(
        Property("autodetect", "boolean", required=True),
        Property("sourceUris", "strings", required=True),
        Property("connectionId", same=same_connection),
        Property("objectMetadata", choices=("SIMPLE",)),
        Property("compression", default="NONE", choices=("NONE", "GZIP")),
        Property("metadataCacheMode", choices=("AUTOMATIC", "MANUAL")),
    ),
)


class Table(ResourceType):
    """An object table. A change of datasetId, tableId or project replaces it; it is deleted first then."""

    token = "gcp:bigquery/table:Table"
    title = "Table"
    endpoints = ("bigQueryCustomEndpoint",)
    arguments = (
        Property("datasetId", required=True, replaces=True),
        Property("tableId", required=True, replaces=True),
        _EXTERNAL,
        Property("description"),
        Property("friendlyName"),
        LABELS,
        Property("maxStaleness"),
        Property("deletionProtection", "boolean", default=True, state_only=True),
        deletion_policy(),
        PROJECT,
    )
    outputs = (
        Property("creationTime", "integer", computed=True),
        EFFECTIVE_LABELS,
        Property("etag", computed=True),
        Property("generatedSchemaColumns", computed=True),
        Property("lastModifiedTime", "integer", computed=True),
        Property("location", computed=True),
        Property("numBytes", "integer", computed=True),
        Property("numLongTermBytes", "integer", computed=True),
        Property("numRows", "integer", computed=True),
        PULUMI_LABELS,
        Property("schema", computed=True),
        Property("selfLink", computed=True),
        Property("type", computed=True),
    )
    stable = ("creationTime", "location", "schema", "selfLink", "type")
    identifiers = (
        "projects/{project}/datasets/{datasetId}/tables/{tableId}",
        "{project}/{datasetId}/{tableId}",
        "{datasetId}/{tableId}",
    )
    delete_before_replace = True

    def check(
        self, configuration: Configuration, name: str, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, list[Failure]]:
        checked, failures = super().check(configuration, name, olds, news, seed)
        external = checked.get("externalDataConfiguration")
        if isinstance(external, dict) and not external.get("objectMetadata"):
            path = "externalDataConfiguration.objectMetadata"
            failures.append(Failure(path, f"{UNSUPPORTED}: {self.token} without {path} (object tables only)"))
        return checked, failures

    def insert(self, cloud: Cloud, arguments: Properties) -> Properties:
        labels = managed_labels(cloud.configuration, arguments, None)
        answer = cloud.send("POST", _tables(cloud, arguments), _body(arguments, labels))
        if "tableReference" not in answer:
            raise ProviderError(f"Error creating Table: the answer holds no tableReference: {answer}")
        return {**arguments, "pulumiLabels": labels}

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        answer = cloud.send("GET", _table(cloud, known))
        reference = answer.get("tableReference", {})
        fields = answer.get("schema", {}).get("fields")
        return {
            "project": known["project"],
            "datasetId": reference.get("datasetId", ""),
            "tableId": reference.get("tableId", ""),
            "externalDataConfiguration": _external_output(answer, known),
            "description": answer.get("description"),
            "friendlyName": answer.get("friendlyName"),
            "maxStaleness": answer.get("maxStaleness"),
            "schema": json.dumps(fields, sort_keys=True, separators=(",", ":")) if fields else "",
            "generatedSchemaColumns": "",
            **{name: integer(answer.get(name)) for name in ("creationTime", "lastModifiedTime")},
            **{name: integer(answer.get(name)) for name in ("numBytes", "numLongTermBytes", "numRows")},
            **{name: answer.get(name, "") for name in ("etag", "location", "selfLink", "type")},
            **label_outputs(answer, known),
        }

    def change(self, cloud: Cloud, state: Properties, arguments: Properties, changed: set[str]) -> None:
        body = _body(arguments, effective_labels(cloud.configuration, arguments, state))
        if state.get("schema"):
            body["schema"] = {"fields": json.loads(state["schema"])}
        cloud.send("PUT", _table(cloud, state), body)

    def remove(self, cloud: Cloud, state: Properties) -> None:
        if state.get("deletionProtection", True):
            raise ProviderError(
                f"cannot destroy table {self.identifier(state)} without setting deletionProtection=false and running "
                "`pulumi up`"
            )
        cloud.send("DELETE", _table(cloud, state))


def _body(arguments: Properties, labels: dict[str, str]) -> Document:
    reference = {"projectId": arguments["project"]} | {n: arguments[n] for n in ("datasetId", "tableId")}
    body: Document = {
        "tableReference": reference,
        "externalDataConfiguration": arguments["externalDataConfiguration"],
    }
    sent = ("description", "friendlyName", "maxStaleness")
    body |= {name: arguments[name] for name in sent if arguments.get(name)}
    return body | ({"labels": labels} if labels else {})


def _external_output(answer: Document, known: Properties) -> Properties | None:
    """As the service has it; as the program has it when the service leaves the whole of it out."""
    reported: Properties | None = answer.get("externalDataConfiguration")
    if reported is None:
        return known.get("externalDataConfiguration")
    names = [field.name for field in _EXTERNAL.fields] + ["sourceFormat"]
    return {"autodetect": False} | {name: reported[name] for name in names if name in reported}


def _tables(cloud: Cloud, known: Properties) -> str:
    base = cloud.base("bigQueryCustomEndpoint")
    return f"{base}projects/{known['project']}/datasets/{known['datasetId']}/tables"


def _table(cloud: Cloud, known: Properties) -> str:
    return f"{_tables(cloud, known)}/{known['tableId']}"
