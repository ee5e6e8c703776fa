"""IAM: the policy of each resource, and whether a member may do something.

The project, buckets and connections have policies; what the project grants holds for everything in it. Reads of a
policy show a change at once, but it takes effect only `settings.propagation_delay` seconds later
(docs/bigquery-contract.md, "0. Facts that shape the design", item 7). Policies are read, modified and written back
under an etag: a write with an old etag is answered 409 (the same, "5. Connections").

Resources are named `projects/P`, `projects/P/datasets/D…`, `projects/P/locations/L/connections/C` and
`projects/_/buckets/B` (Cloud Storage's own spelling).
"""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from localcloud.apis.connections.resource import Connection
from localcloud.apis.roles import KNOWN, permissions
from localcloud.core.errors import ApiError, Unsupported
from localcloud.core.store import Document
from localcloud.http.context import Context

Binding = dict[str, Any]
"""`{"role", "members"}` as REST spells it."""

_MEMBER = re.compile(r"(user|serviceAccount):[^\s@:]+@[^\s@:]+|project(Owner|Editor|Viewer):[a-z0-9-]+")
_PUBLIC = ("allUsers", "allAuthenticatedUsers")
_CONNECTION_ACCOUNT = re.compile(r"serviceAccount:(bqcx-.+@gcp-sa-bigquery-condel\.iam\.gserviceaccount\.com)")
_CONVENIENCE = {"projectOwner": "roles/owner", "projectEditor": "roles/editor", "projectViewer": "roles/viewer"}


@dataclass(frozen=True)
class _Version:
    """What a policy said from one write to the next. Times in seconds of the clock."""

    bindings: list[Binding]
    set_at: float
    acts_at: float
    """When it takes effect."""


@dataclass(frozen=True)
class _Policy:
    """The policy of a resource: the version in effect, and those that wait for their propagation; never empty."""

    etag: str
    versions: list[_Version]

    @property
    def written(self) -> list[Binding]:
        """The bindings as last written, whether they are in effect or not."""
        return self.versions[-1].bindings

    def in_effect(self, now: float) -> int:
        """The place of the version in effect: the last that does not wait. Waits end when the clock was set back."""
        return max(n for n, v in enumerate(self.versions) if n == 0 or not v.set_at <= now < v.acts_at)

    def document(self) -> Document:
        """As the store keeps it."""
        return {"etag": self.etag, "versions": [asdict(version) for version in self.versions]}

    @classmethod
    def from_document(cls, document: Document) -> _Policy:
        """What `document` gave."""
        return cls(document["etag"], [_Version(**version) for version in document["versions"]])


class Iam:
    """The policies of one local cloud. Holds no state of its own: create as many as needed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def policy(self, resource: str) -> Document:
        """The policy as last written, `{"version", "etag", "bindings"}`, whether it is in effect already or not."""
        policy = self._policy(resource)
        return {"version": 1, "etag": policy.etag, "bindings": policy.written}

    def set_policy(self, resource: str, policy: object) -> Document:
        """Replace the policy; without an etag, whatever there was. Returns the new one.

        Raises ApiError 409 when the etag is not the current one, 400 for a service account that does not exist (yet),
        Unsupported for conditions and for roles and kinds of members it does not know.
        """
        if not isinstance(policy, dict):
            raise _bad_request("The policy must be an object.")
        check_version(policy.get("version"))
        with self._store.control:
            before = self._policy(resource)
            if policy.get("etag") not in (None, "", before.etag):
                raise _concurrent_change(policy["etag"], before.etag)
            bindings = _normal(policy)
            self._check(resource, before.written, bindings)
            self._write(resource, before, bindings, self._context.settings.propagation_delay)
        return self.policy(resource)

    def grant(self, resource: str, role: str, member: str) -> None:
        """Add one binding in effect at once, as BigQuery's grants to a default connection are."""
        with self._store.control:
            before = self._policy(resource)
            bindings = [*before.written, {"role": role, "members": [member]}]
            self._write(resource, before, _normal({"bindings": bindings}), 0.0)

    def allows(self, member: str, permission: str, resource: str) -> bool:
        """Whether a policy in effect now, of the resource or of one above it, gives `member` the permission."""
        project = f"projects/{self._context.project}"
        if not f"{resource}/".startswith((f"{project}/", "projects/_/")):
            return False  # of another project; this cloud has one
        project_bindings = self._in_effect(project)
        if _permits(project_bindings, self._identities(member, project_bindings), permission):
            return True
        owner = _policy_holder(resource)
        if owner == project:
            return False
        return _permits(self._in_effect(owner), self._identities(member, project_bindings), permission)

    def require(self, member: str, permission: str, resource: str) -> None:
        """Raises ApiError 403 in the words of the permission's service."""
        if not self.allows(member, permission, resource):
            raise denied(member, permission, resource)

    def held(self, member: str, wanted: object, resource: str) -> list[str]:
        """Those of the wanted permissions that the member has, for testIamPermissions.

        Raises ApiError 400 for wildcards, and Unsupported for a permission that no role here has: of that one, neither
        yes nor no would be true.
        """
        if not isinstance(wanted, list) or not all(isinstance(permission, str) for permission in wanted):
            raise _bad_request("permissions must be a list of names.")
        for permission in wanted:
            if "*" in permission:
                raise _bad_request(f"Permission {permission} is not valid: wildcards are not allowed.")
            if permission not in KNOWN:
                raise Unsupported(f"permission {permission!r}")
        return [permission for permission in wanted if self.allows(member, permission, resource)]

    def _policy(self, resource: str) -> _Policy:
        stored = self._store.get("policy", resource)
        if stored:
            return _Policy.from_document(stored)
        return _Policy("ACAB", [_Version(_first_bindings(resource, self._context), 0.0, 0.0)])

    def _in_effect(self, resource: str) -> list[Binding]:
        policy = self._policy(resource)
        return policy.versions[policy.in_effect(self._context.clock.time())].bindings

    def _write(self, resource: str, before: _Policy, bindings: list[Binding], delay: float) -> None:
        now = self._context.clock.time()
        needed = before.versions[before.in_effect(now) :]
        etag = base64.b64encode(b"\x07" + secrets.token_bytes(7)).decode()
        policy = _Policy(etag, [*needed, _Version(bindings, now, now + delay)])
        with self._store.transaction() as change:
            change.put("policy", resource, policy.document())

    def _check(self, resource: str, before: list[Binding], after: list[Binding]) -> None:
        known = {member for binding in before for member in binding["members"]}
        for binding in after:
            permissions(binding["role"])
            for member in set(binding["members"]) - known:
                self._check_member(resource, member)
        if resource.startswith("projects/_/") or "/" in resource.removeprefix("projects/"):
            return
        if not any(b["role"] == "roles/owner" for b in after):
            # cloudresourcemanager v1, projects.setIamPolicy: removing the last owner fails.
            raise _bad_request("There must be at least one owner in the project's policy.")

    def _check_member(self, resource: str, member: str) -> None:
        if member in _PUBLIC:
            if not resource.startswith("projects/_/buckets/"):
                raise _bad_request(f"Member {member} can be granted roles on buckets only.")
            return
        if not _MEMBER.fullmatch(member):
            raise Unsupported(f"policy member {member!r}")
        # Choice: accounts other than those of connections, and users, are taken as existing.
        account = _CONNECTION_ACCOUNT.fullmatch(member)
        if account and not self._exists(account[1]):
            raise _bad_request(f"Service account {account[1]} does not exist.")

    def _exists(self, account: str) -> bool:
        """Whether the account of a connection has appeared."""
        now = self._context.clock.time()
        for _, document in self._store.list("connection"):
            connection = Connection.from_document(document)
            if connection.service_account == account:
                age = now - connection.created / 1000
                return age < 0 or age >= self._context.settings.service_account_delay
        return False

    def _identities(self, member: str, project_bindings: list[Binding]) -> set[str]:
        project = self._context.project
        named = {b["role"]: b["members"] for b in project_bindings}
        groups = {f"{kind}:{project}" for kind, role in _CONVENIENCE.items() if member in named.get(role, [])}
        return {member, *_PUBLIC, *groups}


def bucket_resource(bucket: str) -> str:
    """The resource name of a bucket, under which its policy is stored."""
    return f"projects/_/buckets/{bucket}"


def check_version(version: object) -> None:
    """Raises ApiError 400 for a version that policies do not have. Without conditions they all are of version 1."""
    if str(version or 0) not in ("0", "1", "3"):
        raise _bad_request(f"Invalid policy version {version}: it must be 0, 1 or 3.")


def policy_of(body: Document) -> object:
    """The policy of a setIamPolicy request. Raises Unsupported for a mask that would leave the bindings as they are."""
    mask = {field.strip() for field in str(body.get("updateMask") or "bindings,etag").split(",")}
    if not {"bindings"} <= mask <= {"bindings", "etag", "version", "auditConfigs"}:
        raise Unsupported(f"updateMask {body['updateMask']!r} of setIamPolicy")
    return body.get("policy") or {}


def check_options(body: Document) -> None:
    """Raises ApiError 400 unless a getIamPolicy request asks for a version that there is."""
    check_version((body.get("options") or {}).get("requestedPolicyVersion"))


def email(member: str) -> str:
    """The member without its kind, as error messages spell it."""
    return member.partition(":")[2] or member


def denied(member: str, permission: str, resource: str) -> ApiError:
    """403 in the words of the permission's service."""
    service, kind, verb = permission.split(".", 2)
    if service == "storage":
        in_project = kind == "buckets" and verb in ("create", "list")
        in_bucket = kind == "buckets" or verb == "list"
        where = "project" if in_project else f"Storage {'bucket' if in_bucket else 'object'}"
        message = (
            f"{email(member)} does not have {permission} access to the Google Cloud {where}. Permission '{permission}' "
            "denied on resource (or it may not exist)."
        )
    else:
        api = {"bigquery": "bigqueryconnection", "resourcemanager": "cloudresourcemanager"}.get(service, service)
        message = (
            f"Permission '{permission}' denied on resource '//{api}.googleapis.com/{resource}' (or it may not exist)."
        )
    return ApiError(403, "forbidden", message)


def _policy_holder(resource: str) -> str:
    """The nearest resource at or above this one that can hold a policy."""
    found = re.match(r"projects/_/buckets/[^/]+|projects/[^/]+/locations/[^/]+/connections/[^/]+", resource)
    if found:
        return found[0]
    return "/".join(resource.split("/")[:2])


def _first_bindings(resource: str, context: Context) -> list[Binding]:
    if resource == f"projects/{context.project}":
        return [{"role": "roles/owner", "members": [context.owner]}]
    if not resource.startswith("projects/_/buckets/"):
        return []
    # What a bucket with uniform access is created with: cloud.google.com/storage/docs/access-control/iam-roles.
    administrators = [f"projectEditor:{context.project}", f"projectOwner:{context.project}"]
    viewers = [f"projectViewer:{context.project}"]
    return [
        {"role": "roles/storage.legacyBucketOwner", "members": administrators},
        {"role": "roles/storage.legacyBucketReader", "members": viewers},
        {"role": "roles/storage.legacyObjectOwner", "members": administrators},
        {"role": "roles/storage.legacyObjectReader", "members": viewers},
    ]


def _normal(policy: Document) -> list[Binding]:
    """One binding a role, members without repetition, both sorted."""
    if policy.get("auditConfigs"):
        raise Unsupported("policy field 'auditConfigs'")
    merged: dict[str, set[str]] = {}
    for binding in policy.get("bindings") or []:
        if not isinstance(binding, dict) or not isinstance(binding.get("members") or [], list):
            raise _bad_request("A binding must be an object with a list of members.")
        if binding.get("condition"):
            raise Unsupported(f"IAM condition on {binding.get('role')!r}")
        merged.setdefault(str(binding.get("role")), set()).update(binding.get("members") or [])
    return [{"role": role, "members": sorted(members)} for role, members in sorted(merged.items()) if members]


def _permits(bindings: list[Binding], identities: set[str], permission: str) -> bool:
    return any(permission in permissions(b["role"]) and identities.intersection(b["members"]) for b in bindings)


def _concurrent_change(sent: str, current: str) -> ApiError:
    return ApiError(
        409,
        "aborted",
        "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. The "
        f"request's ETag '{sent}' did not match the current policy's ETag '{current}'.",
        status="ABORTED",
    )


def _bad_request(message: str) -> ApiError:
    return ApiError(400, "badRequest", message)
