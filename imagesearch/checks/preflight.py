"""Preflight: one report of everything that `pulumi up` needs and does not find, before anything is created.

A finding follows from Google Cloud's responses (prerequisites.py) and has the commands that fix it. What could not be
checked is reported as unchecked, never as ok. The permissions: imagesearch/gcp/permissions.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from imagesearch.checks.prerequisites import Observations, Requirements, observe
from imagesearch.errors import NotReady, ServiceUnreachable
from imagesearch.gcp import permissions, rest
from imagesearch.gcp.locations import canonical, colocated
from imagesearch.gcp.permissions import SERVICE_USAGE_ADMIN, STORAGE_ADMIN
from imagesearch.gcp.rest import Client, Response
from imagesearch.pipeline.ownership import STACK
from imagesearch.settings.endpoints import ENDPOINTS

Kind = Literal["ok", "missing", "unchecked"]


@dataclass(frozen=True)
class Finding:
    """The result of one check in one line, and commands of which each one fixes it."""

    kind: Kind
    what: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All findings of a preflight."""

    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether everything was checked and nothing is missing."""
        return all(finding.kind == "ok" for finding in self.findings)

    def of(self, *kinds: Kind) -> list[Finding]:
        """The findings of these kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    def lines(self, *kinds: Kind) -> list[str]:
        """The findings of these kinds as lines of text, each with its commands below it."""
        text = []
        for finding in self.of(*kinds):
            text.append(f"{finding.kind:<9} {finding.what}")
            text += [f"{'or' if number else '':>9}   {command}" for number, command in enumerate(finding.commands)]
        return text

    def refuse(self) -> None:
        """Raise NotReady with every missing finding, if there is one."""
        missing = self.of("missing")
        if missing:
            things = "1 thing that this stack needs is" if len(missing) == 1 else f"{len(missing)} things are"
            raise NotReady(
                f"Preflight: {things} missing. Nothing was created or changed.",
                "Below each is the command that fixes it. `python -m imagesearch preflight` checks again.",
                details=tuple(self.lines("missing", "unchecked")),
            )


def run(client: Client, required: Requirements) -> Report:
    """Observe what is there and evaluate it."""
    return evaluate(required, observe(client, required))


def evaluate(required: Requirements, observed: Observations) -> Report:
    """The findings, the most fundamental first; a finding that several services share is reported once."""
    findings = [
        *_check_services(required, observed),
        *_check_permissions(required, observed),
        _endpoint_quota(required),
        *_check_dataset(required, observed),
        *(finding for name in required.buckets for finding in _check_bucket(required, observed, name)),
    ]
    return Report(tuple(dict.fromkeys(findings)))


def _check_services(required: Requirements, observed: Observations) -> Iterable[Finding]:
    response = observed.services
    if isinstance(response, ServiceUnreachable):
        yield _unreachable(response)
    elif response.disabled:
        yield _not_enabled(required, rest.SERVICES, "which APIs are enabled")
    elif not response.ok:
        yield Finding(
            "missing" if required.first else "unchecked",
            f"Which APIs are enabled cannot be seen without serviceusage.services.list: {response.message}",
            (_grant_command(required, observed, SERVICE_USAGE_ADMIN),),
        )
    else:
        enabled = {str(service.get("name", "")).rsplit("/", 1)[-1] for service in response.body["services"]}
        yield from _check_enabled(required, observed, [name for name in required.services if name not in enabled])


def _check_enabled(required: Requirements, observed: Observations, disabled: list[str]) -> Iterable[Finding]:
    if not disabled:
        yield Finding("ok", f"APIs: all {len(required.services)} are enabled")
        return
    if permissions.ENABLE in _held(observed.project):
        yield Finding("ok", f"APIs: `pulumi up` enables {', '.join(disabled)}")
        return
    known = isinstance(observed.project, Response) and observed.project.ok
    lacks = "the caller lacks" if known else "it could not be checked whether the caller has"
    yield Finding(
        "missing" if known else "unchecked",
        f"Not enabled in {required.project}, and {lacks} {permissions.ENABLE}: {', '.join(disabled)}",
        (
            f"gcloud services enable {' '.join(disabled)} --project={required.project}",
            _grant_command(required, observed, SERVICE_USAGE_ADMIN),
        ),
    )


def _check_permissions(required: Requirements, observed: Observations) -> Iterable[Finding]:
    response = observed.project
    asked = required.permissions
    if isinstance(response, ServiceUnreachable):
        yield _unreachable(response)
    elif response.disabled:
        yield _not_enabled(required, rest.PROJECTS, "the caller's permissions")
    elif not response.ok:
        what = f"The project {required.project} cannot be read, and so no permission on it: {response.message}"
        yield Finding("missing", what, ("gcloud projects list", _set_command("gcp:project", "MY-PROJECT")))
    elif lacking := [permission for permission in asked if permission not in _held(response)]:
        for role in dict.fromkeys(asked[permission] for permission in lacking):
            names = ", ".join(permission for permission in lacking if asked[permission] == role)
            what = f"{observed.caller or 'The caller'} lacks on the project {required.project}: {names}"
            yield Finding("missing", what, (_grant_command(required, observed, role),))
    else:
        yield Finding("ok", f"permissions on the project {required.project}: all {len(asked)}")


def _check_dataset(required: Requirements, observed: Observations) -> Iterable[Finding]:
    """A dataset in another location, or of another stack, is in the way. Most often there is none yet."""
    response = observed.dataset
    if isinstance(response, ServiceUnreachable):
        yield _unreachable(response)
    elif response.ok:
        location = canonical(str(response.body.get("location", "")))
        owner = (response.body.get("labels") or {}).get(STACK)
        if owner not in (None, required.stack):
            yield Finding(
                "missing",
                f"dataset.id: the dataset {required.dataset} of {required.project} belongs to the stack {owner}. "
                "Choose another for this one",
                (_set_command("image-search:dataset.id", f"{required.dataset}_2"),),
            )
        elif location != required.location:
            yield Finding(
                "missing",
                f"dataset.location: the dataset {required.dataset} is in {location}, not in {required.location}, and a "
                "dataset cannot be moved. Put the location back; or take another dataset.id in a new stack; or destroy "
                "this one first, which loses the embeddings there",
                (_set_command("image-search:dataset.location", location), "pulumi destroy"),
            )
        else:
            yield Finding("ok", f"dataset {required.dataset}: there, in {location}")
    elif response.code == 404:
        yield Finding("ok", f"dataset {required.dataset}: there is none yet, `pulumi up` makes it")
    else:
        yield Finding("unchecked", f"Whether there is a dataset {required.dataset} cannot be seen: {response.message}")


def _endpoint_quota(required: Requirements) -> Finding:
    """Settings whose endpoint is not served in the location were refused before."""
    quota = ENDPOINTS[required.endpoint].quota_in(required.location)
    rate = f"{quota.requests_per_minute:,} images a minute, {quota.rows_per_job:,} a job"
    return Finding("ok", f"endpoint {required.endpoint}: served in {required.location}, {rate}")


def _check_bucket(required: Requirements, observed: Observations, bucket: str) -> Iterable[Finding]:
    response = observed.buckets[bucket]
    if isinstance(response, ServiceUnreachable):
        yield _unreachable(response)
    elif response.disabled:
        yield Finding(
            "unchecked", f"The bucket gs://{bucket} cannot be checked before the Cloud Storage API is enabled"
        )
    elif response.code == 404:
        yield Finding(
            "missing",
            f"images.uris: the bucket gs://{bucket} cannot be read: there is no such bucket",
            (
                _set_command("image-search:images.uris[0]", "gs://MY-BUCKET/*"),
                f"gcloud storage buckets create gs://{bucket} --location={required.location} "
                f"--project={required.project}",
            ),
        )
    elif not response.ok:
        yield _unreadable(required, observed, bucket, response)
    elif required.public:
        yield Finding("ok", f"bucket gs://{bucket}: anyone may read it")
    else:
        yield _colocation(required, bucket, str(response.body.get("location", "")))
    exists = isinstance(response, Response) and not response.disabled and response.code != 404
    if exists and bucket in observed.bucket_permissions:
        yield from _check_bucket_permissions(required, observed, bucket)


def _unreadable(required: Requirements, observed: Observations, bucket: str, response: Response) -> Finding:
    if required.public:
        return Finding(
            "missing",
            f"images.public: the bucket gs://{bucket} cannot be read by anyone: {response.message}",
            (_set_command("image-search:images.public", "false"),),
        )
    return Finding(
        "missing",
        f"images.uris: the bucket gs://{bucket} cannot be read: {response.message}",
        (_grant_command_on_bucket(bucket, observed), _set_command("image-search:images.public", "true")),
    )


def _colocation(required: Requirements, bucket: str, location: str) -> Finding:
    location = canonical(location)
    if colocated(location, required.location):
        return Finding("ok", f"bucket gs://{bucket}: there, in {location}")
    commands = [f"gcloud storage cp --recursive 'gs://{bucket}/*' gs://MY-BUCKET-IN-{required.location.upper()}/"]
    if location in ENDPOINTS[required.endpoint].locations:
        commands.insert(0, _set_command("image-search:dataset.location", location))
    return Finding(
        "missing",
        f"images.uris: the bucket gs://{bucket} is in {location}, and dataset.location is {required.location}; "
        "BigQuery reads objects only where the dataset is. Choose another dataset.location, or copy the images",
        tuple(commands),
    )


def _check_bucket_permissions(required: Requirements, observed: Observations, bucket: str) -> Iterable[Finding]:
    response = observed.bucket_permissions[bucket]
    if isinstance(response, ServiceUnreachable):
        yield _unreachable(response)
    elif not response.ok:
        yield Finding("unchecked", f"Permissions on gs://{bucket} cannot be seen: {response.message}")
    elif lacking := [permission for permission in permissions.ON_BUCKET if permission not in _held(response)]:
        yield Finding(
            "missing",
            f"{observed.caller or 'The caller'} lacks on the bucket gs://{bucket}: {', '.join(lacking)}; so it "
            "cannot let the connection read there. A public bucket needs images.public instead",
            (_grant_command_on_bucket(bucket, observed), _set_command("image-search:images.public", "true")),
        )
    else:
        yield Finding("ok", f"permissions on the bucket gs://{bucket}: all {len(permissions.ON_BUCKET)}")


def _held(response: Response | ServiceUnreachable) -> frozenset[str]:
    """The permissions that testIamPermissions confirmed; services omit the list if it is empty."""
    if not isinstance(response, Response) or not response.ok:
        return frozenset()
    return frozenset(response.body.get("permissions") or ())


def _unreachable(error: ServiceUnreachable) -> Finding:
    if error.remedy.startswith("Run: "):
        return Finding("missing", error.what, (error.remedy.removeprefix("Run: "),))
    return Finding("missing", f"{error.what} {error.remedy}")


def _not_enabled(required: Requirements, service: rest.Service, what: str) -> Finding:
    return Finding(
        "missing",
        f"{service.name} is not enabled in {required.project}: {what} could not be checked, and `pulumi up` needs "
        "it too",
        (f"gcloud services enable {service.name} --project={required.project}",),
    )


def _grant_command(required: Requirements, observed: Observations, role: str) -> str:
    return f"gcloud projects add-iam-policy-binding {required.project} --member={_member(observed)} --role={role}"


def _grant_command_on_bucket(bucket: str, observed: Observations) -> str:
    member = _member(observed)
    return f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member={member} --role={STORAGE_ADMIN}"


def _member(observed: Observations) -> str:
    """The caller as an IAM member; if unknown, a shell expression for the account that gcloud is logged in with."""
    return observed.caller or '"user:$(gcloud config get-value account)"'


def _set_command(key: str, value: str) -> str:
    path = "--path " if "." in key else ""
    quoted = f"'{key}'" if "[" in key else key
    return f"pulumi config set {path}{quoted} {value if value.isalnum() else repr(value)}"
