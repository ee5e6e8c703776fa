"""A stack for tests where search quality does not matter: generated pictures, vectors by hash, and quick failures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.e2e.conftest import BUCKET
from tests.e2e.stack import Stack

SEARCHES = [{"name": "anything", "text": "anything at all", "topK": 3}]
DATASET = "local-project.bqml_tutorial"
NAMES = tuple(f"{number}.jpg" for number in range(6))
ROWS_FAIL = {"rows": {"rate": 0.5, "seed": 3}}
"""Makes some of NAMES fail, always the same, as often as they are tried."""


def picture(number: int) -> bytes:
    """A small JPEG, another one for every number below 2 ** 24."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256 % 256, number // 65536)).save(buffer, "JPEG")
    return buffer.getvalue()


def fill(stack: Stack, names: Iterable[str] = NAMES, bucket: str = BUCKET) -> None:
    """Put a picture of its own under each name into a bucket, as a person would: as a file in its folder."""
    folder = stack.home / "buckets" / bucket
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(picture(hash_of(name)))


def hash_of(name: str) -> int:
    """A number for a name, the same in every process."""
    return int.from_bytes(name.encode()[-7:], "big") % 2**24


def objects_of(stack: Stack, bucket: str = BUCKET) -> Path:
    """The folder that holds a bucket's objects."""
    return stack.home / "buckets" / bucket


@contextmanager
def running(factory: pytest.TempPathFactory, **sections: Any) -> Iterator[Stack]:
    """A stack with NAMES in its bucket and a running local cloud; nothing is up yet."""
    stack = Stack(factory.mktemp("stack") / "project", embedder="hash")
    stack.start_cloud()
    try:
        stack.set(**{"searches": SEARCHES, **sections})
        fill(stack)
        yield stack
    finally:
        stack.stop_cloud()


def control(stack: Stack, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
    """Ask the local cloud's control API."""
    import json
    import urllib.request

    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{stack.port}/control/{path}", data=data, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)
