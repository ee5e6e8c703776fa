"""Every kind of answer holds only fields that Google's discovery documents name, of the types they give."""

from __future__ import annotations

import pytest

from localcloud.http.discovery.conformance import problems
from tests.services.conftest import EVERYTHING, OWNER, PROJECT, Running

JPG = b"\xff\xd8\xff"
REGION = f"projects/{PROJECT}/locations/us-central1"
CONNECTIONS = f"/bigqueryconnection/v1/projects/{PROJECT}/locations/us/connections"
REPOSITORIES = f"/dataform/v1/{REGION}/repositories"
SERVICES = f"/serviceusage/v1/projects/{PROJECT}/services"
PROJECTS = "/cloudresourcemanager/v1/projects"
BUCKET = "/storage/v1/b/demo-images"
PREDICT = f"/aiplatform/v1/{REGION}/publishers/google/models/multimodalembedding@001:predict"
OWNED = {"policy": {"bindings": [{"role": "roles/owner", "members": [OWNER]}]}}


@pytest.fixture
def filled(cloud: Running) -> Running:
    """A cloud with one of each resource."""
    cloud.enable(*EVERYTHING)
    cloud.upload("folder/a.jpg", JPG, bucket="demo-images")
    cloud.upload("b.jpg", JPG, bucket="demo-images")
    cloud.connection()
    cloud.http.post(REPOSITORIES, params={"repositoryId": "r"}, json={"labels": {"a": "b"}, "displayName": "R"})
    commit = {
        "commitMetadata": {"author": {"name": "a", "emailAddress": "a@example.com"}, "commitMessage": "m"},
        "fileOperations": {"folder/f": {"writeFile": {"contents": "eA=="}}, "g": {"writeFile": {"contents": "eA=="}}},
    }
    assert cloud.http.post(f"{REPOSITORIES}/r:commit", json=commit).status_code == 200
    return cloud


ANSWERS = [
    ("storage.v1", "Buckets", "GET", f"/storage/v1/b?project={PROJECT}", None),
    ("storage.v1", "Bucket", "GET", "/storage/v1/b/demo-images", None),
    ("storage.v1", "Policy", "GET", "/storage/v1/b/demo-images/iam", None),
    (
        "storage.v1",
        "TestIamPermissionsResponse",
        "GET",
        f"{BUCKET}/iam/testPermissions?permissions=storage.objects.list",
        None,
    ),
    ("storage.v1", "Objects", "GET", "/storage/v1/b/demo-images/o?delimiter=/&maxResults=1", None),
    ("storage.v1", "Object", "GET", "/storage/v1/b/demo-images/o/folder%2Fa.jpg", None),
    ("storage.v1", "Object", "PATCH", "/storage/v1/b/demo-images/o/b.jpg", {"metadata": {"caption": "b"}}),
    ("bigqueryconnection.v1", "Connection", "GET", f"{CONNECTIONS}/c", None),
    ("bigqueryconnection.v1", "ListConnectionsResponse", "GET", CONNECTIONS, None),
    ("bigqueryconnection.v1", "Policy", "POST", f"{CONNECTIONS}/c:getIamPolicy", None),
    ("bigqueryconnection.v1", "Policy", "POST", f"{CONNECTIONS}/c:setIamPolicy", {"policy": {"bindings": []}}),
    ("cloudresourcemanager.v1", "Project", "GET", f"{PROJECTS}/{PROJECT}", None),
    ("cloudresourcemanager.v1", "ListProjectsResponse", "GET", PROJECTS, None),
    ("cloudresourcemanager.v1", "Policy", "POST", f"{PROJECTS}/{PROJECT}:getIamPolicy", {}),
    ("cloudresourcemanager.v1", "Policy", "POST", f"{PROJECTS}/{PROJECT}:setIamPolicy", OWNED),
    ("serviceusage.v1", "ListServicesResponse", "GET", f"{SERVICES}?pageSize=2", None),
    ("serviceusage.v1", "GoogleApiServiceusageV1Service", "GET", f"{SERVICES}/bigquery.googleapis.com", None),
    ("serviceusage.v1", "Operation", "POST", f"{SERVICES}/iam.googleapis.com:enable", {}),
    ("dataform.v1", "ListRepositoriesResponse", "GET", REPOSITORIES, None),
    ("dataform.v1", "Repository", "PATCH", f"{REPOSITORIES}/r?updateMask=displayName", {"displayName": "S"}),
    ("dataform.v1", "ReadRepositoryFileResponse", "GET", f"{REPOSITORIES}/r:readFile?path=g", None),
    (
        "dataform.v1",
        "QueryRepositoryDirectoryContentsResponse",
        "GET",
        f"{REPOSITORIES}/r:queryDirectoryContents?pageSize=1",
        None,
    ),
    ("dataform.v1", "FetchRepositoryHistoryResponse", "GET", f"{REPOSITORIES}/r:fetchHistory", None),
    ("aiplatform.v1", "GoogleCloudAiplatformV1PredictResponse", "POST", PREDICT, {"instances": [{"text": "t"}]}),
]


def test_answers_are_what_the_discovery_documents_say(filled: Running) -> None:
    wrong = []
    for api, schema, method, path, body in ANSWERS:
        answer = filled.http.request(method, path, json=body)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.json(), path
        wrong += problems(api, schema, answer.json())
    assert not wrong, "\n".join(wrong)
