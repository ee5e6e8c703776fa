"""The services around BigQuery as one object: what SQL needs from them (`ports.Cloud`), and their REST routes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial

from starlette.routing import Route

from localcloud.apis import dataform, projects, service_usage, storage
from localcloud.apis.connections import api as connections
from localcloud.apis.connections.connections import Connections
from localcloud.apis.iam import Iam, bucket_resource, email
from localcloud.apis.storage import Buckets
from localcloud.apis.storage.colocation import colocated
from localcloud.apis.storage.download import Downloads
from localcloud.apis.vertex import endpoint as vertex
from localcloud.apis.vertex.endpoint import EmbeddingEndpoint
from localcloud.core.clock import Clock
from localcloud.core.errors import access_denied, invalid_query, not_found
from localcloud.core.ledger import Ledger
from localcloud.core.ports import Embedder, Embedding, ImageInput, ObjectInfo
from localcloud.http.context import Context


class LocalServices:
    """Implements `ports.Cloud`. One instance a server. Thread-safe."""

    clock: Clock

    def __init__(self, context: Context, embedder: Embedder) -> None:
        self.clock = context.clock
        self.iam = Iam(context)
        self.ledger = Ledger(context.home)
        self._context = context
        self._buckets = Buckets(context)
        self._connections = Connections(context)
        self._downloads = Downloads(context, self._buckets)
        self._endpoint = EmbeddingEndpoint(context, embedder, self._buckets, self.ledger)

    def routes(self) -> list[Route]:
        """Every REST route of these services, with full paths."""
        return [
            *connections.routes(self._context),
            *dataform.routes(self._context),
            *projects.routes(self._context, partial(service_usage.when_enabled, self._context, projects.SERVICE)),
            *service_usage.routes(self._context),
            *storage.routes(self._context, self._buckets),
            *vertex.routes(self._context, self._endpoint),
        ]

    def connection_member(self, project: str, location: str, connection: str) -> str:
        """The member of the connection's service account; the default connection is made at its first use."""
        return self._connections.member(project, location, connection)

    def list_objects(self, member: str, bucket: str, prefix: str) -> list[ObjectInfo]:
        """Live objects by name. Raises ApiError 403 in BigQuery's words, 404 without the bucket."""
        if bucket not in self._buckets.names():
            # Choice: BigQuery's own message for a bucket that does not exist is not known.
            raise not_found(f"Not found: Bucket gs://{bucket}")
        self._require_bucket(member, "storage.objects.list", bucket)
        return [stored.info for stored in self._buckets.list(bucket, prefix)]

    def check_colocated(self, bucket: str, location: str) -> None:
        """Raises ApiError 400. Choice: the message is that of load jobs; the contract has only the rule."""
        found = self._buckets.bucket(bucket).location if bucket in self._buckets.names() else location
        if not colocated(found, location):
            raise invalid_query(
                f"Cannot read and write in different locations: source: {found.lower()}, "
                f"destination: {location.lower()}"
            )

    def signed_url(self, member: str, bucket: str, name: str) -> str:
        """A URL that needs no credentials to get the object, for six hours, as far as `member` may."""
        return self._downloads.sign(member, bucket, name)

    def check_endpoint(self, member: str, project: str, location: str, endpoint: str) -> None:
        """Raises ApiError when the role is missing or the endpoint is unknown in this location."""
        self._endpoint.check(member, project, location, endpoint)

    def embed(
        self,
        member: str,
        project: str,
        location: str,
        endpoint: str,
        inputs: Sequence[str | ImageInput],
        dimension: int,
        cancelled: threading.Event,
    ) -> list[Embedding]:
        """One answer an input, in order. Waits for quota on the clock; row failures are statuses."""
        return self._endpoint.embed(member, project, location, endpoint, inputs, dimension, cancelled)

    def rows_per_job(self, endpoint: str, location: str) -> int:
        """The quota of the endpoint there, or what the settings say."""
        return self._endpoint.rows_per_job(endpoint, location)

    def embedding_job(self) -> AbstractContextManager[None]:
        """Entered by a job that embeds, for as long as it does. Raises ApiError jobRateLimitExceeded."""
        return self._endpoint.job()

    def _require_bucket(self, member: str, permission: str, bucket: str) -> None:
        if not self.iam.allows(member, permission, bucket_resource(bucket)):
            raise access_denied(
                "Access Denied: BigQuery BigQuery: Permission denied while globbing file pattern. "
                f"{email(member)} does not have {permission} access to the Google Cloud Storage bucket. "
                f"Permission '{permission}' denied on resource (or it may not exist)."
            )
