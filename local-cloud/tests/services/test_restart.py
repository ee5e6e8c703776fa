"""What was answered before a server is killed is there when the next one starts on its home."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import pytest

from tests.conftest import running_cloud
from tests.services.conftest import EVERYTHING, OWNER, PROJECT

REGION = f"projects/{PROJECT}/locations/us-central1"
REPOSITORY = f"/dataform/v1/{REGION}/repositories"
CONNECTIONS = f"/bigqueryconnection/v1/projects/{PROJECT}/locations/us/connections"
POLICY = f"/cloudresourcemanager/v1/projects/{PROJECT}"
PREDICT = f"/aiplatform/v1/{REGION}/publishers/google/models/multimodalembedding@001:predict"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_killed_server_comes_back_with_all_it_answered(home: Path) -> None:
    with running_cloud(home) as first, httpx.Client(base_url=first.url, trust_env=False, verify=False) as http:
        http.post(f"/serviceusage/v1/projects/{PROJECT}/services:batchEnable", json={"serviceIds": EVERYTHING})
        blob = first.storage.create_bucket("demo-images", location="EU").blob("a.jpg")
        blob.metadata = {"caption": "a castle"}
        blob.upload_from_string(b"\xff\xd8\xff", content_type="image/jpeg")
        connection = http.post(CONNECTIONS, params={"connectionId": "c"}, json={"cloudResource": {}}).json()
        bindings = [
            {"role": "roles/owner", "members": [OWNER]},
            {"role": "roles/viewer", "members": ["user:her@example.com"]},
        ]
        http.post(f"{POLICY}:setIamPolicy", json={"policy": {"bindings": bindings}})
        http.post(REPOSITORY, params={"repositoryId": "r"}, json={})
        contents = base64.b64encode(b"notebook").decode()
        commit = {
            "commitMetadata": {"author": {"name": "a", "emailAddress": "a@example.com"}},
            "fileOperations": {"content.ipynb": {"writeFile": {"contents": contents}}},
        }
        http.post(f"{REPOSITORY}/r:commit", json=commit)
        assert http.post(PREDICT, json={"instances": [{"text": "a castle"}]}).status_code == 200
        first.kill()
    with running_cloud(home) as second, httpx.Client(base_url=second.url, trust_env=False, verify=False) as http:
        bucket = second.storage.get_bucket("demo-images")
        found = bucket.get_blob("a.jpg")
        assert (bucket.location, found.generation, found.metadata) == ("EU", blob.generation, {"caption": "a castle"})
        assert http.get(f"{CONNECTIONS}/c").json() == connection
        assert http.post(f"{POLICY}:getIamPolicy").json()["bindings"] == bindings
        assert http.get(f"{REPOSITORY}/r:readFile", params={"path": "content.ipynb"}).json() == {"contents": contents}
        assert second.control("ledger")["paid"] == 1


def test_rows_of_a_job_that_a_kill_ended_stay_paid(home: Path) -> None:
    with running_cloud(home) as first, httpx.Client(base_url=first.url, trust_env=False, verify=False) as http:
        http.post(f"/serviceusage/v1/projects/{PROJECT}/services:batchEnable", json={"serviceIds": EVERYTHING})
        first.bigquery.create_dataset("d")
        endpoint = "OPTIONS (ENDPOINT = 'multimodalembedding@001')"
        first.query(f"CREATE MODEL d.m REMOTE WITH CONNECTION DEFAULT {endpoint}")
        first.control("settings", {"enforce_quota": True})
        first.control("clock", {"speed": 20})
        texts = "SELECT CAST(n AS STRING) AS content FROM UNNEST(GENERATE_ARRAY(1, 640)) AS n"
        job = first.bigquery.query(f"CREATE TABLE d.e AS SELECT * FROM AI.GENERATE_EMBEDDING(MODEL d.m, ({texts}))")
        while (before := first.control("ledger")["paid"]) == 0:
            assert not job.done()
        first.kill()
    assert 0 < before < 640
    with running_cloud(home) as second:
        ledger = second.control("ledger")
        assert ledger["texts"] == ledger["paid"] >= before
        assert [table.table_id for table in second.bigquery.list_tables("d")] == []
