"""Every operation without its role is refused, in its service's words and naming the permission; with the role it is
not. The walk is complete: a route that is added and not walked fails here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from localcloud.apis.bigquery import api
from localcloud.apis.bigquery.jobs import Jobs
from localcloud.apis.vertex.hashed import HashEmbedder
from localcloud.core.clock import Clock
from localcloud.core.store import Store
from localcloud.engine import SqlEngine
from localcloud.http.context import Context
from localcloud.server.cloud import LocalServices
from tests import plain_http as http
from tests.conftest import RunningCloud, running_cloud

BQ = "/bigquery/v2/projects/{project}"
STORAGE = "/storage/v1/b"
CONNECTIONS = "/bigqueryconnection/v1/projects/{project}/locations/{location}/connections"
REPOSITORIES = "/dataform/{version}/projects/{project}/locations/{location}/repositories"
SERVICES = "/serviceusage/{version}/projects/{project}/services"
PROJECTS = "/cloudresourcemanager/v1/projects"
MODEL = "/aiplatform/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:predict"

#: (method, path of the route) -> (permission, a role that has it)
WALK = {
    ("POST", f"{BQ}/datasets"): ("bigquery.datasets.create", "roles/bigquery.user"),
    ("GET", f"{BQ}/datasets"): ("bigquery.datasets.get", "roles/bigquery.user"),
    ("GET", f"{BQ}/datasets/{{dataset}}"): ("bigquery.datasets.get", "roles/bigquery.metadataViewer"),
    ("PATCH", f"{BQ}/datasets/{{dataset}}"): ("bigquery.datasets.update", "roles/bigquery.dataOwner"),
    ("PUT", f"{BQ}/datasets/{{dataset}}"): ("bigquery.datasets.update", "roles/bigquery.dataOwner"),
    ("DELETE", f"{BQ}/datasets/{{dataset}}"): ("bigquery.datasets.delete", "roles/bigquery.dataOwner"),
    ("POST", f"{BQ}/datasets/{{dataset}}/tables"): ("bigquery.tables.create", "roles/bigquery.dataEditor"),
    ("GET", f"{BQ}/datasets/{{dataset}}/tables"): ("bigquery.tables.list", "roles/bigquery.dataViewer"),
    ("GET", f"{BQ}/datasets/{{dataset}}/tables/{{table}}"): ("bigquery.tables.get", "roles/bigquery.metadataViewer"),
    ("PATCH", f"{BQ}/datasets/{{dataset}}/tables/{{table}}"): ("bigquery.tables.update", "roles/bigquery.dataEditor"),
    ("PUT", f"{BQ}/datasets/{{dataset}}/tables/{{table}}"): ("bigquery.tables.update", "roles/bigquery.dataEditor"),
    ("DELETE", f"{BQ}/datasets/{{dataset}}/tables/{{table}}"): ("bigquery.tables.delete", "roles/bigquery.dataEditor"),
    ("GET", f"{BQ}/datasets/{{dataset}}/tables/{{table}}/data"): (
        "bigquery.tables.getData",
        "roles/bigquery.dataViewer",
    ),
    ("GET", f"{BQ}/datasets/{{dataset}}/models"): ("bigquery.models.list", "roles/bigquery.dataViewer"),
    ("GET", f"{BQ}/datasets/{{dataset}}/models/{{model}}"): (
        "bigquery.models.getMetadata",
        "roles/bigquery.dataViewer",
    ),
    ("PATCH", f"{BQ}/datasets/{{dataset}}/models/{{model}}"): (
        "bigquery.models.updateMetadata",
        "roles/bigquery.dataEditor",
    ),
    ("DELETE", f"{BQ}/datasets/{{dataset}}/models/{{model}}"): ("bigquery.models.delete", "roles/bigquery.dataEditor"),
    ("POST", f"{BQ}/jobs"): ("bigquery.jobs.create", "roles/bigquery.jobUser"),
    ("POST", f"{BQ}/queries"): ("bigquery.jobs.create", "roles/bigquery.user"),
    ("GET", f"{BQ}/jobs"): ("bigquery.jobs.list", "roles/bigquery.user"),
    ("GET", f"{BQ}/jobs/{{job}}"): ("bigquery.jobs.get", "roles/bigquery.admin"),
    ("GET", f"{BQ}/queries/{{job}}"): ("bigquery.jobs.get", "roles/bigquery.admin"),
    ("POST", f"{BQ}/jobs/{{job}}/cancel"): ("bigquery.jobs.update", "roles/bigquery.admin"),
    ("DELETE", f"{BQ}/jobs/{{job}}/delete"): ("bigquery.jobs.delete", "roles/bigquery.admin"),
    ("POST", CONNECTIONS): ("bigquery.connections.create", "roles/bigquery.connectionAdmin"),
    ("GET", CONNECTIONS): ("bigquery.connections.list", "roles/bigquery.connectionUser"),
    ("GET", f"{CONNECTIONS}/{{connection}}"): ("bigquery.connections.get", "roles/bigquery.connectionUser"),
    ("PATCH", f"{CONNECTIONS}/{{connection}}"): ("bigquery.connections.update", "roles/bigquery.connectionAdmin"),
    ("DELETE", f"{CONNECTIONS}/{{connection}}"): ("bigquery.connections.delete", "roles/bigquery.connectionAdmin"),
    ("POST", f"{CONNECTIONS}/{{connection}}:getIamPolicy"): (
        "bigquery.connections.getIamPolicy",
        "roles/bigquery.connectionUser",
    ),
    ("POST", f"{CONNECTIONS}/{{connection}}:setIamPolicy"): (
        "bigquery.connections.setIamPolicy",
        "roles/bigquery.connectionAdmin",
    ),
    ("POST", MODEL): ("aiplatform.endpoints.predict", "roles/aiplatform.user"),
    ("GET", PROJECTS + "/{project}"): ("resourcemanager.projects.get", "roles/viewer"),
    ("POST", PROJECTS + "/{project}:getIamPolicy"): ("resourcemanager.projects.getIamPolicy", "roles/viewer"),
    ("POST", PROJECTS + "/{project}:setIamPolicy"): (
        "resourcemanager.projects.setIamPolicy",
        "roles/resourcemanager.projectIamAdmin",
    ),
    ("POST", STORAGE): ("storage.buckets.create", "roles/storage.admin"),
    ("GET", STORAGE): ("storage.buckets.list", "roles/viewer"),
    ("GET", f"{STORAGE}/{{bucket}}"): ("storage.buckets.get", "roles/storage.admin"),
    ("DELETE", f"{STORAGE}/{{bucket}}"): ("storage.buckets.delete", "roles/storage.admin"),
    ("GET", f"{STORAGE}/{{bucket}}/iam"): ("storage.buckets.getIamPolicy", "roles/storage.admin"),
    ("PUT", f"{STORAGE}/{{bucket}}/iam"): ("storage.buckets.setIamPolicy", "roles/storage.admin"),
    ("GET", f"{STORAGE}/{{bucket}}/o"): ("storage.objects.list", "roles/storage.objectViewer"),
    ("GET", f"{STORAGE}/{{bucket}}/o/{{object:path}}"): ("storage.objects.get", "roles/storage.objectViewer"),
    ("PATCH", f"{STORAGE}/{{bucket}}/o/{{object:path}}"): ("storage.objects.update", "roles/storage.objectUser"),
    ("DELETE", f"{STORAGE}/{{bucket}}/o/{{object:path}}"): ("storage.objects.delete", "roles/storage.objectAdmin"),
    ("GET", f"/download{STORAGE}/{{bucket}}/o/{{object:path}}"): (
        "storage.objects.get",
        "roles/storage.objectViewer",
    ),
    ("POST", f"/upload{STORAGE}/{{bucket}}/o"): ("storage.objects.create", "roles/storage.objectCreator"),
    **{
        (method, REPOSITORIES + path): (f"dataform.repositories.{verb}", f"roles/dataform.{role}")
        for method, path, verb, role in (
            ("POST", "", "create", "admin"),
            ("GET", "", "list", "viewer"),
            ("GET", "/{repository}", "get", "viewer"),
            ("PATCH", "/{repository}", "update", "admin"),
            ("DELETE", "/{repository}", "delete", "admin"),
            ("POST", "/{repository}:commit", "commit", "admin"),
            ("GET", "/{repository}:readFile", "readFile", "viewer"),
            ("GET", "/{repository}:queryDirectoryContents", "queryDirectoryContents", "viewer"),
            ("GET", "/{repository}:fetchHistory", "fetchHistory", "viewer"),
        )
    },
    **{
        (method, SERVICES + path): (f"serviceusage.services.{verb}", f"roles/serviceusage.serviceUsage{role}")
        for method, path, verb, role in (
            ("GET", "", "list", "Consumer"),
            ("GET", "/{service}", "get", "Consumer"),
            ("GET", ":batchGet", "get", "Consumer"),
            ("POST", "/{service}:enable", "enable", "Admin"),
            ("POST", ":batchEnable", "enable", "Admin"),
            ("POST", "/{service}:disable", "disable", "Admin"),
        )
    },
}
#: Routes that ask for no permission of their own, and why.
OPEN = {
    ("GET", "/bigquery/v2/projects"): "lists what the caller can see",
    ("GET", f"{BQ}/serviceAccount"): "names the service's own account",
    ("GET", PROJECTS): "lists what the caller can see",
    ("POST", PROJECTS + "/{project}:testIamPermissions"): "answers what the caller may do",
    ("POST", f"{CONNECTIONS}/{{connection}}:testIamPermissions"): "answers what the caller may do",
    ("GET", f"{STORAGE}/{{bucket}}/iam/testPermissions"): "answers what the caller may do",
    ("GET", "/serviceusage/{version}/operations/{operation}"): "known to who started it",
    (
        "PUT",
        f"/upload{STORAGE}/{{bucket}}/o",
    ): "the session is known to who was allowed to start it",
    ("DELETE", f"/upload{STORAGE}/{{bucket}}/o"): "as PUT",
    ("GET", "/signed/{bucket}/{object:path}"): "the URL carries its signer, who is asked (test_objects.py)",
    ("POST", f"/upload{BQ}/jobs"): "load jobs are refused by name",
    ("PUT", f"/upload{BQ}/jobs"): "load jobs are refused by name",
}

STATEMENTS = {
    "SELECT COUNT(*) FROM d.t": ("bigquery.tables.getData", "roles/bigquery.dataViewer"),
    "WITH c AS (SELECT x FROM d.t) SELECT * FROM c": ("bigquery.tables.getData", "roles/bigquery.dataViewer"),
    "SELECT * FROM d.INFORMATION_SCHEMA.VECTOR_INDEXES": ("bigquery.tables.getData", "roles/bigquery.dataViewer"),
    "SELECT query.x FROM VECTOR_SEARCH(TABLE d.t, 'e', TABLE d.t)": (
        "bigquery.tables.getData",
        "roles/bigquery.dataViewer",
    ),
    "SELECT * FROM AI.GENERATE_EMBEDDING(MODEL d.m, (SELECT 'a' AS content))": (
        "bigquery.models.getData",
        "roles/bigquery.dataViewer",
    ),
    "INSERT INTO d.t (x) VALUES (1)": ("bigquery.tables.updateData", "roles/bigquery.dataEditor"),
    "INSERT d.t (x) VALUES (1)": ("bigquery.tables.updateData", "roles/bigquery.dataEditor"),
    "UPDATE d.t SET x = 2 WHERE x = 1": ("bigquery.tables.updateData", "roles/bigquery.dataEditor"),
    "DELETE FROM d.t WHERE x = 1": ("bigquery.tables.updateData", "roles/bigquery.dataEditor"),
    "MERGE INTO d.t AS t USING (SELECT 1 AS x) AS s ON t.x = s.x WHEN NOT MATCHED THEN INSERT (x) VALUES (s.x)": (
        "bigquery.tables.updateData",
        "roles/bigquery.dataEditor",
    ),
    "TRUNCATE TABLE d.t": ("bigquery.tables.updateData", "roles/bigquery.dataEditor"),
    "CREATE TABLE d.new (x INT64)": ("bigquery.tables.create", "roles/bigquery.dataEditor"),
    "/* SELECT */ CREATE OR REPLACE TABLE d.new AS SELECT 1 AS x": (
        "bigquery.tables.create",
        "roles/bigquery.dataEditor",
    ),
    "ALTER TABLE d.t SET OPTIONS (description = 'x')": ("bigquery.tables.update", "roles/bigquery.dataEditor"),
    "DROP TABLE IF EXISTS `d.t`": ("bigquery.tables.delete", "roles/bigquery.dataEditor"),
    "CREATE EXTERNAL TABLE d.o WITH CONNECTION `us.c` OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://b/*'])": (
        "bigquery.tables.create",
        "roles/bigquery.admin",
    ),
    "DROP EXTERNAL TABLE IF EXISTS d.o": ("bigquery.tables.delete", "roles/bigquery.dataEditor"),
    "CREATE OR REPLACE MODEL d.m REMOTE WITH CONNECTION `us.c` OPTIONS (ENDPOINT = 'multimodalembedding@001')": (
        "bigquery.models.create",
        "roles/bigquery.admin",
    ),
    "DROP MODEL IF EXISTS d.m": ("bigquery.models.delete", "roles/bigquery.dataEditor"),
    "CREATE VECTOR INDEX IF NOT EXISTS i ON d.t(e) OPTIONS (index_type = 'IVF', distance_type = 'COSINE')": (
        "bigquery.tables.createIndex",
        "roles/bigquery.dataEditor",
    ),
    "ALTER VECTOR INDEX IF EXISTS i ON d.t REBUILD": ("bigquery.tables.createIndex", "roles/bigquery.dataEditor"),
    "DROP VECTOR INDEX IF EXISTS i ON d.t": ("bigquery.tables.deleteIndex", "roles/bigquery.dataEditor"),
    "CREATE SCHEMA another": ("bigquery.datasets.create", "roles/bigquery.dataOwner"),
    "ALTER SCHEMA d SET OPTIONS (description = 'x')": ("bigquery.datasets.update", "roles/bigquery.dataOwner"),
    "DROP SCHEMA IF EXISTS d": ("bigquery.datasets.delete", "roles/bigquery.dataOwner"),
    "CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('d.o')": ("bigquery.tables.update", "roles/bigquery.dataEditor"),
}


@dataclass(frozen=True)
class Callers:
    """A stranger, one who may run jobs and no more, and one caller for each role."""

    cloud: RunningCloud
    tokens: dict[str, str]

    def ask(self, who: str, method: str, path: str, body: object = None, **parameters: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return http.request(method, self.cloud.url + path, params=parameters, json=body, headers=headers, timeout=30)

    def query(self, who: str, text: str) -> httpx.Response:
        body = {"query": text, "useLegacySql": False, "location": "US"}
        return self.ask(who, "POST", f"/bigquery/v2/projects/{self.cloud.project}/queries", body)


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    with running_cloud(tmp_path_factory.mktemp("access") / "home") as cloud:
        for name in ("bigqueryconnection", "aiplatform", "dataform"):
            url = f"{cloud.url}/serviceusage/v1/projects/{cloud.project}/services/{name}.googleapis.com:enable"
            assert http.post(url, json={}).status_code == 200
        cloud.bigquery.create_dataset("d")
        cloud.query("CREATE TABLE d.t AS SELECT 1 AS x, [1.0] AS e")
        cloud.storage.create_bucket("bkt").blob("o").upload_from_string("x")
        connections = f"{cloud.url}/bigqueryconnection/v1/projects/{cloud.project}/locations/us/connections"
        assert http.post(f"{connections}?connectionId=c", json={"cloudResource": {}}).status_code == 200
        roles = sorted({role for _, role in [*WALK.values(), *STATEMENTS.values()]})
        project = f"{cloud.url}/cloudresourcemanager/v1/projects/{cloud.project}"
        policy = http.post(f"{project}:getIamPolicy", json={}).json()
        member = {role: f"user:{role.removeprefix('roles/')}@example.com" for role in roles}
        member |= {"jobs": "user:jobs@example.com", "stranger": "user:stranger@example.com"}
        everyone = [who for name, who in member.items() if name != "stranger"]
        policy["bindings"] += [{"role": role, "members": [member[role]]} for role in roles]
        policy["bindings"].append({"role": "roles/bigquery.jobUser", "members": everyone})
        assert http.post(f"{project}:setIamPolicy", json={"policy": policy}).status_code == 200
        cloud.advance(600)
        tokens = {name: cloud.control("token", {"member": who})["token"] for name, who in member.items()}
        for job in ("owners", "forgotten"):
            cloud.bigquery.query("SELECT 1", job_id=job, job_retry=None).result()
        yield Callers(cloud, tokens)


def filled(path: str) -> str:
    known = {"project": "local-project", "location": "us-central1", "version": "v1", "dataset": "d", "table": "none"}
    known |= {"job": "owners", "bucket": "bkt", "connection": "none", "repository": "none", "object:path": "none"}
    known |= {"service": "compute.googleapis.com", "model": "multimodalembedding@001"}
    if path.endswith("/delete"):
        known["job"] = "forgotten"
    for name, value in known.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path
    return path


BODIES: dict[tuple[str, str], object] = {
    ("POST", f"{BQ}/jobs"): {"configuration": {"query": {"query": "SELECT 1", "useLegacySql": False}}},
    ("POST", f"{BQ}/queries"): {"query": "SELECT 1", "useLegacySql": False},
}
PARAMETERS = {
    STORAGE: {"project": "local-project"},
    f"/upload{STORAGE}/{{bucket}}/o": {"uploadType": "media", "name": "o"},
}


@pytest.mark.parametrize("operation", sorted(WALK), ids=lambda operation: " ".join(operation))
def test_a_request_without_its_role_is_refused_and_with_it_is_not(callers: Callers, operation: tuple[str, str]) -> None:
    method, path = operation
    permission, role = WALK[operation]
    body = BODIES.get(operation, {} if method in ("POST", "PUT", "PATCH") else None)
    asked = PARAMETERS.get(path, {})
    refused = callers.ask("stranger", method, filled(path), body, **asked)
    assert refused.status_code == 403, refused.text
    error = refused.json()["error"]
    assert permission in error["message"]
    assert error["errors"][0]["reason"] in ("accessDenied", "forbidden")
    assert ("Access Denied" in error["message"]) == path.startswith("/bigquery/")
    allowed = callers.ask(role, method, filled(path), body, **asked)
    assert allowed.status_code not in (401, 403, 500), allowed.text


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_without_its_role_is_refused_and_with_it_is_not(callers: Callers, statement: str) -> None:
    permission, role = STATEMENTS[statement]
    refused = callers.query("jobs", statement)
    assert refused.status_code == 403, refused.text
    error = refused.json()["error"]
    assert (permission in error["message"], error["errors"][0]["reason"]) == (True, "accessDenied"), error
    allowed = callers.query(role, statement)
    assert allowed.status_code not in (401, 403, 500), allowed.text


@pytest.mark.parametrize(
    "table",
    ["s . t", "s.\nt", "s/* a comment */.t", "s -- another\n. t", "`s` . `t`", r"`\x73.t`", r"`s\x2et`", r"`\u0073`.t"],
)
def test_a_role_is_needed_however_the_table_is_spelled(callers: Callers, table: str) -> None:
    callers.cloud.bigquery.create_dataset("s", exists_ok=True)
    callers.cloud.query("CREATE TABLE IF NOT EXISTS s.t AS SELECT 1 AS x")
    for statement in (
        f"SELECT * FROM {table}",
        f"SELECT 1 AS `it's`, (SELECT x FROM {table}) AS y, 'z' AS z",
        f"WITH a AS (SELECT 'it\\'s' AS s, x FROM {table}) SELECT * FROM a",
        f"SELECT '''three\\'''' AS s, x FROM {table}",
    ):
        refused = callers.query("jobs", statement)
        assert (refused.status_code, "bigquery.tables.getData" in refused.text) == (403, True), statement
        allowed = callers.query("roles/bigquery.dataViewer", statement)
        assert allowed.status_code == 200, (statement, allowed.text)


@pytest.mark.parametrize(
    ("statement", "permission"),
    [
        ("DROP SCHEMA`d`CASCADE", "bigquery.datasets.delete"),
        ("DROP/**/SCHEMA`d`CASCADE", "bigquery.datasets.delete"),
        (r"DROP SCHEMA `\x64` CASCADE", "bigquery.datasets.delete"),
    ],
)
def test_the_right_to_write_data_is_not_the_right_to_drop_a_dataset(
    callers: Callers, statement: str, permission: str
) -> None:
    refused = callers.query("roles/bigquery.dataEditor", statement)
    assert (refused.status_code, permission in refused.text) == (403, True), refused.text


def test_what_is_missing_of_a_table_is_said_of_the_table(callers: Callers) -> None:
    refused = callers.query("jobs", "TRUNCATE TABLE d.t").json()["error"]["message"]
    assert refused == (
        "Access Denied: Table local-project:d.t: Permission bigquery.tables.updateData denied on table "
        "local-project:d.t (or it may not exist)."
    )
    kept = {"query": {"query": "SELECT 1", "useLegacySql": False}}
    kept["query"]["destinationTable"] = {"projectId": "local-project", "datasetId": "d", "tableId": "kept"}
    answer = callers.ask("jobs", "POST", "/bigquery/v2/projects/local-project/jobs", {"configuration": kept})
    assert "Permission bigquery.tables.create denied on dataset local-project:d" in answer.text


def test_a_statement_with_a_connection_needs_to_delegate_it(callers: Callers) -> None:
    statements = [text for text in STATEMENTS if "WITH CONNECTION" in text]
    for statement in statements:
        refused = callers.query("roles/bigquery.dataEditor", statement)
        assert (refused.status_code, "bigquery.connections.delegate" in refused.text) == (403, True), refused.text
    assert len(statements) == 2


def test_a_token_that_nobody_issued_is_no_caller(callers: Callers) -> None:
    path = f"{callers.cloud.url}/bigquery/v2/projects/local-project/datasets"
    answer = http.get(path, headers={"Authorization": "Bearer made-up.token"})
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_every_route_is_walked_or_open_for_a_reason(tmp_path: Path) -> None:
    context = Context(tmp_path, Store(), Clock(), "http://127.0.0.1:1")
    cloud = LocalServices(context, HashEmbedder())
    jobs = Jobs(context, SqlEngine(context.store, cloud))
    routes: list[Route] = [*api.routes(context, jobs, cloud), *cloud.routes()]
    found = set()
    for route in routes:
        path = route.path
        for version in ("v1", "v1beta1"):
            for service in ("/dataform/", "/serviceusage/"):
                path = path.replace(f"{service}{version}/", f"{service}{{version}}/")
        found |= {(method, path) for method in (route.methods or set()) - {"HEAD"}}
    jobs.stop(1)
    context.store.close()
    assert found == WALK.keys() | OPEN.keys()
