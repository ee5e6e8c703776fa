"""Pictures for the page: read through signed URLs, shrunk, passed on, and a few of them kept."""

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

KEPT_BYTES = 32 * 1024 * 1024
KEPT_ADDRESSES = 5_000
ADDRESS_SECONDS = 5 * 60 * 60.0
"""Signed URLs last for six hours."""


@dataclass(frozen=True)
class _Asked:
    """One query for the signed URLs of a page."""

    urls: Future[dict[str, str]]
    at: float


class Thumbnails:
    """Thumbnails of the pictures that were shown, and of no others: asking for one costs no query of its own."""

    def __init__(self, warehouse: Warehouse, object_table: Identifier) -> None:
        self._warehouse = warehouse
        self._object_table = object_table
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="signed-urls")
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def expect(self, uris: Iterable[str]) -> None:
        """Start to get the addresses of pictures that a page is about to show."""
        now = time.monotonic()
        with self._lock:
            missing = [uri for uri in uris if not self._known(uri, now)]
            if not missing:
                return
            urls = self._threads.submit(pictures.signed_urls, self._warehouse, self._object_table, missing)
            for uri in missing:
                self._asked[uri] = _Asked(urls, now)
                self._asked.move_to_end(uri)
            while len(self._asked) > KEPT_ADDRESSES:
                self._asked.popitem(last=False)

    def get(self, uri: str) -> bytes | None:
        """The thumbnail, or None when it was not shown or cannot be read. Raises what the query raises."""
        with self._lock:
            if uri in self._kept:
                self._kept.move_to_end(uri)
                return self._kept[uri]
            asked = self._asked.get(uri)
        url = asked.urls.result().get(uri) if asked else None
        data = pictures.read(url) if url else None
        if data:
            self._keep(uri, data)
        return data

    def _known(self, uri: str, now: float) -> bool:
        asked = self._asked.get(uri)
        if asked is None or now - asked.at > ADDRESS_SECONDS:
            return False
        return not (asked.urls.done() and asked.urls.exception())

    def _keep(self, uri: str, data: bytes) -> None:
        with self._lock:
            self._bytes += len(data) - len(self._kept.pop(uri, b""))
            self._kept[uri] = data
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])
