"""Contents of objects: media downloads with ranges, and signed URLs.

A signed URL carries who signed, when and for how long under an HMAC, with the parameter names of the V4 process
(cloud.google.com/storage/docs/authentication/signatures); the signer's access is checked when the URL is used.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from localcloud.apis.iam import Iam, bucket_resource
from localcloud.apis.storage.buckets import Buckets
from localcloud.apis.storage.objects import moment
from localcloud.core.errors import ApiError
from localcloud.http.context import Context

SIGNED_FOR = 6 * 3600
"""Seconds; what BigQuery gives the URLs it signs."""

_MAX_DIGITS = 19
_DATE = "%Y%m%dT%H%M%SZ"


class Downloads:
    """Answers the contents of objects."""

    def __init__(self, context: Context, buckets: Buckets) -> None:
        self._context = context
        self._buckets = buckets
        self._iam = Iam(context)

    def answer(self, bucket: str, name: str, span: str | None) -> Response:
        """The content, or the part that an HTTP Range header names. Raises ApiError 404, 416."""
        stored, data = self._buckets.read(bucket, name)
        headers = {
            "ETag": stored.etag,
            "X-Goog-Generation": str(stored.info.generation),
            "X-Goog-Metageneration": str(stored.metageneration),
            "X-Goog-Hash": f"crc32c={stored.crc32c},md5={stored.info.md5_hash}",
            "X-Goog-Stored-Content-Length": str(stored.info.size),
            "X-Goog-Stored-Content-Encoding": "identity",
            "X-Goog-Storage-Class": "STANDARD",
            "Last-Modified": stored.info.updated.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "Accept-Ranges": "bytes",
            # A picture opens in the browser, but no object of a bucket runs there as a page of this server.
            "Content-Security-Policy": "sandbox",
            "X-Content-Type-Options": "nosniff",
        }
        part = _part(span, len(data))
        if part is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(data)}"
            return Response(data[part.start : part.stop], 206, headers, media_type=stored.info.content_type)
        return Response(data, 200, headers, media_type=stored.info.content_type)

    def sign(self, member: str, bucket: str, name: str) -> str:
        """A URL that needs no credentials to get the object, for six hours of the clock, as far as `member` may."""
        signed = {
            "X-Goog-Algorithm": "GOOG4-HMAC-SHA256",
            "X-Goog-Credential": member,
            "X-Goog-Date": self._context.clock.now().strftime(_DATE),
            "X-Goog-Expires": str(SIGNED_FOR),
            "X-Goog-SignedHeaders": "host",
        }
        path = f"/signed/{bucket}/{quote(name, safe='/')}"
        query = urlencode(signed)
        return f"{self._context.url}{path}?{query}&X-Goog-Signature={self._signature(bucket, name, query)}"

    def signed(self, request: Request) -> Response:
        """Answer a signed URL; its errors are those of the XML API."""
        bucket, name = request.path_params["bucket"], request.path_params["object"]
        query, _, signature = request.url.query.partition("&X-Goog-Signature=")
        if not hmac.compare_digest(signature, self._signature(bucket, name, query)):
            return _xml_error(403, "SignatureDoesNotMatch", "Access denied.")
        params = request.query_params
        signed_at = datetime.strptime(params["X-Goog-Date"], _DATE).replace(tzinfo=UTC).timestamp()
        expires = signed_at + int(params["X-Goog-Expires"])
        if self._context.clock.time() > expires:
            return _xml_error(400, "ExpiredToken", f"Invalid argument. The URL expired at {moment(expires):%FT%TZ}.")
        if not self._iam.allows(params["X-Goog-Credential"], "storage.objects.get", bucket_resource(bucket)):
            return _xml_error(403, "AccessDenied", "Access denied.")
        try:
            return self.answer(bucket, name, request.headers.get("range"))
        except ApiError as error:
            code = {404: "NoSuchKey", 416: "InvalidRange"}.get(error.code, error.reason)
            return _xml_error(error.code, code, error.message)

    def _signature(self, bucket: str, name: str, query: str) -> str:
        return hmac.digest(self._key(), f"{bucket}\n{name}\n{query}".encode(), "sha256").hex()

    def _key(self) -> bytes:
        """Made once, so that URLs stay valid after a restart."""
        with self._context.store.control:
            stored = self._context.store.get("meta", "signing-key")
            if stored is None:
                stored = {"key": secrets.token_hex(32)}
                with self._context.store.transaction() as change:
                    change.put("meta", "signing-key", stored)
        return bytes.fromhex(stored["key"])


def _part(span: str | None, size: int) -> range | None:
    """What a Range header asks of `size` bytes; None for all of them, as for a header not understood (RFC 9110)."""
    asked = re.fullmatch(r"bytes=([0-9]*)-([0-9]*)", span or "")
    if asked is None or asked[0] == "bytes=-":
        return None
    first, last = (digits.lstrip("0")[:_MAX_DIGITS] or digits[:1] for digits in asked.groups())
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= size or stop <= start:
        raise ApiError(416, "requestedRangeNotSatisfiable", f"The requested range cannot be satisfied: {span}")
    return range(start, stop)


def _xml_error(status: int, code: str, message: str) -> Response:
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, status, media_type="application/xml")
