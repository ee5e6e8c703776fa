"""The JSON API of Cloud Storage v1 over the buckets: buckets, their policies, and the objects' descriptions.

Source: cloud.google.com/storage/docs/json_api/v1 and the discovery document of storage v1. Buckets have uniform access,
no versioning, no soft delete. Query parameters and fields outside what is here are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.apis.iam import Iam, bucket_resource, check_version
from localcloud.apis.projects import resolve
from localcloud.apis.service_usage import Handler, when_enabled
from localcloud.apis.storage.buckets import Buckets, Precondition, condition_not_met
from localcloud.apis.storage.download import Downloads
from localcloud.apis.storage.objects import StoredObject, moment
from localcloud.apis.storage.upload import Uploads
from localcloud.core.errors import Unsupported, invalid, not_found
from localcloud.core.store import Document
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import check_labels, from_token, integer, page, partial_json, refuse_unknown, to_token

SERVICE = "storage.googleapis.com"

_COMMON = {"alt", "fields", "prettyPrint", "projection", "key", "quotaUser", "userProject", "$.xgafv"}
_MATCH = {"generation", "ifGenerationMatch", "ifMetagenerationMatch"}
_LOCATION = re.compile(r"US|EU|ASIA|(NAM|EUR|ASIA)[0-9]+|[A-Z]+-[A-Z]+[0-9]+")
"""Multi-regions, predefined dual-regions, regions. Choice: any name of their form is one."""
_MULTI_REGIONS = ("US", "EU", "ASIA")


def routes(context: Context, buckets: Buckets) -> list[Route]:
    """buckets, bucket policies, objects, uploads, downloads and signed URLs."""
    api = _Api(context, buckets)
    bucket = "/storage/v1/b/{bucket}"
    table: list[tuple[str, str, Handler]] = [
        ("/storage/v1/b", "POST", api.create_bucket),
        ("/storage/v1/b", "GET", api.list_buckets),
        (bucket, "GET", api.get_bucket),
        (bucket, "DELETE", api.delete_bucket),
        (f"{bucket}/iam", "GET", api.get_policy),
        (f"{bucket}/iam", "PUT", api.set_policy),
        (f"{bucket}/iam/testPermissions", "GET", api.test_permissions),
        (f"{bucket}/o", "GET", api.list_objects),
        (f"{bucket}/o/{{object:path}}", "GET", api.get_object),
        (f"{bucket}/o/{{object:path}}", "PATCH", api.patch_object),
        (f"{bucket}/o/{{object:path}}", "DELETE", api.delete_object),
        ("/download" + f"{bucket}/o/{{object:path}}", "GET", api.download),
        ("/upload" + f"{bucket}/o", "POST", api.start_upload),
        ("/upload" + f"{bucket}/o", "PUT", api.continue_upload),
        ("/upload" + f"{bucket}/o", "DELETE", api.cancel_upload),
        ("/signed/{bucket}/{object:path}", "GET", api.signed),
    ]
    return [Route(path, when_enabled(context, SERVICE, handler), methods=[method]) for path, method, handler in table]


class _Api:
    def __init__(self, context: Context, buckets: Buckets) -> None:
        self._context = context
        self._buckets = buckets
        self._iam = Iam(context)
        self._downloads = Downloads(context, buckets)
        self._uploads = Uploads(buckets)

    def create_bucket(self, request: Request) -> Response:
        _only(request, {"project"})
        project = resolve(self._context, request.query_params.get("project", ""))
        self._iam.require(member_of(request), "storage.buckets.create", f"projects/{project}")
        body = json_of(request)
        refuse_unknown(body, {"name", "location", "storageClass", "labels", "iamConfiguration"}, "buckets.insert")
        if body.get("storageClass", "STANDARD") != "STANDARD":
            raise Unsupported(f"storage class {body['storageClass']!r}")
        _check_access(body.get("iamConfiguration") or {})
        labels = body.get("labels") or {}
        check_labels(labels)
        location = str(body.get("location") or "US").upper()
        if not _LOCATION.fullmatch(location):
            raise invalid("The specified location constraint is not valid.")
        self._buckets.create(str(body.get("name")), location, labels)
        return partial_json(request, self._bucket(str(body["name"])))

    def list_buckets(self, request: Request) -> Response:
        _only(request, {"project", "maxResults", "pageToken", "prefix"})
        project = resolve(self._context, request.query_params.get("project", ""))
        self._iam.require(member_of(request), "storage.buckets.list", f"projects/{project}")
        names = [n for n in self._buckets.names() if n.startswith(request.query_params.get("prefix", ""))]
        chosen, token = page([(name, name) for name in names], request)
        answer: Document = {"kind": "storage#buckets", "items": [self._bucket(name) for name in chosen]}
        return partial_json(request, answer | ({"nextPageToken": token} if token else {}))

    def get_bucket(self, request: Request) -> Response:
        _only(request)
        bucket = self._bucket(self._allowed(request, "buckets.get"))
        return _unchanged(request, bucket["etag"]) or partial_json(request, bucket)

    def delete_bucket(self, request: Request) -> Response:
        _only(request)
        self._buckets.delete(self._allowed(request, "buckets.delete"))
        return Response(status_code=204)

    def get_policy(self, request: Request) -> Response:
        _only(request, {"optionsRequestedPolicyVersion"})
        check_version(request.query_params.get("optionsRequestedPolicyVersion"))
        return partial_json(request, self._policy(self._allowed(request, "buckets.getIamPolicy")))

    def set_policy(self, request: Request) -> Response:
        _only(request)
        bucket = self._allowed(request, "buckets.setIamPolicy")
        self._iam.set_policy(bucket_resource(bucket), json_of(request))
        return partial_json(request, self._policy(bucket))

    def test_permissions(self, request: Request) -> Response:
        _only(request, {"permissions"})
        bucket = request.path_params["bucket"]
        self._buckets.bucket(bucket)
        wanted = request.query_params.getlist("permissions")
        held = self._iam.held(member_of(request), wanted, bucket_resource(bucket))
        answer: Document = {"kind": "storage#testIamPermissionsResponse"}
        return partial_json(request, answer | ({"permissions": held} if held else {}))

    def list_objects(self, request: Request) -> Response:
        _only(request, {"prefix", "delimiter", "maxResults", "pageToken", "startOffset", "endOffset", "versions"})
        # `versions` changes nothing: without object versioning the live objects are all there is.
        bucket = self._allowed(request, "objects.list")
        params = request.query_params
        start, end = params.get("startOffset", ""), params.get("endOffset", "")
        found = self._buckets.list(bucket, params.get("prefix", ""))
        ranged = [o for o in found if o.info.name >= start and (not end or o.info.name < end)]
        entries = _folded(ranged, params.get("prefix", ""), params.get("delimiter", ""))
        after = from_token(params.get("pageToken", ""))
        left = [entry for entry in entries if entry[0] > after] if after else entries
        chosen = left[: min(integer(request, "maxResults", 1000) or 1000, 1000)]
        answer: Document = {"kind": "storage#objects"}
        if len(chosen) < len(left):
            answer["nextPageToken"] = to_token(chosen[-1][0])
        if prefixes := [name for name, stored in chosen if stored is None]:
            answer["prefixes"] = prefixes
        answer["items"] = [object_resource(self._context.url, o) for _, o in chosen if o is not None]
        return partial_json(request, answer)

    def get_object(self, request: Request) -> Response:
        if request.query_params.get("alt") == "media":
            return self.download(request)
        stored = self._object(request, "get")
        precondition(request).check(stored)
        return _unchanged(request, stored.etag) or self._described(request, stored)

    def patch_object(self, request: Request) -> Response:
        _refuse_unchanged(request, self._object(request, "update").etag)
        body = json_of(request)
        # Clients send the whole object back with what changed: only a changed value of another field is refused.
        found = self._buckets.get(request.path_params["bucket"], request.path_params["object"])
        current = object_resource(self._context.url, found)
        changed = {k: v for k, v in body.items() if v != current.get(k)}
        refuse_unknown(changed, {"metadata", "contentType"}, "objects.patch")
        stored = self._buckets.patch(found.info.bucket, found.info.name, changed, precondition(request))
        return self._described(request, stored)

    def delete_object(self, request: Request) -> Response:
        stored = self._object(request, "delete")
        _refuse_unchanged(request, stored.etag)
        self._buckets.remove(stored.info.bucket, stored.info.name, precondition(request))
        return Response(status_code=204)

    def download(self, request: Request) -> Response:
        stored = self._object(request, "get")
        precondition(request).check(stored)
        unchanged = _unchanged(request, stored.etag)
        return unchanged or self._downloads.answer(stored.info.bucket, stored.info.name, request.headers.get("range"))

    def signed(self, request: Request) -> Response:
        return self._downloads.signed(request)

    def start_upload(self, request: Request) -> Response:
        _only(request, {"uploadType", "name", "upload_id"} | _MATCH - {"generation"})
        for name in ("if-match", "if-none-match"):
            if name in request.headers:
                raise Unsupported(f"header {name!r} of an upload; ifGenerationMatch does it")
        bucket = self._allowed(request, "objects.create")
        stored = self._uploads.start(request, bucket, precondition(request))
        return stored if isinstance(stored, Response) else self._described(request, stored)

    def continue_upload(self, request: Request) -> Response:
        _refuse_keys(request)
        self._allowed(request, "objects.create")
        stored = self._uploads.proceed(request)
        return stored if isinstance(stored, Response) else self._described(request, stored)

    def cancel_upload(self, request: Request) -> Response:
        self._allowed(request, "objects.create")
        return self._uploads.cancel(request)

    def _object(self, request: Request, verb: str) -> StoredObject:
        """The object of the path, after the check of the caller and of the `generation` asked for."""
        _only(request, _MATCH)
        _refuse_access_lists(request)
        bucket = self._allowed(request, f"objects.{verb}")
        stored = self._buckets.get(bucket, request.path_params["object"])
        if request.query_params.get("generation", str(stored.info.generation)) != str(stored.info.generation):
            raise not_found(f"No such object: {bucket}/{stored.info.name}")
        return stored

    def _allowed(self, request: Request, permission: str) -> str:
        bucket = str(request.path_params["bucket"])
        self._buckets.bucket(bucket)
        self._iam.require(member_of(request), f"storage.{permission}", bucket_resource(bucket))
        return bucket

    def _described(self, request: Request, stored: StoredObject) -> Response:
        return partial_json(request, object_resource(self._context.url, stored))

    def _policy(self, bucket: str) -> Document:
        resource = bucket_resource(bucket)
        return {"kind": "storage#policy", "resourceId": resource, **self._iam.policy(resource)}

    def _bucket(self, bucket: str) -> Document:
        stored = self._buckets.bucket(bucket)
        created = _rfc3339(stored.created)
        resource = {
            "kind": "storage#bucket",
            "id": bucket,
            "name": bucket,
            "selfLink": f"{self._context.url}/storage/v1/b/{bucket}",
            "projectNumber": self._context.project_number,
            "location": stored.location,
            "locationType": "multi-region" if stored.location in _MULTI_REGIONS else "region",
            "storageClass": "STANDARD",
            "timeCreated": created,
            "updated": created,
            "metageneration": "1",
            "etag": "CAE=",
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": True},
                "publicAccessPrevention": "inherited",
            },
        }
        return resource | ({"labels": stored.labels} if stored.labels else {})


def object_resource(url: str, stored: StoredObject) -> Document:
    """The object as objects.get answers it."""
    info = stored.info
    link = f"{info.bucket}/o/{_quoted(info.name)}"
    generation = str(info.generation)
    updated = _rfc3339(info.updated.timestamp())
    created = _rfc3339(stored.created.timestamp())
    resource: Document = {
        "kind": "storage#object",
        "id": f"{info.bucket}/{info.name}/{generation}",
        "selfLink": f"{url}/storage/v1/b/{link}",
        "mediaLink": f"{url}/download/storage/v1/b/{link}?generation={generation}&alt=media",
        "name": info.name,
        "bucket": info.bucket,
        "generation": generation,
        "metageneration": str(stored.metageneration),
        "contentType": info.content_type,
        "storageClass": "STANDARD",
        "size": str(info.size),
        "md5Hash": info.md5_hash,
        "crc32c": stored.crc32c,
        "etag": stored.etag,
        "timeCreated": created,
        "updated": updated,
        "timeStorageClassUpdated": created,
    }
    return resource | ({"metadata": info.metadata} if info.metadata else {})


def precondition(request: Request) -> Precondition:
    """The request's ifGenerationMatch and ifMetagenerationMatch."""

    def number(name: str) -> int | None:
        return integer(request, name, 0) if request.query_params.get(name) else None

    return Precondition(number("ifGenerationMatch"), number("ifMetagenerationMatch"))


def _unchanged(request: Request, etag: str) -> Response | None:
    """304 when If-None-Match names what there is. Raises ApiError 412 when If-Match does not."""
    _refuse_changed(request, etag)
    return Response(status_code=304, headers={"ETag": etag}) if _names(request, "if-none-match", etag) else None


def _refuse_unchanged(request: Request, etag: str) -> None:
    _refuse_changed(request, etag)
    if _names(request, "if-none-match", etag):
        raise condition_not_met()


def _refuse_changed(request: Request, etag: str) -> None:
    if "if-match" in request.headers and not _names(request, "if-match", etag):
        raise condition_not_met()


def _names(request: Request, header: str, etag: str) -> bool:
    """Whether the header's list of etags has this one."""
    given = {each.strip().removeprefix("W/").strip('"') for each in request.headers.get(header, "").split(",")}
    return bool(given & {etag, "*"})


def _refuse_access_lists(request: Request) -> None:
    """`o/NAME/acl` is no object: a slash in an object's name is encoded in the path."""
    raw = request.scope.get("raw_path", b"").partition(b"?")[0]
    if re.search(rb"/o/[^/]+/acl(/[^/]+)?$", raw):
        raise Unsupported(f"{request.method} {request.url.path}")


def _refuse_keys(request: Request) -> None:
    """Contents are not encrypted here: a key that the client sends would protect nothing."""
    for name, value in request.headers.items():
        if value and name.startswith(("x-goog-encryption-", "x-goog-copy-source-encryption-")):
            raise Unsupported(f"header {name!r} (encryption keys of the client)")


def _only(request: Request, known: Collection[str] = ()) -> None:
    """Refuse query parameters and keys that would be ignored."""
    _refuse_keys(request)
    for name, value in request.query_params.items():
        if name not in _COMMON and name not in known and value not in ("", "false"):
            raise Unsupported(f"parameter {name!r} of {request.method} {request.url.path}")


def _folded(found: list[StoredObject], prefix: str, delimiter: str) -> list[tuple[str, StoredObject | None]]:
    """Objects by name; with a delimiter, those that share the name up to it are one entry, that prefix, with None."""
    if not delimiter:
        return [(stored.info.name, stored) for stored in found]
    entries: dict[str, StoredObject | None] = {}
    for stored in found:
        head, met, _ = stored.info.name[len(prefix) :].partition(delimiter)
        entries[prefix + head + met if met else stored.info.name] = None if met else stored
    return list(entries.items())


def _check_access(configuration: Document) -> None:
    uniform = configuration.get("uniformBucketLevelAccess") or {}
    if uniform.get("enabled") is False:
        raise Unsupported("buckets without uniform bucket-level access")
    if configuration.get("publicAccessPrevention", "inherited") != "inherited":
        raise Unsupported(f"publicAccessPrevention {configuration['publicAccessPrevention']!r}")


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _rfc3339(seconds: float) -> str:
    return moment(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
