"""The thumbnails of a page's pictures, cached, with the signed URLs they are downloaded from."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.sql import Identifier
from imagesearch.web import pictures

CACHED_BYTES = 32 * 1024 * 1024
CACHED_URLS = 5_000
URL_SECONDS = 5 * 60 * 60.0
"""How long a signed URL is used; it is valid for six hours."""


@dataclass(frozen=True)
class _Urls:
    """One query for the signed URLs of a page."""

    by_uri: Future[dict[str, str]]
    requested_at: float
    """On time.monotonic()."""


class Thumbnails:
    """Thumbnails of the pictures that pages contained, and of no others. One query serves all pictures of a page."""

    def __init__(self, warehouse: Warehouse, object_table: Identifier) -> None:
        self._warehouse = warehouse
        self._object_table = object_table
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="signed-urls")
        self._lock = threading.Lock()
        self._urls: OrderedDict[str, _Urls] = OrderedDict()
        self._cached: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def prepare(self, uris: Iterable[str]) -> None:
        """Start the query for the signed URLs of pictures that a page is about to show."""
        now = time.monotonic()
        with self._lock:
            missing = [uri for uri in uris if not self._has_url(uri, now)]
            if not missing:
                return
            urls = self._threads.submit(pictures.signed_urls, self._warehouse, self._object_table, missing)
            for uri in missing:
                self._urls[uri] = _Urls(urls, now)
                self._urls.move_to_end(uri)
            while len(self._urls) > CACHED_URLS:
                self._urls.popitem(last=False)

    def get(self, uri: str) -> bytes | None:
        """The thumbnail; None if no page contained the picture or it cannot be read. Raises what the query raises."""
        with self._lock:
            if uri in self._cached:
                self._cached.move_to_end(uri)
                return self._cached[uri]
            urls = self._urls.get(uri)
        url = urls.by_uri.result().get(uri) if urls else None
        thumbnail = pictures.download_thumbnail(url) if url else None
        if thumbnail:
            self._cache(uri, thumbnail)
        return thumbnail

    def _has_url(self, uri: str, now: float) -> bool:
        urls = self._urls.get(uri)
        if urls is None or now - urls.requested_at > URL_SECONDS:
            return False
        return not (urls.by_uri.done() and urls.by_uri.exception())

    def _cache(self, uri: str, thumbnail: bytes) -> None:
        with self._lock:
            self._bytes += len(thumbnail) - len(self._cached.pop(uri, b""))
            self._cached[uri] = thumbnail
            while self._bytes > CACHED_BYTES:
                self._bytes -= len(self._cached.popitem(last=False)[1])
