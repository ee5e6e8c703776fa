"""Uploads of objects: simple, multipart and resumable.

Source: cloud.google.com/storage/docs/uploads-downloads and …/performing-resumable-uploads. Choice: a resumable session
ends with the server; an unknown one is answered 404, after which clients start again.
"""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from localcloud.apis.storage.buckets import Buckets, Precondition
from localcloud.apis.storage.objects import Checksums, StoredObject, check_content_type, check_name
from localcloud.core.disk import require_room
from localcloud.core.errors import ApiError, invalid, not_found
from localcloud.core.store import Document
from localcloud.http.context import body_of, json_of
from localcloud.http.discovery.conformance import problems
from localcloud.http.json_bodies import parse
from localcloud.http.rest import refuse_unknown

_FIELDS = {"name", "bucket", "contentType", "metadata", "md5Hash", "crc32c", "size", "storageClass"}
_CHUNK = 256 * 1024


@dataclass
class _Session:
    """One resumable upload: what it will become, and the file that grows."""

    bucket: str
    fields: Document
    when: Precondition
    file: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    stored: StoredObject | None = None


class Uploads:
    """Receives contents. Answers the stored object, or a Response of the resumable protocol. Thread-safe."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._sessions: dict[str, _Session] = {}

    def start(self, request: Request, bucket: str, when: Precondition) -> StoredObject | Response:
        """A whole upload, or the start of a resumable one. Raises ApiError."""
        kind = request.query_params.get("uploadType")
        named = {"name": request.query_params["name"]} if "name" in request.query_params else {}
        named |= _hashes(request)
        content_type = request.headers.get("content-type", "")
        if kind == "media":
            return self._save(bucket, named | {"contentType": content_type}, body_of(request), when)
        if kind == "multipart":
            fields, part_type, data = _parts(body_of(request), content_type)
            return self._save(bucket, {"contentType": part_type} | named | fields, data, when)
        if kind == "resumable":
            declared = {"contentType": request.headers.get("x-upload-content-type", "")}
            return self._open(request, bucket, declared | named | json_of(request), when)
        raise ApiError(400, "badRequest", f"Invalid upload type: {kind!r}")

    def proceed(self, request: Request) -> StoredObject | Response:
        """The next piece of a resumable upload: 308 with the bytes received so far; after the last, the object."""
        session = self._session(request)
        data = body_of(request)
        with session.lock:
            if session.stored:
                return session.stored
            size = session.file.stat().st_size
            first, total = _span(request, size, len(data))
            if first > size or (not data and total != str(size)):
                return _incomplete(size)
            require_room(session.file.parent, len(data))
            with session.file.open("r+b") as file:
                file.seek(first)
                file.write(data)
                file.truncate()
            received = first + len(data)
            if total != str(received):
                return self._more(session, received, total)
            fields = session.fields | _hashes(request)
            session.stored = self._finish(session.bucket, fields, session.file, session.when)
            return session.stored

    def cancel(self, request: Request) -> Response:
        """End a resumable upload."""
        session = self._session(request)
        self._sessions.pop(request.query_params["upload_id"], None)
        session.file.unlink(missing_ok=True)
        return Response(status_code=499)

    def _open(self, request: Request, bucket: str, fields: Document, when: Precondition) -> Response:
        _check(bucket, fields)
        when.check(self._buckets.find(bucket, fields["name"]))
        upload = secrets.token_urlsafe(24)
        session = _Session(bucket, fields, when, self._buckets.new_upload())
        session.file.touch()
        self._sessions[upload] = session
        place = f"{request.base_url}upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={upload}"
        return Response(status_code=200, headers={"Location": place, "X-GUploader-UploadID": upload})

    def _session(self, request: Request) -> _Session:
        found = self._sessions.get(request.query_params.get("upload_id", ""))
        if found is None or found.bucket != request.path_params["bucket"]:
            raise not_found("No such upload session.")
        return found

    def _more(self, session: _Session, received: int, total: str) -> Response:
        if total != "*" and received > int(total):
            raise ApiError(400, "invalid", f"The upload has {received} bytes, {total} were announced.")
        whole = received - received % _CHUNK
        with session.file.open("r+b") as file:  # Cloud Storage keeps whole chunks; the client sends the rest again
            file.truncate(whole)
        return _incomplete(whole)

    def _save(self, bucket: str, fields: Document, data: bytes, when: Precondition) -> StoredObject:
        _check(bucket, fields)
        upload = self._buckets.new_upload()
        require_room(upload.parent, len(data))
        upload.write_bytes(data)
        return self._finish(bucket, fields, upload, when, Checksums.of(data))

    def _finish(
        self, bucket: str, fields: Document, upload: Path, when: Precondition, sums: Checksums | None = None
    ) -> StoredObject:
        sums = sums or Checksums.of_file(upload)
        try:
            _compare(fields, sums, upload.stat().st_size)
            content_type = str(fields.get("contentType") or "application/octet-stream")
            metadata = {str(k): str(v) for k, v in (fields.get("metadata") or {}).items()}
            return self._buckets.write(bucket, fields["name"], upload, content_type, metadata, sums, when)
        finally:
            upload.unlink(missing_ok=True)


def _check(bucket: str, fields: Document) -> None:
    if wrong := problems("storage.v1", "Object", fields, sent=True):
        raise invalid(f"Invalid request: {wrong[0]}")
    refuse_unknown(fields, _FIELDS, "objects.insert")
    check_content_type(fields.get("contentType") or "")
    if fields.get("storageClass", "STANDARD") != "STANDARD":
        raise ApiError(400, "invalid", f"Invalid storage class: {fields['storageClass']!r}")
    if fields.get("bucket", bucket) != bucket:
        raise ApiError(400, "invalid", "The bucket of the body is not the bucket of the URL.")
    if not fields.get("name"):
        raise ApiError(400, "required", "Required parameter: name")
    check_name(str(fields["name"]))


def _compare(fields: Document, sums: Checksums, size: int) -> None:
    """Raises ApiError 400 unless checksums and size are those that the client sent."""
    for label, sent, found in (
        ("MD5 hash", fields.get("md5Hash"), sums.md5_hash),
        ("CRC32C", fields.get("crc32c"), sums.crc32c),
        ("size", fields.get("size"), str(size)),
    ):
        if sent and str(sent) != found:
            raise ApiError(400, "invalid", f'Provided {label} "{sent}" doesn\'t match calculated {label} "{found}".')


def _span(request: Request, size: int, length: int) -> tuple[int, str]:
    """Where the piece begins and how many bytes the whole has (`*`: not known yet); without a range it is the whole."""
    header = request.headers.get("content-range")
    if header is None:
        return 0, str(length)
    number = "([0-9]{1,19})"
    span = re.fullmatch(rf"bytes (?:\*|{number}-{number})/(\*|{number})", header)
    if span is None or (span[1] is not None and int(span[2]) - int(span[1]) + 1 != length):
        raise ApiError(400, "badRequest", f"Invalid Content-Range: {header!r} for {length} bytes.")
    return size if span[1] is None else int(span[1]), span[3]


def _hashes(request: Request) -> dict[str, str]:
    """The checksums of the X-Goog-Hash header, by the names of the object's fields."""
    named = dict(
        part.strip().split("=", 1) for part in request.headers.get("x-goog-hash", "").split(",") if "=" in part
    )
    fields = {"crc32c": named.get("crc32c"), "md5Hash": named.get("md5")}
    return {field: value for field, value in fields.items() if value}


def _parts(body: bytes, content_type: str) -> tuple[Document, str, bytes]:
    """The JSON fields, the content's type and the content of a multipart/related body."""
    named = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.startswith("multipart/") or named is None:
        raise ApiError(400, "badRequest", "A multipart upload needs Content-Type: multipart/related with a boundary.")
    mark = b"--" + named[1].encode()
    try:
        _, first, rest = body.split(mark, 2)
        second = rest[: rest.rindex(b"\r\n" + mark + b"--")]
        _, fields = first.split(b"\r\n\r\n", 1)
        headers, data = second.split(b"\r\n\r\n", 1)
        described = parse(fields)
    except ValueError:
        raise ApiError(400, "badRequest", "Malformed multipart body.") from None
    if not isinstance(described, dict):
        raise ApiError(400, "badRequest", "The first part of a multipart upload must be a JSON object.")
    kind = re.search(rb"(?i)content-type:\s*([^\r\n]+)", headers)
    return described, kind[1].decode("latin-1").strip() if kind else "", data


def _incomplete(size: int) -> Response:
    return Response(status_code=308, headers={"Range": f"bytes=0-{size - 1}"} if size else {})
