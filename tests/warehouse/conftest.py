"""imagesearch/ against a running local cloud, without Pulumi: fixtures create the resources before the embeddings."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import requests
from google.cloud import bigquery, storage
from PIL import Image

from imagesearch.gcp.bigquery import Target, Warehouse
from imagesearch.gcp.sql import connection_name, table_name
from imagesearch.pipeline import convergence, embedding_tables, remote_model
from imagesearch.pipeline.embeddings import EmbeddingsSpec
from imagesearch.pipeline.ownership import stack_labels
from localcloud.testing import RunningCloud

OWNER = "0123456789abcdef"


def picture(colour: int) -> bytes:
    """A small JPEG, another one for every number."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (colour % 256, colour // 256 % 256, 77)).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass
class Pipeline:
    """A bucket, an object table and a model in a dataset of their own, ready to be embedded."""

    cloud: RunningCloud
    warehouse: Warehouse
    spec: EmbeddingsSpec
    bucket: storage.Bucket
    said: list[str] = field(default_factory=list)

    def put(self, *names: str, content: bytes | None = None) -> None:
        for name in names:
            data = content if content is not None else picture(int(uuid.uuid4()) % 65536)
            self.bucket.blob(name).upload_from_string(data, content_type="image/jpeg")

    def converge(self, **changes: object) -> convergence.Outcome:
        return convergence.converge(self.warehouse, self.spec.model_copy(update=changes), self.said.append)

    def paid(self) -> dict[str, int]:
        """What was paid for each object of this pipeline's bucket, by name."""
        ledger = self.cloud.control("ledger", method="GET")["per_object"]
        prefix = f"gs://{self.bucket.name}/"
        return {uri.removeprefix(prefix): n for uri, n in ledger.items() if uri.startswith(prefix)}

    def stored(self) -> dict[str, int]:
        """Generations in the table of embeddings, by name."""
        rows = self.warehouse.query(f"SELECT uri, generation FROM {self.spec.table}")
        assert len({row["uri"] for row in rows}) == len(rows), "no uri twice"
        return {row["uri"].rsplit("/", 1)[-1]: row["generation"] for row in rows}

    def tables(self) -> set[str]:
        return {item.table_id for item in self.cloud.bigquery.list_tables(self.spec.table.parts[1])}


@pytest.fixture(scope="session")
def session_cloud(local_cloud_server: RunningCloud) -> RunningCloud:
    return local_cloud_server


@pytest.fixture
def cloud(local_cloud: RunningCloud) -> RunningCloud:
    return local_cloud


@pytest.fixture
def pipeline(cloud: RunningCloud) -> Iterator[Pipeline]:
    """Ready to converge; the bucket is empty."""
    name = f"p{uuid.uuid4().hex[:10]}"
    _enable(cloud)
    cloud.control("settings", {"service_account_delay": 0, "propagation_delay": 0})
    bucket = cloud.storage.create_bucket(f"bucket-{name}")
    member = _connection(cloud, name)
    _grant(cloud, bucket, member)
    dataset = bigquery.Dataset(f"{cloud.project}.{name}")
    dataset.location = "US"
    cloud.bigquery.create_dataset(dataset)
    _object_table(cloud, name)
    warehouse = Warehouse(
        Target(cloud.project, "US", f"{cloud.url}/bigquery/v2/", "local"), labels=stack_labels("t", name)
    )
    names = {key: table_name(cloud.project, name, key) for key in ("object_table", "model", "table", "failures")}
    made = Pipeline(
        cloud,
        warehouse,
        EmbeddingsSpec(
            **names,
            location="US",
            endpoint="multimodalembedding@001",
            dimension=128,
            content_types=["image/jpeg"],
            limit=None,
            max_attempts=3,
            max_prune_fraction=0.5,
        ),
        bucket,
    )
    remote_model.create(warehouse, _model(cloud, made), OWNER, made.said.append)
    embedding_tables.create(warehouse, made.spec, OWNER)
    yield made
    cloud.bigquery.delete_dataset(name, delete_contents=True, not_found_ok=True)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that failed are tried again at once."""
    monkeypatch.setattr(convergence, "BACKOFF_SECONDS", (0.0,))


@pytest.fixture
def batches_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the number of rows that one job embeds."""
    return lambda rows: monkeypatch.setattr(EmbeddingsSpec, "batch_size", property(lambda _: rows))


def _enable(cloud: RunningCloud) -> None:
    services = ["bigqueryconnection.googleapis.com", "aiplatform.googleapis.com"]
    _call(cloud, f"serviceusage/v1/projects/{cloud.project}/services:batchEnable", {"serviceIds": services})


def _connection(cloud: RunningCloud, name: str) -> str:
    path = f"bigqueryconnection/v1/projects/{cloud.project}/locations/us/connections?connectionId={name}"
    made = _call(cloud, path, {"cloudResource": {}})
    return f"serviceAccount:{made['cloudResource']['serviceAccountId']}"


def _grant(cloud: RunningCloud, bucket: storage.Bucket, member: str) -> None:
    project = f"cloudresourcemanager/v1/projects/{cloud.project}"
    policy = _call(cloud, f"{project}:getIamPolicy", {})
    policy.setdefault("bindings", []).append({"role": "roles/aiplatform.user", "members": [member]})
    _call(cloud, f"{project}:setIamPolicy", {"policy": policy})
    rights = bucket.get_iam_policy(requested_policy_version=3)
    rights.bindings.append({"role": "roles/storage.objectViewer", "members": {member}})
    bucket.set_iam_policy(rights)


def _object_table(cloud: RunningCloud, name: str) -> None:
    table = {
        "tableReference": {"projectId": cloud.project, "datasetId": name, "tableId": "object_table"},
        "externalDataConfiguration": {
            "connectionId": f"{cloud.project}.us.{name}",
            "objectMetadata": "SIMPLE",
            "sourceUris": [f"gs://bucket-{name}/*"],
            "autodetect": False,
        },
    }
    _call(cloud, f"bigquery/v2/projects/{cloud.project}/datasets/{name}/tables", table)


def _model(cloud: RunningCloud, made: Pipeline) -> remote_model.RemoteModelSpec:
    connection = connection_name(cloud.project, "US", made.spec.table.parts[1])
    return remote_model.RemoteModelSpec(model=made.spec.model, connection=connection, endpoint=made.spec.endpoint)


def _call(cloud: RunningCloud, path: str, body: dict[str, object]) -> dict[str, object]:
    answer = requests.post(f"{cloud.url}/{path}", json=body, timeout=30)
    assert answer.ok, answer.text
    return answer.json()  # type: ignore[no-any-return]
