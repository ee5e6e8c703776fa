"""Preflight: is everything there that `pulumi up` needs? One report of all that is missing, before anything is created.

Findings are made of what Google Cloud answers (prerequisites.py), each with the commands that mend it. What cannot be
asked is said to be unchecked, never to be in order. Which permissions: imagesearch/gcp/permissions.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from imagesearch.checks.prerequisites import Seen, Wanted, look
from imagesearch.errors import NotReady, ServiceUnreachable
from imagesearch.gcp import permissions, rest
from imagesearch.gcp.locations import canonical, colocated
from imagesearch.gcp.permissions import SERVICE_USAGE_ADMIN, STORAGE_ADMIN
from imagesearch.gcp.rest import Answer, Client
from imagesearch.pipeline.ownership import STACK
from imagesearch.settings.endpoints import ENDPOINTS

Kind = Literal["ok", "missing", "unchecked"]


@dataclass(frozen=True)
class Finding:
    """One line of what was found, and the commands of which one mends it."""

    kind: Kind
    what: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Everything that was found."""

    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether everything was checked and nothing is missing."""
        return all(finding.kind == "ok" for finding in self.findings)

    def of(self, *kinds: Kind) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind in kinds]

    def lines(self, *kinds: Kind) -> list[str]:
        """Findings of these kinds for people, commands below them."""
        found = []
        for finding in self.of(*kinds):
            found.append(f"{finding.kind:<9} {finding.what}")
            found += [f"{'or' if number else '':>9}   {command}" for number, command in enumerate(finding.commands)]
        return found

    def refuse(self) -> None:
        """Raises NotReady with everything that is missing, if anything is."""
        missing = self.of("missing")
        if missing:
            things = "1 thing that this stack needs is" if len(missing) == 1 else f"{len(missing)} things are"
            raise NotReady(
                f"Preflight: {things} missing. Nothing was created or changed.",
                "Each has the command that mends it. `python -m imagesearch preflight` looks again.",
                details=tuple(self.lines("missing", "unchecked")),
            )


def run(client: Client, wanted: Wanted) -> Report:
    """Look and judge."""
    return judge(wanted, look(client, wanted))


def judge(wanted: Wanted, seen: Seen) -> Report:
    """Findings, the most fundamental first; what is the same for several services is said once."""
    findings = [
        *_judge_services(wanted, seen),
        *_judge_permissions(wanted, seen),
        _endpoint(wanted),
        *_judge_dataset(wanted, seen),
        *(finding for name in wanted.buckets for finding in _judge_bucket(wanted, seen, name)),
    ]
    return Report(tuple(dict.fromkeys(findings)))


def _judge_services(wanted: Wanted, seen: Seen) -> Iterable[Finding]:
    answer = seen.services
    if isinstance(answer, ServiceUnreachable):
        yield _nothing(answer)
    elif answer.disabled:
        yield _disabled(wanted, rest.SERVICES, "which APIs are enabled")
    elif not answer.ok:
        yield Finding(
            "missing" if wanted.first else "unchecked",
            f"Which APIs are enabled cannot be seen without serviceusage.services.list: {answer.message}",
            (_grant(wanted, seen, SERVICE_USAGE_ADMIN),),
        )
    else:
        enabled = {str(service.get("name", "")).rsplit("/", 1)[-1] for service in answer.body["services"]}
        yield from _judge_enabled(wanted, seen, [name for name in wanted.services if name not in enabled])


def _judge_enabled(wanted: Wanted, seen: Seen, disabled: list[str]) -> Iterable[Finding]:
    if not disabled:
        yield Finding("ok", f"APIs: all {len(wanted.services)} are enabled")
        return
    if permissions.ENABLE in _held(seen.project):
        yield Finding("ok", f"APIs: `pulumi up` enables {', '.join(disabled)}")
        return
    known = isinstance(seen.project, Answer) and seen.project.ok
    lacks = "the caller lacks" if known else "it could not be checked whether the caller has"
    yield Finding(
        "missing" if known else "unchecked",
        f"Not enabled in {wanted.project}, and {lacks} {permissions.ENABLE}: {', '.join(disabled)}",
        (
            f"gcloud services enable {' '.join(disabled)} --project={wanted.project}",
            _grant(wanted, seen, SERVICE_USAGE_ADMIN),
        ),
    )


def _judge_permissions(wanted: Wanted, seen: Seen) -> Iterable[Finding]:
    answer = seen.project
    asked = wanted.permissions
    if isinstance(answer, ServiceUnreachable):
        yield _nothing(answer)
    elif answer.disabled:
        yield _disabled(wanted, rest.PROJECTS, "the caller's permissions")
    elif not answer.ok:
        what = f"The project {wanted.project} cannot be seen, and so no permission on it: {answer.message}"
        yield Finding("missing", what, ("gcloud projects list", _set("gcp:project", "MY-PROJECT")))
    elif lacking := [permission for permission in asked if permission not in _held(answer)]:
        for role in dict.fromkeys(asked[permission] for permission in lacking):
            names = ", ".join(permission for permission in lacking if asked[permission] == role)
            what = f"{seen.caller or 'The caller'} lacks on the project {wanted.project}: {names}"
            yield Finding("missing", what, (_grant(wanted, seen, role),))
    else:
        yield Finding("ok", f"permissions on the project {wanted.project}: all {len(asked)}")


def _judge_dataset(wanted: Wanted, seen: Seen) -> Iterable[Finding]:
    """Only a dataset that is elsewhere or another stack's is in the way; most often there is none yet."""
    answer = seen.dataset
    if isinstance(answer, ServiceUnreachable):
        yield _nothing(answer)
    elif answer.ok:
        location = canonical(str(answer.body.get("location", "")))
        owner = (answer.body.get("labels") or {}).get(STACK)
        if owner not in (None, wanted.stack):
            yield Finding(
                "missing",
                f"dataset.id: the dataset {wanted.dataset} of {wanted.project} belongs to the stack {owner}. "
                "Choose another for this one",
                (_set("image-search:dataset.id", f"{wanted.dataset}_2"),),
            )
        elif location != wanted.location:
            yield Finding(
                "missing",
                f"dataset.location: the dataset {wanted.dataset} is in {location}, not in {wanted.location}, and a "
                "dataset cannot be moved. Put the location back; or take another dataset.id in a new stack; or destroy "
                "this one first, which loses the embeddings there",
                (_set("image-search:dataset.location", location), "pulumi destroy"),
            )
        else:
            yield Finding("ok", f"dataset {wanted.dataset}: there, in {location}")
    elif answer.code == 404:
        yield Finding("ok", f"dataset {wanted.dataset}: there is none yet, `pulumi up` makes it")
    else:
        yield Finding("unchecked", f"Whether there is a dataset {wanted.dataset} cannot be seen: {answer.message}")


def _endpoint(wanted: Wanted) -> Finding:
    """The settings were refused already if it were not."""
    quota = ENDPOINTS[wanted.endpoint].quota_in(wanted.location)
    rate = f"{quota.requests_per_minute:,} images a minute, {quota.rows_per_job:,} a job"
    return Finding("ok", f"endpoint {wanted.endpoint}: served in {wanted.location}, {rate}")


def _judge_bucket(wanted: Wanted, seen: Seen, bucket: str) -> Iterable[Finding]:
    answer = seen.buckets[bucket]
    if isinstance(answer, ServiceUnreachable):
        yield _nothing(answer)
    elif answer.disabled:
        yield Finding("unchecked", f"The bucket gs://{bucket} cannot be looked at before the Cloud Storage API is on")
    elif answer.code == 404:
        yield Finding(
            "missing",
            f"images.uris: the bucket gs://{bucket} cannot be read: there is no such bucket",
            (
                _set("image-search:images.uris[0]", "gs://MY-BUCKET/*"),
                f"gcloud storage buckets create gs://{bucket} --location={wanted.location} --project={wanted.project}",
            ),
        )
    elif not answer.ok:
        yield _unreadable(wanted, seen, bucket, answer)
    elif wanted.public:
        yield Finding("ok", f"bucket gs://{bucket}: anyone may read it")
    else:
        yield _placed(wanted, bucket, str(answer.body.get("location", "")))
    if bucket in seen.bucket_permissions and isinstance(answer, Answer) and not answer.disabled and answer.code != 404:
        yield from _judge_rights(wanted, seen, bucket)


def _unreadable(wanted: Wanted, seen: Seen, bucket: str, answer: Answer) -> Finding:
    if wanted.public:
        return Finding(
            "missing",
            f"images.public: the bucket gs://{bucket} cannot be read by anyone: {answer.message}",
            (_set("image-search:images.public", "false"),),
        )
    return Finding(
        "missing",
        f"images.uris: the bucket gs://{bucket} cannot be read: {answer.message}",
        (_grant_on(bucket, seen), _set("image-search:images.public", "true")),
    )


def _placed(wanted: Wanted, bucket: str, location: str) -> Finding:
    location = canonical(location)
    if colocated(location, wanted.location):
        return Finding("ok", f"bucket gs://{bucket}: there, in {location}")
    commands = [f"gcloud storage cp --recursive 'gs://{bucket}/*' gs://MY-BUCKET-IN-{wanted.location.upper()}/"]
    if location in ENDPOINTS[wanted.endpoint].locations:
        commands.insert(0, _set("image-search:dataset.location", location))
    return Finding(
        "missing",
        f"images.uris: the bucket gs://{bucket} is in {location}, and dataset.location is {wanted.location}; BigQuery "
        "reads objects only where the dataset is. Choose another dataset.location, or copy the images",
        tuple(commands),
    )


def _judge_rights(wanted: Wanted, seen: Seen, bucket: str) -> Iterable[Finding]:
    answer = seen.bucket_permissions[bucket]
    if isinstance(answer, ServiceUnreachable):
        yield _nothing(answer)
    elif not answer.ok:
        yield Finding("unchecked", f"Permissions on gs://{bucket} cannot be seen: {answer.message}")
    elif lacking := [permission for permission in permissions.ON_BUCKET if permission not in _held(answer)]:
        yield Finding(
            "missing",
            f"{seen.caller or 'The caller'} lacks on the bucket gs://{bucket}: {', '.join(lacking)}; so it "
            "cannot let the connection read there. A public bucket needs images.public instead",
            (_grant_on(bucket, seen), _set("image-search:images.public", "true")),
        )
    else:
        yield Finding("ok", f"permissions on the bucket gs://{bucket}: all {len(permissions.ON_BUCKET)}")


def _held(answer: Answer | ServiceUnreachable) -> frozenset[str]:
    """What testIamPermissions confirmed; a service leaves the list out when it is empty."""
    return frozenset(answer.body.get("permissions") or ()) if isinstance(answer, Answer) and answer.ok else frozenset()


def _nothing(error: ServiceUnreachable) -> Finding:
    if error.remedy.startswith("Run: "):
        return Finding("missing", error.what, (error.remedy.removeprefix("Run: "),))
    return Finding("missing", f"{error.what} {error.remedy}")


def _disabled(wanted: Wanted, service: rest.Service, what: str) -> Finding:
    return Finding(
        "missing",
        f"{service.name} is not enabled in {wanted.project}: {what} could not be checked, and `pulumi up` needs it too",
        (f"gcloud services enable {service.name} --project={wanted.project}",),
    )


def _grant(wanted: Wanted, seen: Seen, role: str) -> str:
    return f"gcloud projects add-iam-policy-binding {wanted.project} --member={_member(seen)} --role={role}"


def _grant_on(bucket: str, seen: Seen) -> str:
    return (
        f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member={_member(seen)} --role={STORAGE_ADMIN}"
    )


def _member(seen: Seen) -> str:
    """The caller; where the credentials do not tell, the account that gcloud is logged in with."""
    return seen.caller or '"user:$(gcloud config get-value account)"'


def _set(key: str, value: str) -> str:
    path = "--path " if "." in key else ""
    quoted = f"'{key}'" if "[" in key else key
    return f"pulumi config set {path}{quoted} {value if value.isalnum() else repr(value)}"
