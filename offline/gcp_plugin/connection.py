"""gcp:bigquery/connection:Connection with cloudResource over BigQuery Connection v1.

create  POST projects/P/locations/L/connections?connectionId=C      update  PATCH …/connections/C?updateMask=…
read    GET …/connections/C                                         delete  DELETE …/connections/C
"""

from __future__ import annotations

from offline.gcp_plugin.configuration import Configuration
from offline.gcp_plugin.properties import UNKNOWN, Properties, Property
from offline.gcp_plugin.resource import PROJECT, ResourceType, deletion_policy
from offline.gcp_plugin.rest import Cloud, Document

_UPDATABLE = ("friendlyName", "description")


class Connection(ResourceType):
    """A cloud-resource connection. A change of connectionId, location or project replaces it."""

    token = "gcp:bigquery/connection:Connection"
    title = "Connection"
    endpoints = ("bigqueryConnectionCustomEndpoint",)
    arguments = (
        Property("connectionId", required=True, replaces=True),
        # Choice: required. Google's provider falls back to the provider's region, which no connection of ours wants.
        Property("location", required=True, replaces=True),
        Property("cloudResource", "object", required=True, fields=(Property("serviceAccountId", computed=True),)),
        Property("description"),
        Property("friendlyName"),
        deletion_policy(),
        PROJECT,
    )
    outputs = (Property("hasCredential", "boolean", computed=True), Property("name", computed=True))
    stable = ("hasCredential", "name")
    identifiers = (
        "projects/{project}/locations/{location}/connections/{connectionId}",
        "{project}/{location}/{connectionId}",
        "{location}/{connectionId}",
    )

    def insert(self, cloud: Cloud, arguments: Properties) -> Properties:
        body: Document = {name: arguments[name] for name in _UPDATABLE if arguments.get(name)}
        body |= {"cloudResource": {}, "spark": None}
        url = f"{cloud.base('bigqueryConnectionCustomEndpoint')}{_parent(arguments)}/connections"
        answer = cloud.send("POST", url, body, {"connectionId": arguments["connectionId"]})
        return {**arguments, "name": answer.get("name", "")}

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        answer = cloud.send("GET", _connection(cloud, known))
        name = answer.get("name", "")
        return {
            "project": known["project"],
            "location": known["location"],
            "connectionId": name.rpartition("/")[2],
            "name": name,
            "description": answer.get("description"),
            "friendlyName": answer.get("friendlyName"),
            "cloudResource": answer.get("cloudResource"),
            "hasCredential": answer.get("hasCredential", False),
        }

    def change(self, cloud: Cloud, state: Properties, arguments: Properties, changed: set[str]) -> None:
        body: Document = {name: arguments[name] for name in _UPDATABLE if arguments.get(name)}
        body |= {"cloudResource": state.get("cloudResource", {}), "spark": None}
        mask = ",".join(name for name in (*_UPDATABLE, "cloudResource") if name in changed)
        cloud.send("PATCH", _connection(cloud, state), body, {"updateMask": mask})

    def remove(self, cloud: Cloud, state: Properties) -> None:
        cloud.send("DELETE", _connection(cloud, state))

    def expected_state(self, configuration: Configuration, state: Properties, arguments: Properties) -> Properties:
        account = (state.get("cloudResource") or {}).get("serviceAccountId", UNKNOWN)
        reported = super().expected_state(configuration, state, arguments)
        return {**reported, "cloudResource": {"serviceAccountId": account}}


def _parent(known: Properties) -> str:
    return f"projects/{known['project']}/locations/{known['location']}"


def _connection(cloud: Cloud, known: Properties) -> str:
    return f"{cloud.base('bigqueryConnectionCustomEndpoint')}{_parent(known)}/connections/{known['connectionId']}"
