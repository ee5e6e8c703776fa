"""What a stack needs to be there, and what Google Cloud says of it. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from imagesearch.errors import ServiceUnreachable
from imagesearch.gcp import permissions, rest
from imagesearch.gcp.rest import Answer, Client
from imagesearch.pipeline.ownership import STACK
from imagesearch.settings.schema import Settings


@dataclass(frozen=True)
class Wanted:
    """What a stack is to be made of, as far as it must be there or be allowed."""

    project: str
    location: str
    dataset: str
    stack: str
    """The stack's label on what is its own."""
    endpoint: str
    buckets: tuple[str, ...]
    public: bool
    index: bool
    """Whether a vector index is made."""
    notebook: bool = False
    """Whether there is a notebook."""
    first: bool = True
    """Whether the stack is yet to be made. Later on, nothing is granted or enabled any more."""

    @property
    def services(self) -> tuple[str, ...]:
        """The APIs it uses."""
        return permissions.services(notebook=self.notebook)

    @property
    def permissions(self) -> dict[str, str]:
        """What the caller must be allowed on the project, each with the role that has it."""
        return permissions.on_project(first=self.first, index=self.index, notebook=self.notebook)


@dataclass(frozen=True)
class Seen:
    """What Google Cloud answered: each an answer, or why there is none."""

    services: Answer | ServiceUnreachable
    project: Answer | ServiceUnreachable
    """testIamPermissions of everything asked on the project."""
    dataset: Answer | ServiceUnreachable
    buckets: Mapping[str, Answer | ServiceUnreachable]
    bucket_permissions: Mapping[str, Answer | ServiceUnreachable] = field(default_factory=dict)
    caller: str = ""
    """As IAM names one; empty when it is not known."""


def wanted(settings: Settings, project: str, labels: Mapping[str, str]) -> Wanted:
    """What a stack that is yet to be made needs."""
    return Wanted(
        project=project,
        location=settings.dataset.location,
        dataset=settings.dataset.id,
        stack=labels[STACK],
        endpoint=settings.embedding.endpoint,
        buckets=tuple(settings.images.buckets),
        public=settings.images.public,
        index=settings.index.type != "none",
        notebook=settings.notebook.enabled,
    )


def look(client: Client, wanted: Wanted) -> Seen:
    """Ask everything at once. Changes nothing, and raises nothing that a service does."""
    project = f"projects/{wanted.project}"
    question = {"permissions": [*wanted.permissions, permissions.ENABLE]}
    granting = wanted.buckets if wanted.first and not wanted.public else ()
    with ThreadPoolExecutor(8) as pool:

        def ask(what: Callable[..., Answer], *about: Any, **request: Any) -> Future[Answer | ServiceUnreachable]:
            return pool.submit(_answered, partial(what, *about, **request))

        services = ask(_enabled, client, project)
        held = ask(client.ask, rest.PROJECTS, f"{project}:testIamPermissions", method="POST", json=question)
        dataset = ask(client.ask, rest.BIGQUERY, f"{project}/datasets/{wanted.dataset}")
        buckets = {name: ask(_bucket, client, name, wanted.public) for name in wanted.buckets}
        rights = {name: ask(_rights, client, name) for name in granting}
    return Seen(
        services.result(),
        held.result(),
        dataset.result(),
        {name: answer.result() for name, answer in buckets.items()},
        {name: answer.result() for name, answer in rights.items()},
        client.caller,
    )


def _answered(question: Callable[[], Answer]) -> Answer | ServiceUnreachable:
    try:
        return question()
    except ServiceUnreachable as error:
        return error


def _enabled(client: Client, project: str) -> Answer:
    """services.list of what is enabled, its pages put together."""
    found: list[Any] = []
    query = {"filter": "state:ENABLED", "pageSize": "200", "fields": "services/name,nextPageToken"}
    while True:
        answer = client.ask(rest.SERVICES, f"{project}/services", params=query)
        found += answer.body.get("services", [])
        if not answer.ok or not answer.body.get("nextPageToken"):
            return Answer(answer.code, {**answer.body, "services": found})
        query["pageToken"] = answer.body["nextPageToken"]


def _bucket(client: Client, bucket: str, public: bool) -> Answer:
    """A bucket's description; of a public one, which is not ours to look at, one object as anyone may list it."""
    if public:
        query = {"maxResults": "1", "fields": "items/name"}
        return client.ask(rest.STORAGE, f"b/{bucket}/o", known=False, params=query)
    return client.ask(rest.STORAGE, f"b/{bucket}", params={"fields": "name,location"})


def _rights(client: Client, bucket: str) -> Answer:
    query = {"permissions": list(permissions.ON_BUCKET)}
    return client.ask(rest.STORAGE, f"b/{bucket}/iam/testPermissions", params=query)
