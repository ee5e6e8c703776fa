"""gcp:bigquery/dataset:Dataset over BigQuery v2.

create  POST projects/P/datasets            update  PUT projects/P/datasets/D (the whole resource)
read    GET projects/P/datasets/D           delete  DELETE projects/P/datasets/D?deleteContents=…
"""

from __future__ import annotations

from offline.gcp_plugin.properties import Properties, Property
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
from offline.gcp_plugin.rest import Cloud, Document

_POLICY = {"accessPolicyVersion": "3"}
_KEPT_ON_UPDATE = {"accesses": "access", "isCaseInsensitive": "isCaseInsensitive"} | {
    name: name for name in ("maxTimeTravelHours", "storageBillingModel")
}
"""What the service sets and an update sends back: output name to REST name."""


def same_letters(one: object, other: object) -> bool:
    """Whether two names differ in the case of letters at most."""
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()


class Dataset(ResourceType):
    """A dataset. A change of datasetId, location or project replaces it."""

    token = "gcp:bigquery/dataset:Dataset"
    title = "Dataset"
    endpoints = ("bigQueryCustomEndpoint",)
    arguments = (
        Property("datasetId", required=True, replaces=True),
        Property("location", default="US", replaces=True, same=same_letters),
        Property("description"),
        Property("friendlyName"),
        LABELS,
        Property("deleteContentsOnDestroy", "boolean", default=False, state_only=True),
        deletion_policy(),
        PROJECT,
    )
    outputs = (
        Property("accesses", "objects", computed=True),
        Property("creationTime", "integer", computed=True),
        Property("defaultCollation", computed=True),
        EFFECTIVE_LABELS,
        Property("etag", computed=True),
        Property("isCaseInsensitive", "boolean", computed=True),
        Property("lastModifiedTime", "integer", computed=True),
        Property("maxTimeTravelHours", computed=True),
        PULUMI_LABELS,
        Property("selfLink", computed=True),
        Property("storageBillingModel", computed=True),
    )
    stable = ("creationTime", "selfLink")
    identifiers = ("projects/{project}/datasets/{datasetId}", "{project}/{datasetId}", "{datasetId}")

    def insert(self, cloud: Cloud, arguments: Properties) -> Properties:
        labels = managed_labels(cloud.configuration, arguments, None)
        body = _body(arguments, labels)
        cloud.send("POST", f"{_datasets(cloud, arguments)}", body, _POLICY)
        return {**arguments, "pulumiLabels": labels}

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        answer = cloud.send("GET", _dataset(cloud, known), query=_POLICY)
        return {
            "project": known["project"],
            "datasetId": answer.get("datasetReference", {}).get("datasetId", known["datasetId"]),
            "location": answer.get("location", "US"),
            "description": answer.get("description"),
            "friendlyName": answer.get("friendlyName"),
            "accesses": answer.get("access", []),
            "creationTime": integer(answer.get("creationTime")),
            "defaultCollation": answer.get("defaultCollation", ""),
            "etag": answer.get("etag", ""),
            "isCaseInsensitive": answer.get("isCaseInsensitive", False),
            "lastModifiedTime": integer(answer.get("lastModifiedTime")),
            "maxTimeTravelHours": answer.get("maxTimeTravelHours", ""),
            "selfLink": answer.get("selfLink", ""),
            "storageBillingModel": answer.get("storageBillingModel", ""),
            **label_outputs(answer, known),
        }

    def change(self, cloud: Cloud, state: Properties, arguments: Properties, changed: set[str]) -> None:
        body = _body(arguments, effective_labels(cloud.configuration, arguments, state))
        body["defaultCollation"] = state.get("defaultCollation", "")
        body |= {rest: state[name] for name, rest in _KEPT_ON_UPDATE.items() if state.get(name)}
        cloud.send("PUT", _dataset(cloud, state), body, _POLICY)

    def remove(self, cloud: Cloud, state: Properties) -> None:
        contents = "true" if state.get("deleteContentsOnDestroy") else "false"
        cloud.send("DELETE", _dataset(cloud, state), query={"deleteContents": contents})


def integer(value: object) -> int:
    """A number that REST carries as text; 0 when there is none."""
    return int(str(value)) if value else 0


def _body(arguments: Properties, labels: dict[str, str]) -> Document:
    body: Document = {"datasetReference": {"datasetId": arguments["datasetId"]}}
    body |= {name: arguments[name] for name in ("description", "friendlyName", "location") if arguments.get(name)}
    return body | ({"labels": labels} if labels else {})


def _datasets(cloud: Cloud, known: Properties) -> str:
    return f"{cloud.base('bigQueryCustomEndpoint')}projects/{known['project']}/datasets"


def _dataset(cloud: Cloud, known: Properties) -> str:
    return f"{_datasets(cloud, known)}/{known['datasetId']}"
