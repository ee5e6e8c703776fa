"""The jobs of each project, the newest first, so that a page of them is found without reading all jobs."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort

from localcloud.core.store import Document

_LAST = 10**15
"""Milliseconds since the epoch, after every job."""


class JobOrder:
    """Names of jobs by a key that orders them: by creation, the newest first, and then by name. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, list[str]] = {}

    def add(self, resource: Document) -> None:
        """Add a job by its resource."""
        with self._lock:
            insort(self._keys.setdefault(resource["jobReference"]["projectId"], []), _key(resource))

    def remove(self, resource: Document) -> None:
        """Forget it; nothing happens when it is not there."""
        with self._lock:
            keys, key = self._keys.get(resource["jobReference"]["projectId"], []), _key(resource)
            place = bisect_left(keys, key)
            if keys[place : place + 1] == [key]:
                del keys[place]

    def after(self, project: str, key: str) -> list[tuple[str, str]]:
        """Keys and names of the jobs that follow this key; of all for an empty one."""
        with self._lock:
            keys = self._keys.get(project, [])
            rest = keys[bisect_right(keys, key) :]
        return [(each, each.partition(" ")[2]) for each in rest]


def _key(resource: Document) -> str:
    return f"{_LAST - int(resource['statistics']['creationTime']):016d} {resource['id']}"
