"""An engine over a real store, and a small cloud around it whose vectors are known."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from localcloud.core.clock import Clock
from localcloud.core.errors import access_denied, invalid_query, not_found
from localcloud.core.ports import Embedding, ImageInput, ObjectInfo, Outcome, Statement
from localcloud.core.store import Store, Transaction
from localcloud.engine import SqlEngine, create_dataset_data

MEMBER = "serviceAccount:bqcx-100000000001-abcd@gcp-sa-bigquery-condel.iam.gserviceaccount.com"


class SmallCloud:
    """Answers as `ports.Cloud`: one bucket, vectors from a hash of what is embedded."""

    def __init__(self) -> None:
        self.clock = Clock(speed=0)
        self.objects: dict[str, ObjectInfo] = {}
        self.connections = {"us.c", "us.__default_cloudresource_connection__", "eu.c"}
        self.granted = True
        self.statuses: dict[str, str] = {}
        self.asked: list[str] = []
        self.chunks: list[int] = []
        self.on_embed: Any = None
        self.quota = 216_000

    def add(self, name: str, generation: int = 1, content_type: str = "image/jpeg", **metadata: str) -> str:
        updated = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        item = ObjectInfo("demo-images", name, generation, content_type, 10, "md5==", updated, metadata)
        self.objects[name] = item
        return item.uri

    def connection_member(self, project: str, location: str, connection: str) -> str:
        if f"{location.lower()}.{connection}" not in self.connections:
            raise not_found(f"Not found: Connection {connection}")
        return MEMBER

    def list_objects(self, member: str, bucket: str, prefix: str) -> list[ObjectInfo]:
        if not self.granted:
            raise access_denied(f"Access Denied: {member} does not have storage.objects.list access")
        return [
            item for name, item in sorted(self.objects.items()) if item.bucket == bucket and name.startswith(prefix)
        ]

    def check_colocated(self, bucket: str, location: str) -> None:
        """One bucket, which every dataset may read."""

    def signed_url(self, member: str, bucket: str, name: str) -> str:
        return f"http://127.0.0.1/signed/{bucket}/{name}"

    def check_endpoint(self, member: str, project: str, location: str, endpoint: str) -> None:
        if endpoint not in ("multimodalembedding@001", "gemini-embedding-2-preview"):
            raise invalid_query(f"Not found: Publisher model projects/{project}/models/{endpoint} was not found")
        if not self.granted:
            raise invalid_query(
                f"{member.partition(':')[2]} does not have the permission to access or use the endpoint."
            )

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
        self.chunks.append(len(inputs))
        if self.on_embed:
            self.on_embed()
        return [self._one(one if isinstance(one, str) else one.uri, dimension) for one in inputs]

    def rows_per_job(self, endpoint: str, location: str) -> int:
        return self.quota

    def embedding_job(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _one(self, content: str, dimension: int) -> Embedding:
        self.asked.append(content)
        if content in self.statuses:
            return Embedding(None, self.statuses[content])
        return Embedding(vector_of(content, dimension))


def vector_of(content: str, dimension: int) -> Any:
    """The unit vector that `SmallCloud` gives."""
    seed = int.from_bytes(hashlib.sha256(content.encode()).digest()[:4], "big")
    vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


class Warehouse:
    """The engine as a test uses it: `run` a statement, read `rows` back as Python values."""

    def __init__(self, store: Store, cloud: SmallCloud) -> None:
        self.store = store
        self.cloud = cloud
        self.engine = SqlEngine(store, cloud, lambda: 4.0)
        for dataset, location in (("d", "US"), ("bqml_tutorial", "US"), ("europe", "EU")):
            with store.transaction() as change:
                change.put(
                    "dataset", f"p.{dataset}", {"location": location, "datasetReference": {"datasetId": dataset}}
                )
                create_dataset_data(change, "p", dataset)

    def run(self, text: str, *parameters: dict[str, Any], **more: Any) -> Outcome:
        defaults: dict[str, Any] = {"project": "p", "location": "US", "member": "user:you@example.com"}
        statement = Statement(text=text, parameters=parameters, **(defaults | more))
        return self.engine.run(statement, _committed)

    def rows(self, text: str, *parameters: dict[str, Any], **more: Any) -> list[tuple[Any, ...]]:
        """The answer's rows, cells as REST spells them, STRUCTs and ARRAYs as tuples and lists."""
        outcome = self.run(text, *parameters, **more)
        assert outcome.result_table is not None
        found = self.engine.rows(outcome.result_table, outcome.schema, 0, 100_000)
        assert len(found) == outcome.total_rows
        return [_plain(row) for row in found]

    def names(self, text: str, **more: Any) -> list[tuple[str, str, str]]:
        """(name, type, mode) of the answer's columns."""
        fields = self.run(text, **more).schema["fields"]
        return [(field["name"], field["type"], field["mode"]) for field in fields]


def _committed(_transaction: Transaction, _outcome: Outcome) -> None:
    """What the REST layer would write about the job."""


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and "f" in value:
        return tuple(_plain(cell["v"]) for cell in value["f"])
    return [_plain(item["v"]) for item in value] if isinstance(value, list) else value


@pytest.fixture
def cloud() -> SmallCloud:
    return SmallCloud()


@pytest.fixture
def warehouse(cloud: SmallCloud) -> Iterator[Warehouse]:
    store = Store()
    yield Warehouse(store, cloud)
    store.close()


def scalar(name: str, kind: str, value: str | None) -> dict[str, Any]:
    """A scalar query parameter as REST sends it."""
    return {"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}}


def array(name: str, kind: str, values: Sequence[str]) -> dict[str, Any]:
    """An array query parameter as REST sends it."""
    return {
        "name": name,
        "parameterType": {"type": "ARRAY", "arrayType": {"type": kind}},
        "parameterValue": {"arrayValues": [{"value": value} for value in values]},
    }
