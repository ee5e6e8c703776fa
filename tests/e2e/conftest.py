from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

from tests.e2e.pictures import pictures
from tests.e2e.stack import Stack

BUCKET = "demo-images"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with a running local cloud and a dozen real photos in its bucket; nothing is up yet."""
    made = Stack(tmp_path_factory.mktemp("stack") / "project")
    made.start_cloud()
    try:
        bucket = storage_client(made).create_bucket(BUCKET)
        for name, (data, caption) in pictures().items():
            put(bucket, name, data, caption)
        yield made
    finally:
        made.stop_cloud()


def storage_client(stack: Stack) -> storage.Client:
    return storage.Client(
        project="local-project",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{stack.port}"},
    )


def put(bucket: storage.Bucket, name: str, data: bytes, caption: str = "", content_type: str = "image/jpeg") -> None:
    blob = bucket.blob(name)
    blob.metadata = {"caption": caption} if caption else {}
    blob.upload_from_string(data, content_type=content_type)


@pytest.fixture
def bucket(stack: Stack) -> storage.Bucket:
    return storage_client(stack).bucket(BUCKET)


@pytest.fixture
def warehouse(stack: Stack) -> bigquery.Client:
    return bigquery.Client(
        project="local-project",
        location="US",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://127.0.0.1:{stack.port}"},
    )
