"""gcp:projects/service:Service over Service Usage v1.

    create  GET services (enabled already: done) · POST services/X:enable · its operation · then as read
    read    GET projects/P (Resource Manager) · GET services
    delete  POST services/X:disable with disableOnDestroy, else no request

Operations are read under the endpoint as it is configured (v1beta1), everything else under v1.
"""

from __future__ import annotations

import re
import time

from offline.gcp_plugin.properties import Properties, Property
from offline.gcp_plugin.resource import PROJECT, ResourceType, deletion_policy
from offline.gcp_plugin.rest import Cloud, Document, ProviderError, RequestFailed

_POLL = 0.1  # Choice: seconds; Google's provider asks every ten.
_DEADLINE = 60  # Choice: seconds that an operation may take.
_PLAIN = {"prettyPrint": "false"}


class Service(ResourceType):
    """An API that a project has enabled. A change of service or project replaces it; others stay in the state."""

    token = "gcp:projects/service:Service"
    title = "Project Service"
    endpoints = ("serviceUsageCustomEndpoint", "resourceManagerCustomEndpoint")
    arguments = (
        Property("service", required=True, replaces=True),
        Property("disableOnDestroy", "boolean", state_only=True),
        Property("disableDependentServices", "boolean", state_only=True),
        Property("checkIfServiceHasUsageOnDestroy", "boolean", state_only=True),
        deletion_policy(),
        PROJECT,
    )
    identifiers = ("{project}/{service}",)

    def create(self, cloud: Cloud, arguments: Properties) -> Properties:
        try:
            if arguments["service"] in _enabled(cloud, arguments["project"]):
                return arguments
        except RequestFailed as error:
            raise ProviderError(f"Error enabling service {arguments['service']!r}: {error}") from error
        return super().create(cloud, arguments)

    def insert(self, cloud: Cloud, arguments: Properties) -> Properties:
        url = f"{_v1(cloud)}projects/{arguments['project']}/services/{arguments['service']}:enable"
        _finish(cloud, cloud.send("POST", url, {}, _PLAIN))
        if arguments["service"] not in _enabled(cloud, arguments["project"]):
            raise ProviderError(f"Error enabling service {arguments['service']!r}: it is still not enabled")
        return arguments

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        project = known["project"]
        base = cloud.base("resourceManagerCustomEndpoint")
        if cloud.send("GET", f"{base}projects/{project}", query=_PLAIN).get("lifecycleState") == "DELETE_REQUESTED":
            return None
        if known["service"] not in _enabled(cloud, project):
            return None
        return {"project": project, "service": known["service"]}

    def change(self, cloud: Cloud, state: Properties, arguments: Properties, changed: set[str]) -> None:
        raise AssertionError("every argument either replaces the resource or stays in the state")

    def remove(self, cloud: Cloud, state: Properties) -> None:
        if not state.get("disableOnDestroy"):
            return
        checked = "CHECK" if state.get("checkIfServiceHasUsageOnDestroy") else "SKIP"
        body: Document = {"checkIfServiceHasUsage": checked}
        if state.get("disableDependentServices"):
            body["disableDependentServices"] = True
        url = f"{_v1(cloud)}projects/{state['project']}/services/{state['service']}:disable"
        _finish(cloud, cloud.send("POST", url, body, _PLAIN))


def _v1(cloud: Cloud) -> str:
    return re.sub(r"[^/]+/$", "v1/", cloud.base("serviceUsageCustomEndpoint"))


def _enabled(cloud: Cloud, project: str) -> set[str]:
    """Names of the services that the project has enabled."""
    query = {"fields": "services/name,nextPageToken", "filter": "state:ENABLED", "pageSize": "200", **_PLAIN}
    found: set[str] = set()
    while True:
        page = cloud.send("GET", f"{_v1(cloud)}projects/{project}/services", query=query)
        found |= {service["name"].rpartition("/")[2] for service in page.get("services", [])}
        if not page.get("nextPageToken"):
            return found
        query = {**query, "pageToken": page["nextPageToken"]}


def _finish(cloud: Cloud, operation: Document) -> None:
    """Wait for a long-running operation. One without a name is done. Raises ProviderError with its error."""
    deadline = time.monotonic() + _DEADLINE
    while operation.get("name") and not operation.get("done"):
        if time.monotonic() > deadline:
            raise ProviderError(f"operation {operation['name']} has not finished after {_DEADLINE} s")
        url = f"{cloud.base('serviceUsageCustomEndpoint')}{operation['name']}"
        operation = cloud.send("GET", url, query=_PLAIN)
        if not operation.get("done"):
            cloud.wait(_POLL)
    if error := operation.get("error"):
        raise ProviderError(f"Error code {error.get('code')}, message: {error.get('message')}")
