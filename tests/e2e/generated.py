"""A stack for tests where search quality does not matter: generated pictures, vectors by hash, and quick failures."""

from __future__ import annotations

import io
import subprocess
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.e2e.conftest import BUCKET
from tests.e2e.stack import Stack

SEARCHES = [{"name": "anything", "text": "anything at all", "topK": 3}]
DATASET = "local-project.bqml_tutorial"
NAMES = tuple(f"{number}.jpg" for number in range(6))
HALF_FAIL = {"rows": {"uris": [f"gs://{BUCKET}/{name}" for name in NAMES[:3]]}}
"""A fault: half of NAMES fail retryably, as often as they are tried."""


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
    return zlib.crc32(name.encode()) % 2**24


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
    answer = requests.request(method, f"http://127.0.0.1:{stack.port}/control/{path}", json=body, timeout=30)
    assert answer.ok, answer.text
    return answer.json()


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What a command printed, in one line of words; no traceback is ever shown."""
    printed = done.stdout + done.stderr
    assert "Traceback" not in printed, printed
    return " ".join(printed.split())


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said that failed."""
    assert done.returncode != 0, done.stdout + done.stderr
    return said(done)


def state(stack: Stack, name: str = "") -> list[dict[str, Any]]:
    """The resources in the engine's state."""
    return stack.resources(name)


def outputs_of(stack: Stack) -> dict[str, Any]:
    """The stack's outputs as the last `up` left them."""
    return stack.exports()


def counts(outputs: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Some of a stack's outputs."""
    return tuple(outputs[name] for name in names)
