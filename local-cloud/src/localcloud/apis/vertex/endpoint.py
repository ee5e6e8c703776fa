"""The embedding endpoint of Vertex AI: for SQL row by row, and over REST.

Sources: docs/bigquery-contract.md, "1. AI.GENERATE_EMBEDDING", "2. The embedding endpoint" and "3. Remote models".

A row is one request. It fails with a status, as BigQuery reports it in the `status` column: retryable ones begin with
`A retryable error occurred:`, everything else is permanent. With `settings.enforce_quota` requests pass at the rate of
their location, one queue for all queries; SQL waits in it on the clock, REST is answered 429.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localcloud.apis.iam import Iam, bucket_resource, email
from localcloud.apis.projects import resolve
from localcloud.apis.service_usage import Services, when_enabled
from localcloud.apis.storage import Buckets
from localcloud.core.errors import ApiError, Unsupported, invalid_query, not_found
from localcloud.core.ledger import Ledger
from localcloud.core.ports import Embedder, Embedding, ImageInput, Vector
from localcloud.core.quotas import ENDPOINTS, Endpoint, requests_per_minute, rows_per_job, served, vertex_location
from localcloud.core.store import Document
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import refuse_unknown

SERVICE = "aiplatform.googleapis.com"
PERMISSION = "aiplatform.endpoints.predict"

_THREADS = 2
_REST_BURST = 60.0
"""Seconds: how far REST may exceed an even rate, since the quota is per minute."""

_OTHERS = ("gemini-", "text-embedding-", "text-multilingual-embedding-", "textembedding-gecko")
"""Prefixes of Google's other embedding models (S/bigqueryml-syntax-create-remote-model-embedding-maas)."""


class EmbeddingEndpoint:
    """The endpoint. Thread-safe; one instance a server, since the quota is shared."""

    def __init__(self, context: Context, embedder: Embedder, buckets: Buckets, ledger: Ledger) -> None:
        self._context = context
        self._embedder = embedder
        self._buckets = buckets
        self._ledger = ledger
        self._iam = Iam(context)
        self._services = Services(context)
        self._quota = _Quota(context)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="embedding")
        self._embedding = 0
        self._embedding_lock = threading.Lock()

    def check(self, member: str, project: str, location: str, endpoint: str) -> None:
        """Whether `member` may use the endpoint for a dataset in `location`. Raises ApiError."""
        self._services.require(SERVICE)
        if not self._iam.allows(member, PERMISSION, f"projects/{project}"):
            raise invalid_query(
                f"{email(member)} does not have the permission to access or use the endpoint. Please grant the Vertex "
                "AI user role to the service account following "
                "https://cloud.google.com/bigquery/docs/generate-text-tutorial#grant-permissions. If issue persists, "
                "contact bqml-feedback@google.com for help."
            )
        _refuse_others(endpoint)
        if not served(endpoint, location):
            raise invalid_query(_unknown_model(project, location, endpoint))

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
        """One answer an input, in order. Raises ApiError when the endpoint may not be used, or `stopped`.

        Choice: a connection that lost its role fails the statement, not each row; the contract lists no such status.
        """
        self.check(member, project, location, endpoint)
        if dimension not in ENDPOINTS[endpoint].dimensions:
            raise invalid_query(f"Invalid output_dimensionality {dimension} for endpoint {endpoint}.")
        self._quota.wait(endpoint, location, len(inputs), cancelled)
        readable = self._readable(member, inputs)

        def row(item: str | ImageInput) -> Embedding | None:
            if cancelled.is_set():
                return None
            if isinstance(item, str):
                return self._text(item, dimension)
            return self._image(item, dimension, member, readable, ENDPOINTS[endpoint])

        answers = list(self._pool.map(row, inputs))
        asked = [(item, answer) for item, answer in zip(inputs, answers, strict=True) if answer is not None]
        self._record(asked)
        if len(asked) < len(inputs):
            raise ApiError(400, "stopped", "Job execution was cancelled: User requested cancellation")
        return [answer for _, answer in asked]

    def rows_per_job(self, endpoint: str, location: str) -> int:
        """Rows that one job may embed: the quota, unless the settings say otherwise."""
        limit = self._context.settings.rows_per_job
        return rows_per_job(endpoint, location) if limit is None else limit

    @contextmanager
    def job(self) -> Iterator[None]:
        """One of the jobs that may embed at the same time, while it lasts. Raises ApiError.

        Choice: the contract gives the number, not the error of one job more. Google's page on quotas says that what
        exceeds one fails, and a rate limit that ends a job has the reason jobRateLimitExceeded.
        """
        allowed = self._context.settings.concurrent_embedding_jobs
        with self._embedding_lock:
            if self._embedding >= allowed:
                raise ApiError(
                    400,
                    "jobRateLimitExceeded",
                    "Job exceeded rate limits: too many concurrent jobs with the function AI.GENERATE_EMBEDDING for "
                    f"this project; {allowed} are allowed.",
                )
            self._embedding += 1
        try:
            yield
        finally:
            with self._embedding_lock:
                self._embedding -= 1

    def predict(self, request: Request) -> JSONResponse:
        """`publishers/google/models/M:predict`: one instance with an image, a text, or both."""
        params = request.path_params
        project, location, model = resolve(self._context, params["project"]), params["location"], params["model"]
        self._iam.require(member_of(request), PERMISSION, f"projects/{project}")
        _refuse_others(model)
        if not served(model, location):
            raise not_found(_unknown_model(project, location, model))
        if model != "multimodalembedding@001":
            raise Unsupported(f":predict of {model!r}, which is served to SQL only")
        instance, dimension = _instance(json_of(request))
        self._quota.take(model, location)
        answer = {
            f"{kind}Embedding": [float(number) for number in vector]
            for kind, vector in self._vectors(member_of(request), instance, dimension).items()
        }
        return JSONResponse({"predictions": [answer], "deployedModelId": "local"})

    def _vectors(self, member: str, instance: Document, dimension: int) -> dict[str, Vector]:
        found: dict[str, Vector] = {}
        objects = []
        if "text" in instance:
            found["text"] = self._embedder.text(str(instance["text"]), dimension)
        if "image" in instance:
            data, uri = self._bytes(member, instance["image"])
            try:
                found["image"] = self._embedder.image(data, dimension)
            except ValueError as error:
                raise _bad_request(f"Invalid image: {error}") from None
            objects = [uri]
        self._ledger.record(1, 0 if objects else 1, objects)
        return found

    def _bytes(self, member: str, image: Document) -> tuple[bytes, str]:
        """The picture, and what the ledger calls it."""
        refuse_unknown(image, {"gcsUri", "bytesBase64Encoded"}, "instances[].image")
        if len(image) != 1:
            raise _bad_request("An image needs either a gcsUri or bytesBase64Encoded.")
        if "bytesBase64Encoded" in image:
            try:
                return base64.b64decode(image["bytesBase64Encoded"], validate=True), "(bytes)"
            except (binascii.Error, TypeError, ValueError):
                raise _bad_request("bytesBase64Encoded is not base64.") from None
        if not re.fullmatch(r"gs://[^/]+/.+", str(image["gcsUri"]), re.DOTALL):
            raise _bad_request(f"Invalid gcsUri: {image['gcsUri']!r}; it must be gs://BUCKET/OBJECT.")
        bucket, name = _split(image["gcsUri"])
        self._iam.require(member, "storage.objects.get", bucket_resource(bucket))
        return self._buckets.read(bucket, name)[1], f"gs://{bucket}/{name}"

    def _readable(self, member: str, inputs: Sequence[str | ImageInput]) -> dict[str, bool]:
        """Which of the buckets named the member may read."""
        named = {_split(each.uri)[0] for each in inputs if isinstance(each, ImageInput)}
        return {b: self._iam.allows(member, "storage.objects.get", bucket_resource(b)) for b in named}

    def _text(self, text: str, dimension: int) -> Embedding:
        if fault := self._context.faults.row_status(text):
            return Embedding(None, fault)
        if not text.strip():
            return Embedding(None, "INVALID_ARGUMENT: The text content is empty.")
        return Embedding(self._embedder.text(text, dimension))

    def _image(
        self, item: ImageInput, dimension: int, member: str, readable: dict[str, bool], endpoint: Endpoint
    ) -> Embedding:
        if fault := self._context.faults.row_status(item.uri):
            return Embedding(None, fault)
        bucket, name = _split(item.uri)
        if not readable[bucket]:
            return Embedding(
                None,
                f"PERMISSION_DENIED: {email(member)} does not have storage.objects.get access to the Google Cloud "
                f"Storage object {item.uri}.",
            )
        try:
            stored, data = self._buckets.read(bucket, name)
        except ApiError as error:
            return Embedding(None, f"NOT_FOUND: {error.message}")
        if item.generation not in (None, stored.info.generation):
            return Embedding(None, f"NOT_FOUND: No such object: {bucket}/{name}#{item.generation}")
        kind = stored.info.content_type
        # An object of a type that is no image's is decoded all the same: the type may be missing.
        if kind.startswith("image/") and kind not in endpoint.content_types:
            return Embedding(None, f"INVALID_ARGUMENT: {endpoint.name} does not take {kind}.")
        try:
            return Embedding(self._embedder.image(data, dimension))
        except ValueError as error:
            return Embedding(None, f"INVALID_ARGUMENT: {error}")

    def _record(self, rows: Sequence[tuple[str | ImageInput, Embedding]]) -> None:
        paid = [item for item, answer in rows if answer.vector is not None]
        objects = [item.uri for item in paid if isinstance(item, ImageInput)]
        if rows:
            self._ledger.record(len(rows), len(paid) - len(objects), objects)


def routes(context: Context, endpoint: EmbeddingEndpoint) -> list[Route]:
    """The :predict method, below the service's prefix."""
    path = "/aiplatform/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:predict"
    return [Route(path, when_enabled(context, SERVICE, endpoint.predict), methods=["POST"])]


class _Quota:
    """Requests per minute by endpoint and location, at an even rate."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._free: dict[tuple[str, str], float] = {}

    def wait(self, endpoint: str, location: str, count: int, cancelled: threading.Event) -> None:
        """Wait on the clock until `count` more requests have passed."""
        if not self._context.settings.enforce_quota:
            return
        with self._lock:
            passed = self._claim(endpoint, location, count, lambda late: None)
        self._context.clock.wait(passed - self._context.clock.time(), cancelled)

    def take(self, endpoint: str, location: str) -> None:
        """Let one request through at once, or raise ApiError 429."""

        def refuse(late: float) -> None:
            if late > _REST_BURST:
                base = endpoint.partition("@")[0]
                raise ApiError(
                    429,
                    "rateLimitExceeded",
                    "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base "
                    f"model: {base}. Please submit a quota increase request.",
                )

        if self._context.settings.enforce_quota:
            with self._lock:
                self._claim(endpoint, location, 1, refuse)

    def _claim(self, endpoint: str, location: str, count: int, check: Callable[[float], None]) -> float:
        """Reserve `count` requests after those before them; the time at which the last may pass."""
        now = self._context.clock.time()
        key = (endpoint, vertex_location(location))
        passed = max(self._free.get(key, now), now) + count * 60 / requests_per_minute(endpoint, location)
        check(passed - now)
        self._free[key] = passed
        return passed


def _instance(body: Document) -> tuple[Document, int]:
    """The one instance of a request, and the dimension asked for. Raises ApiError 400."""
    refuse_unknown(body, {"instances", "parameters"}, ":predict")
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise _bad_request("parameters must be an object.")
    refuse_unknown(parameters, {"dimension"}, "parameters")
    dimensions = ENDPOINTS["multimodalembedding@001"].dimensions
    dimension = parameters.get("dimension", dimensions[0])
    if dimension not in dimensions:
        raise _bad_request(f"Invalid dimension {dimension}; it must be one of {sorted(dimensions)}.")
    instances = body.get("instances")
    if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], dict):
        raise _bad_request("A request takes exactly one instance.")
    refuse_unknown(instances[0], {"text", "image"}, "instances[]")
    for name, kind in (("text", str), ("image", dict)):
        if not isinstance(instances[0].get(name) or kind(), kind):
            raise _bad_request(f"Invalid {name} of an instance: {instances[0][name]!r}")
    if not instances[0].get("text") and not instances[0].get("image"):
        raise _bad_request("An instance needs an image or a text.")
    return {key: value for key, value in instances[0].items() if value}, int(dimension)


def _refuse_others(endpoint: str) -> None:
    """Raises Unsupported for what Google serves and this cloud does not: "not found" would be no answer of Google's."""
    if endpoint.startswith("https://"):
        raise Unsupported(f"the endpoint {endpoint!r}, which is a URL; name the model alone")
    if endpoint not in ENDPOINTS and endpoint.startswith(_OTHERS):
        raise Unsupported(f"the endpoint {endpoint!r}; there are {', '.join(ENDPOINTS)}")


def _split(uri: str) -> tuple[str, str]:
    """Bucket and name of a `gs://` uri."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


def _unknown_model(project: str, location: str, model: str) -> str:
    place = f"projects/{project}/locations/{vertex_location(location)}/publishers/google/models/{model}"
    return (
        f"Not found: Publisher model {place} was not found or your project does not have access to it. Please ensure "
        "you are using a valid model version."
    )


def _bad_request(message: str) -> ApiError:
    return ApiError(400, "badRequest", message)
