"""What a stack requires of Google Cloud, and what Google Cloud has. Only reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from pydantic import Field

from imagesearch.errors import ServiceUnreachable
from imagesearch.gcp import permissions, rest
from imagesearch.gcp.rest import Client, Response
from imagesearch.pipeline.ownership import STACK
from imagesearch.settings.schema import Settings
from imagesearch.settings.spec import Spec


class Requirements(Spec):
    """The project, the location, the buckets and the features of a stack, from which its prerequisites follow."""

    project: str
    location: str
    dataset: str
    stack: str
    """The value of the label that the stack sets on its resources."""
    endpoint: str
    buckets: tuple[str, ...]
    public: bool
    """Whether the buckets are public."""
    index: bool
    """Whether the stack has a vector index."""
    notebook: bool = False
    """Whether the stack has a notebook."""
    first: bool = Field(default=True, exclude=True)
    """Whether the stack does not exist yet. An existing stack grants no roles and enables no APIs any more."""

    @property
    def services(self) -> tuple[str, ...]:
        """The APIs that the stack uses."""
        return permissions.services(notebook=self.notebook)

    @property
    def permissions(self) -> dict[str, str]:
        """The permissions that the caller needs on the project, each with the role that contains it."""
        return permissions.on_project(first=self.first, index=self.index, notebook=self.notebook)


@dataclass(frozen=True)
class Observations:
    """Google Cloud's response to each question, or the error if there was none."""

    services: Response | ServiceUnreachable
    project: Response | ServiceUnreachable
    """testIamPermissions on the project, with every permission in question."""
    dataset: Response | ServiceUnreachable
    buckets: Mapping[str, Response | ServiceUnreachable]
    bucket_permissions: Mapping[str, Response | ServiceUnreachable] = field(default_factory=dict)
    caller: str = ""
    """The caller as an IAM member; empty if unknown."""


def requirements(settings: Settings, project: str, labels: Mapping[str, str]) -> Requirements:
    """The requirements of a stack that does not exist yet."""
    return Requirements(
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


def observe(client: Client, required: Requirements) -> Observations:
    """Send every request at the same time. Errors of services are part of the result."""
    project = f"projects/{required.project}"
    tested = {"permissions": [*required.permissions, permissions.ENABLE]}
    granting = required.buckets if required.first and not required.public else ()
    with ThreadPoolExecutor(8) as pool:

        def start(send: Callable[[], Response]) -> Future[Response | ServiceUnreachable]:
            return pool.submit(_response_or_error, send)

        services = start(lambda: _enabled_services(client, project))
        held = start(lambda: client.request(rest.PROJECTS, f"{project}:testIamPermissions", method="POST", json=tested))
        dataset = start(lambda: client.request(rest.BIGQUERY, f"{project}/datasets/{required.dataset}"))
        buckets = {name: start(partial(_bucket, client, name, required.public)) for name in required.buckets}
        rights = {name: start(partial(_bucket_permissions, client, name)) for name in granting}
    return Observations(
        services.result(),
        held.result(),
        dataset.result(),
        {name: response.result() for name, response in buckets.items()},
        {name: response.result() for name, response in rights.items()},
        client.caller,
    )


def _response_or_error(send: Callable[[], Response]) -> Response | ServiceUnreachable:
    try:
        return send()
    except ServiceUnreachable as error:
        return error


def _enabled_services(client: Client, project: str) -> Response:
    """services.list of the enabled APIs, all pages in one body."""
    found: list[object] = []
    query = {"filter": "state:ENABLED", "pageSize": "200", "fields": "services/name,nextPageToken"}
    while True:
        response = client.request(rest.SERVICES, f"{project}/services", params=query)
        found += response.body.get("services", [])
        if not response.ok or not response.body.get("nextPageToken"):
            return Response(response.code, {**response.body, "services": found})
        query["pageToken"] = response.body["nextPageToken"]


def _bucket(client: Client, bucket: str, public: bool) -> Response:
    """A bucket's metadata; of a public bucket, whose metadata we may not read, one object as anyone may list it."""
    if public:
        query = {"maxResults": "1", "fields": "items/name"}
        return client.request(rest.STORAGE, f"b/{bucket}/o", authenticated=False, params=query)
    return client.request(rest.STORAGE, f"b/{bucket}", params={"fields": "name,location"})


def _bucket_permissions(client: Client, bucket: str) -> Response:
    params = {"permissions": list(permissions.ON_BUCKET)}
    return client.request(rest.STORAGE, f"b/{bucket}/iam/testPermissions", params=params)
