"""The tutorial from its first statement to its last through the official client, as a reader pastes it, in words of our
own: every construct of the page in other spellings. The tests build on each other, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.api_core.exceptions import BadRequest, Forbidden, GoogleAPICallError, NotFound
from google.cloud import bigquery

from tests.conftest import RunningCloud, running_cloud

PICTURES = 5_020
THROTTLED = "A retryable error occurred: RESOURCE_EXHAUSTED error from remote service/endpoint."
APIS = ["bigquery.googleapis.com", "bigqueryconnection.googleapis.com", "aiplatform.googleapis.com"]
FAILED = [f"gs://harbour/ship-{number:05}.jpg" for number in (3, 14, 15)]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A local cloud with pictures and one other file in a bucket, and a dataset; some pictures will fail."""
    home = tmp_path_factory.mktemp("page") / "home"
    with running_cloud(home) as cloud:
        folder = home / "buckets" / "harbour"
        folder.mkdir(parents=True)
        for number in range(PICTURES):
            (folder / f"ship-{number:05}.jpg").write_bytes(b"\xff\xd8\xff" + number.to_bytes(4, "big"))
        (folder / "log.txt").write_text("no picture")
        _post(cloud, "serviceusage/v1/projects/local-project/services:batchEnable", {"serviceIds": APIS})
        cloud.bigquery.create_dataset("sea")
        cloud.control("settings", {"index_delay": 4})
        cloud.control("faults", {"rows": {"uris": FAILED, "status": THROTTLED}})
        yield cloud


def _post(cloud: RunningCloud, path: str, body: dict[str, Any]) -> Any:
    answer = requests.post(f"{cloud.url}/{path}", json=body, timeout=30)
    assert answer.ok, answer.text
    return answer.json()


def _refused(cloud: RunningCloud, text: str, error: type[GoogleAPICallError] = BadRequest, **config: Any) -> Any:
    with pytest.raises(error) as refusal:
        cloud.query(text, **config)
    return refusal.value


def test_the_object_table(page: RunningCloud) -> None:
    page.query("""create or replace external table `sea.pictures` with connection default
        options (uris = ["gs://harbour/*"], object_metadata = "SIMPLE");""")
    found = page.query("""
        select uri, content_type from sea.pictures
        where content_type = 'image/jpeg'  -- only pictures
        order by uri limit 10;""")
    assert [row.uri for row in found] == [f"gs://harbour/ship-{number:05}.jpg" for number in range(10)]
    (kinds,) = page.query("SELECT ARRAY_AGG(DISTINCT content_type ORDER BY content_type) AS k FROM `sea`.`pictures`")
    assert kinds.k == ["image/jpeg", "text/plain"]


def test_the_remote_model(page: RunningCloud) -> None:
    page.query("""# the model
        Create Or Replace Model `sea`.`seer`
        Remote With Connection Default Options (endpoint = "multimodalembedding@001")""")
    model = page.bigquery.get_model("sea.seer").to_api_repr()
    assert model["remoteModelInfo"]["endpoint"] == "multimodalembedding@001"


def test_image_embeddings(page: RunningCloud) -> None:
    job = page.bigquery.query("""CREATE OR REPLACE TABLE sea.vectors AS
        SELECT *
        FROM AI.GENERATE_EMBEDDING(MODEL sea.seer, (
          SELECT * FROM sea.pictures WHERE content_type = 'image/jpeg' LIMIT 10000
        ))""")
    assert list(job.result()) == [], "a table that is made is no answer"
    table = page.bigquery.get_table("sea.vectors")
    assert table.num_rows == PICTURES
    assert [field.name for field in table.schema][:5] == [
        "embedding",
        "status",
        "video_start_sec",
        "video_end_sec",
        "uri",
    ]
    (function,) = job._properties["statistics"]["query"]["genAiStats"]["functionStats"]
    assert (function["numProcessedRows"], function["errorStats"]["numFailedRows"]) == (str(PICTURES), "3")


def test_what_failed_is_counted_and_dropped(page: RunningCloud) -> None:
    counts = page.query("Select Distinct(status), Count(uri) As num_rows From sea.vectors Group By 1")
    assert {row.status: row.num_rows for row in counts} == {"": PICTURES - 3, THROTTLED: 3}
    job = page.bigquery.query(f"delete from `sea.vectors` as v where v.status = '{THROTTLED}'")
    job.result()
    assert job.num_dml_affected_rows == 3
    assert [row.status for row in page.query("SELECT DISTINCT status FROM sea.vectors")] == [""]


def test_the_index_is_made_and_seen_in_the_view(page: RunningCloud) -> None:
    page.query("""create or replace vector index `by_look`
        on sea.vectors(embedding) options (distance_type = 'COSINE', index_type = 'IVF')""")
    view = """SELECT table_name, index_name, index_status, coverage_percentage, last_refresh_time, disable_reason
        FROM sea.INFORMATION_SCHEMA.VECTOR_INDEXES WHERE index_name = 'by_look'"""
    page.advance(10)
    (row,) = page.query(view)
    assert tuple(row)[:4] == ("vectors", "by_look", "ACTIVE", 100)
    assert row.last_refresh_time is not None
    assert row.disable_reason is None


@pytest.mark.parametrize("dialect", ["sea.INFORMATION_SCHEMA", "`sea`.INFORMATION_SCHEMA", "sea.information_schema"])
def test_the_view_is_found_however_it_is_spelled(page: RunningCloud, dialect: str) -> None:
    assert len(page.query(f"SELECT index_name FROM {dialect}.VECTOR_INDEXES")) == 1


def test_the_search(page: RunningCloud) -> None:
    page.query("""CREATE OR REPLACE TABLE `sea.asked` AS SELECT * FROM AI.GENERATE_EMBEDDING(
        MODEL `sea.seer`, (SELECT 'a three-masted ship under full sail' AS content))""")
    columns = [field.name for field in page.bigquery.get_table("sea.asked").schema]
    assert columns == ["embedding", "status", "content"]
    job = page.bigquery.query("""Create Or Replace Table sea.found As
        Select base.uri As gcs_uri, distance
        From Vector_Search(Table `sea.vectors`, 'embedding', Table sea.asked, 'embedding', top_k => 3)""")
    job.result()
    search = job._properties["statistics"]["query"]["vectorSearchStatistics"]
    assert search["indexUsageMode"] == "FULLY_USED"
    found = page.query("SELECT * FROM `sea.found`\n  ORDER BY distance;")
    assert len(found) == 3
    assert [row.distance for row in found] == sorted(row.distance for row in found)
    assert 0 < found[0].distance < 2, "without distance_type a used index decides: COSINE"


@pytest.mark.parametrize(
    "arguments",
    [
        "TABLE sea.vectors, 'embedding', TABLE sea.asked",
        "table `sea.vectors`, 'embedding', table `sea.asked`, 'embedding', top_k => 3",
        'TABLE `sea`.`vectors`, "embedding", (SELECT * FROM sea.asked), top_k => @k',
        "TABLE sea.vectors, 'embedding', TABLE sea.asked, query_column_to_search => 'embedding', TOP_K => 3",
        "(SELECT uri, embedding FROM sea.vectors WHERE content_type = 'image/jpeg'), 'embedding', TABLE sea.asked",
        "TABLE sea.vectors, 'embedding', TABLE sea.asked, distance_type => 'COSINE', top_k => 3,"
        " options => '{\"fraction_lists_to_search\": 0.5}'",
        "TABLE sea.vectors, 'embedding', (SELECT embedding, content FROM AI.GENERATE_EMBEDDING(MODEL sea.seer,"
        " (SELECT @text AS content), STRUCT(1408 AS output_dimensionality)))",
        "TABLE `local-project.sea.vectors`, 'embedding', TABLE `local-project`.sea.asked",
        "TABLE local-project.sea.vectors, 'embedding', TABLE local-project.sea.asked",
    ],
)
def test_a_search_may_be_spelled_in_many_ways(page: RunningCloud, arguments: str) -> None:
    parameters = [
        bigquery.ScalarQueryParameter("k", "INT64", 3),
        bigquery.ScalarQueryParameter("text", "STRING", "a lighthouse"),
    ]
    found = page.query(
        f"SELECT base.uri, distance FROM VECTOR_SEARCH({arguments}) ORDER BY distance LIMIT 3",
        query_parameters=[one for one in parameters if f"@{one.name}" in arguments],
    )
    assert len(found) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        "MODEL sea.seer, (SELECT 'a' AS content, 7 AS n)",
        "model `sea.seer`, (select * from (select 'a' as content))",
        "MODEL `local-project`.sea.seer, TABLE sea.words",
        "MODEL `local-project.sea.seer`, (SELECT word AS content FROM sea.words), STRUCT(256 AS output_dimensionality)",
        "MODEL sea.seer, (SELECT * FROM sea.pictures ORDER BY uri DESC LIMIT 1)",
        "MODEL sea.seer, (SELECT p.* FROM sea.pictures AS p WHERE p.uri IN UNNEST(@uris))",
        "MODEL sea.seer, (SELECT ref AS content FROM sea.pictures WHERE size = 7 LIMIT 1),"
        " STRUCT(128 AS output_dimensionality)",
    ],
)
def test_embeddings_may_be_asked_for_in_many_ways(page: RunningCloud, arguments: str) -> None:
    page.query("CREATE OR REPLACE TABLE sea.words AS SELECT 'gull' AS word, 'gull' AS content")
    uris = bigquery.ArrayQueryParameter("uris", "STRING", ["gs://harbour/ship-00000.jpg"])
    (row,) = page.query(
        f"SELECT status, ARRAY_LENGTH(embedding) AS n FROM AI.GENERATE_EMBEDDING({arguments})",
        query_parameters=[uris] if "@uris" in arguments else [],
    )
    assert row.status == ""
    assert row.n in (128, 256, 1408)


def test_too_few_rows_for_an_index(page: RunningCloud) -> None:
    page.query("CREATE TABLE sea.few AS SELECT embedding FROM sea.vectors LIMIT 4999")
    error = _refused(page, "CREATE VECTOR INDEX i ON sea.few(embedding) OPTIONS (index_type = 'IVF')")
    assert error.message.endswith(
        "Total rows 4999 is smaller than min allowed 5000 for CREATE VECTOR INDEX query with the IVF index type. Please"
        " use VECTOR_SEARCH table-valued function directly to perform the similarity search."
    )
    assert error.errors[0]["reason"] == "invalidQuery"


def test_an_unknown_endpoint(page: RunningCloud) -> None:
    error = _refused(
        page, "CREATE MODEL sea.blind REMOTE WITH CONNECTION DEFAULT OPTIONS (ENDPOINT = 'multimodalembedding@009')"
    )
    assert "Not found: Publisher model projects/local-project/" in error.message
    assert "models/multimodalembedding@009 was not found or your project does not have access to it." in error.message


def test_a_connection_without_the_role(page: RunningCloud) -> None:
    path = "bigqueryconnection/v1/projects/local-project/locations/us/connections?connectionId=bare"
    made = _post(page, path, {"cloudResource": {}})
    account = made["cloudResource"]["serviceAccountId"]
    error = _refused(
        page, "CREATE MODEL sea.m REMOTE WITH CONNECTION `us.bare` OPTIONS (ENDPOINT = 'multimodalembedding@001')"
    )
    assert f"{account} does not have the permission to access or use the endpoint." in error.message
    assert "Please grant the Vertex AI user role to the service account following" in error.message


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        ("SELECT * FROM sea.nowhere", NotFound, "Not found: Table local-project:sea.nowhere was not found"),
        (
            "SELECT * FROM VECTOR_SEARCH(TABLE sea.vectors, 'nope', TABLE sea.asked)",
            BadRequest,
            "Column nope not found",
        ),
        (
            "SELECT * FROM AI.GENERATE_EMBEDDING(MODEL sea.seer, (SELECT 'x' AS text))",
            BadRequest,
            "Column content is not found",
        ),
        (
            "SELECT * FROM AI.GENERATE_EMBEDDING(model => sea.seer, TABLE sea.words)",
            BadRequest,
            "Named argument model not found in signature for call to function AI.GENERATE_EMBEDDING at [1:37]",
        ),
        (
            "SELECT * FROM AI.GENERATE_EMBEDDING(MODEL sea.seer, TABLE sea.words, options => STRUCT(128 AS d))",
            BadRequest,
            "Named argument options not found in signature for call to function AI.GENERATE_EMBEDDING at [1:70]",
        ),
        ("SELECT * FROM ML.GENERATE_EMBEDDING(MODEL sea.seer, TABLE sea.words)", GoogleAPICallError, "Unsupported by"),
        (
            "CREATE MODEL sea.m REMOTE WITH CONNECTION `eu.other` OPTIONS (ENDPOINT = 'multimodalembedding@001')",
            BadRequest,
            "is in location eu; dataset local-project.sea is in location US",
        ),
        (
            "CREATE MODEL sea.m REMOTE WITH CONNECTION `us.gone` OPTIONS (ENDPOINT = 'multimodalembedding@001')",
            NotFound,
            "Not found: Connection",
        ),
        (
            "CREATE EXTERNAL TABLE sea.o WITH CONNECTION `us.bare` OPTIONS (object_metadata = 'SIMPLE',"
            " uris = ['gs://harbour/*/*'])",
            BadRequest,
            "more than one wildcard",
        ),
        ("DROP VECTOR INDEX nope ON sea.vectors", NotFound, "Not found: Vector index nope"),
        (
            "CREATE VECTOR INDEX IF NOT EXISTS other ON sea.vectors(embedding) OPTIONS (index_type = 'IVF')",
            BadRequest,
            "only one vector index per table",
        ),
    ],
)
def test_a_mistake_is_answered_as_bigquery_answers_it(
    page: RunningCloud, statement: str, error: type[GoogleAPICallError], message: str
) -> None:
    assert message in _refused(page, statement, error).message


def test_a_table_in_another_location_is_not_found(page: RunningCloud) -> None:
    with pytest.raises(GoogleAPICallError) as error:
        page.bigquery.query_and_wait("SELECT * FROM sea.vectors", location="EU")
    assert isinstance(error.value, (NotFound, Forbidden))
    assert "was not found in location EU" in error.value.message
