"""gcp:dataform/repository:Repository over Dataform v1beta1.

create  POST projects/P/locations/R/repositories?repositoryId=N     update  PATCH …/repositories/N (no mask)
read    GET …/repositories/N                                        delete  DELETE …/repositories/N[?force=true]
"""

from __future__ import annotations

from offline.gcp_plugin.configuration import Configuration
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


class Repository(ResourceType):
    """A repository. A change of name, region or project replaces it."""

    token = "gcp:dataform/repository:Repository"
    title = "Repository"
    endpoints = ("dataformCustomEndpoint",)
    arguments = (
        Property("name", required=True, replaces=True),
        Property("region", required=True, replaces=True),
        Property("displayName"),
        LABELS,
        deletion_policy("FORCE"),
        PROJECT,
    )
    outputs = (EFFECTIVE_LABELS, PULUMI_LABELS)
    identifiers = (
        "projects/{project}/locations/{region}/repositories/{name}",
        "{project}/{region}/{name}",
        "{region}/{name}",
        "{name}",
    )

    def fill(
        self, configuration: Configuration, name: str, olds: Properties, news: Properties, seed: bytes
    ) -> Properties:
        """Without a name it gets one of its own: the resource's name and seven random hex digits, once."""
        filled = dict(super().fill(configuration, name, olds, news, seed))
        if not filled.get("region") and configuration.region:
            filled["region"] = configuration.region
        if not filled.get("name"):
            filled["name"] = olds.get("name") or f"{name}-{seed.hex()[:7]}"
        return filled

    def insert(self, cloud: Cloud, arguments: Properties) -> Properties:
        labels = managed_labels(cloud.configuration, arguments, None)
        body = {"name": arguments["name"], **_body(arguments, labels)}
        cloud.send("POST", _repositories(cloud, arguments), body, {"repositoryId": arguments["name"]})
        return {**arguments, "pulumiLabels": labels}

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        answer = cloud.send("GET", _repository(cloud, known))
        return {
            "project": known["project"],
            "region": known["region"],
            "name": answer.get("name", "").rpartition("/")[2],
            "displayName": answer.get("displayName"),
            **label_outputs(answer, known),
        }

    def change(self, cloud: Cloud, state: Properties, arguments: Properties, changed: set[str]) -> None:
        labels = effective_labels(cloud.configuration, arguments, state)
        cloud.send("PATCH", _repository(cloud, state), _body(arguments, labels))

    def remove(self, cloud: Cloud, state: Properties) -> None:
        force = {"force": "true"} if state.get("deletionPolicy") == "FORCE" else {}
        cloud.send("DELETE", _repository(cloud, state), query=force)


def _body(arguments: Properties, labels: dict[str, str]) -> Document:
    body: Document = {"displayName": arguments["displayName"]} if arguments.get("displayName") else {}
    return body | ({"labels": labels} if labels else {})


def _repositories(cloud: Cloud, known: Properties) -> str:
    base = cloud.base("dataformCustomEndpoint")
    return f"{base}projects/{known['project']}/locations/{known['region']}/repositories"


def _repository(cloud: Cloud, known: Properties) -> str:
    return f"{_repositories(cloud, known)}/{known['name']}"
