"""One member with one role in an IAM policy: of a project, of a bucket, of a connection.

    gcp:projects/iAMMember:IAMMember                        POST projects/P:getIamPolicy, :setIamPolicy
    gcp:storage/bucketIAMMember:BucketIAMMember             GET and PUT b/B/iam
    gcp:bigquery/connectionIamMember:ConnectionIamMember    POST …/connections/C:getIamPolicy, :setIamPolicy

Create and delete read the policy, change it, write it with the etag they read, and read it back three times before they
believe it. A 409 means that the policy was written in between: everything is repeated a second later.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar

from offline.gcp_plugin.configuration import Configuration
from offline.gcp_plugin.dataset import same_letters
from offline.gcp_plugin.properties import Properties, Property
from offline.gcp_plugin.resource import PROJECT, ResourceType
from offline.gcp_plugin.rest import Cloud, Document, ProviderError, RequestFailed

CONFLICT_WAIT = 1.0
"""Seconds before the first repetition after a 409; twice as long before each next one."""
_CONFLICTS = 5  # Choice: Google's provider goes on until a wait would be longer than 30 seconds.
_READS_BACK = 3
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def _same_last_segment(one: object, other: object) -> bool:
    return str(one).rpartition("/")[2] == str(other).rpartition("/")[2]


class Member(ResourceType):
    """A grant. Every argument replaces it. `resource` is the path of what has the policy."""

    outputs = (Property("etag", computed=True),)
    described: ClassVar[str]
    """How errors name the resource; a format over the arguments."""

    def resource(self, known: Properties) -> str:
        """The path of the resource that has the policy."""
        raise NotImplementedError

    def policy(self, cloud: Cloud, known: Properties) -> Document:
        """The policy as it is."""
        raise NotImplementedError

    def set_policy(self, cloud: Cloud, known: Properties, policy: Document) -> None:
        """Write the policy. Raises RequestFailed 409 when it has changed since it was read."""
        raise NotImplementedError

    def identifier(self, state: Properties) -> str:
        prefix, separator, name = state["member"].partition(":")
        return f"{self.resource(state)}/{state['role']}/{prefix}{separator}{name.lower()}"

    def parse(self, configuration: Configuration, identifier: str) -> Properties:
        """Of an import: `resource role member`."""
        parts = identifier.split()
        if len(parts) != 3:
            raise ProviderError(f"Wrong number of parts to Member id {identifier!r}; expected 'resource role member'")
        return {**super().parse(configuration, parts[0]), "role": parts[1], "member": parts[2]}

    def insert(self, cloud: Cloud, arguments: Properties) -> Properties:
        def grant(policy: Document) -> None:
            binding = _binding(policy, arguments["role"])
            if binding is None:
                binding = {"role": arguments["role"], "members": []}
                policy.setdefault("bindings", []).append(binding)
            binding["members"] = sorted({*binding["members"], arguments["member"]})
            policy["version"] = 3

        try:
            self._edit(cloud, arguments, grant)
        except RequestFailed as error:
            described = self.described.format_map(arguments)
            raise ProviderError(f"Error retrieving IAM policy for {described}: {error}") from error
        return arguments

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        policy = self.policy(cloud, known)
        binding = _binding(policy, known["role"])
        members = binding["members"] if binding else []
        member = next((m for m in members if m.lower() == known["member"].lower()), None)
        if member is None:
            return None
        place: Properties = {
            name: known[name] for name in ("project", "bucket", "location", "connectionId") if name in known
        }
        return {**place, "role": known["role"], "member": member, "etag": policy.get("etag", "")}

    def change(self, cloud: Cloud, state: Properties, arguments: Properties, changed: set[str]) -> None:
        raise AssertionError("every argument replaces the resource")

    def remove(self, cloud: Cloud, state: Properties) -> None:
        def revoke(policy: Document) -> None:
            binding = _binding(policy, state["role"])
            if binding is None:
                return
            binding["members"] = [m for m in binding["members"] if m.lower() != state["member"].lower()]
            policy["bindings"] = [b for b in policy["bindings"] if b["members"]]
            if not policy["bindings"]:
                del policy["bindings"]

        self._edit(cloud, state, revoke)
        self.policy(cloud, state)

    def _edit(self, cloud: Cloud, known: Properties, edit: Callable[[Document], None]) -> None:
        described = self.described.format_map(known)
        wait = CONFLICT_WAIT
        with _locks[f"{self.token} {self.resource(known)}"]:
            for attempt in range(1, _CONFLICTS + 1):
                policy = self.policy(cloud, known)
                edit(policy)
                try:
                    self.set_policy(cloud, known, policy)
                    break
                except RequestFailed as error:
                    text = (
                        f"Error applying IAM policy for {described}: Error setting IAM policy for {described}: {error}"
                    )
                    if error.code != 409 or attempt == _CONFLICTS:
                        raise ProviderError(text) from error
                cloud.wait(wait)
                wait *= 2
            for _ in range(_READS_BACK):
                self.policy(cloud, known)


class ProjectMember(Member):
    """A member of a project's policy; it is deleted before its replacement is made."""

    token = "gcp:projects/iAMMember:IAMMember"
    title = "IAM Member"
    endpoints = ("resourceManagerCustomEndpoint",)
    arguments = (
        Property("project", required=True, replaces=True),
        Property("role", required=True, replaces=True),
        Property("member", required=True, replaces=True, same=same_letters),
    )
    identifiers = ("{project}",)
    described = 'project "{project}"'
    delete_before_replace = True

    def resource(self, known: Properties) -> str:
        return str(known["project"])

    def policy(self, cloud: Cloud, known: Properties) -> Document:
        return self._ask(cloud, known, "getIamPolicy", {"options": {"requestedPolicyVersion": 3}})

    def set_policy(self, cloud: Cloud, known: Properties, policy: Document) -> None:
        self._ask(cloud, known, "setIamPolicy", {"policy": policy, "updateMask": "bindings,etag,auditConfigs"})

    def _ask(self, cloud: Cloud, known: Properties, verb: str, body: Document) -> Document:
        base = cloud.base("resourceManagerCustomEndpoint")
        return cloud.send("POST", f"{base}projects/{known['project']}:{verb}", body, {"prettyPrint": "false"})


class BucketMember(Member):
    """A member of a bucket's policy. The state names the bucket as b/NAME."""

    token = "gcp:storage/bucketIAMMember:BucketIAMMember"
    title = "IAM Member"
    endpoints = ("storageCustomEndpoint",)
    arguments = (
        Property("bucket", required=True, replaces=True, same=_same_last_segment),
        Property("role", required=True, replaces=True),
        Property("member", required=True, replaces=True, same=same_letters),
    )
    identifiers = ("b/{bucket}", "{bucket}")
    described = 'storage bucket "{bucket}"'

    def resource(self, known: Properties) -> str:
        return f"b/{known['bucket'].rpartition('/')[2]}"

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        reported = super().fetch(cloud, known)
        return reported and {**reported, "bucket": self.resource(known)}

    def policy(self, cloud: Cloud, known: Properties) -> Document:
        return cloud.send("GET", self._url(cloud, known), query={"optionsRequestedPolicyVersion": "3"})

    def set_policy(self, cloud: Cloud, known: Properties, policy: Document) -> None:
        if not policy.get("bindings"):
            policy = {name: value for name, value in policy.items() if name != "etag"}
        cloud.send("PUT", self._url(cloud, known), policy)

    def _url(self, cloud: Cloud, known: Properties) -> str:
        return f"{cloud.base('storageCustomEndpoint')}{self.resource(known)}/iam"


class ConnectionMember(Member):
    """A member of a connection's policy. The state names the connection in full."""

    token = "gcp:bigquery/connectionIamMember:ConnectionIamMember"
    title = "IAM Member"
    endpoints = ("bigqueryConnectionCustomEndpoint",)
    arguments = (
        Property("connectionId", required=True, replaces=True, same=_same_last_segment),
        Property("location", required=True, replaces=True),
        PROJECT,
        Property("role", required=True, replaces=True),
        Property("member", required=True, replaces=True, same=same_letters),
    )
    identifiers = ("projects/{project}/locations/{location}/connections/{connectionId}",)
    described = 'bigqueryconnection connection "{connectionId}"'

    def fill(
        self, configuration: Configuration, name: str, olds: Properties, news: Properties, seed: bytes
    ) -> Properties:
        """A connection's full name holds its project and location."""
        filled = super().fill(configuration, name, olds, news, seed)
        parts = str(filled.get("connectionId", "")).split("/")
        return {**filled, "project": parts[1], "location": parts[3]} if len(parts) == 6 else filled

    def resource(self, known: Properties) -> str:
        connection = known["connectionId"].rpartition("/")[2]
        return f"projects/{known['project']}/locations/{known['location']}/connections/{connection}"

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        reported = super().fetch(cloud, known)
        return reported and {**reported, "connectionId": self.resource(known)}

    def policy(self, cloud: Cloud, known: Properties) -> Document:
        return cloud.send("POST", f"{self._url(cloud, known)}:getIamPolicy")

    def set_policy(self, cloud: Cloud, known: Properties, policy: Document) -> None:
        cloud.send("POST", f"{self._url(cloud, known)}:setIamPolicy", {"policy": policy})

    def _url(self, cloud: Cloud, known: Properties) -> str:
        return f"{cloud.base('bigqueryConnectionCustomEndpoint')}{self.resource(known)}"


def _binding(policy: Document, role: str) -> dict[str, Any] | None:
    """The binding of a role that has no condition."""
    bindings: list[dict[str, Any]] = policy.get("bindings") or []
    return next((b for b in bindings if b["role"] == role and not b.get("condition")), None)
