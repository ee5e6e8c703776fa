"""tables.* and tabledata.list, as the official client and the gcp provider use them."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, NotFound
from google.cloud import bigquery

from tests import plain_http as http
from tests.conftest import RunningCloud

COLUMNS = [bigquery.SchemaField("x", "INT64", mode="REQUIRED"), bigquery.SchemaField("seen", "TIMESTAMP")]


@pytest.fixture
def table(cloud: RunningCloud, dataset: str) -> bigquery.Table:
    wanted = bigquery.Table(f"{cloud.project}.{dataset}.t", COLUMNS)
    wanted.labels, wanted.description = {"kind": "plain"}, "a table"
    return cloud.bigquery.create_table(wanted)


@pytest.fixture
def connection(cloud: RunningCloud) -> str:
    """A connection in US; its full name."""
    api = f"{cloud.url}/serviceusage/v1/projects/{cloud.project}/services/bigqueryconnection.googleapis.com:enable"
    assert http.post(api, json={}).status_code == 200
    url = f"{cloud.url}/bigqueryconnection/v1/projects/{cloud.project}/locations/US/connections"
    http.post(f"{url}?connectionId=tables_test", json={"cloudResource": {}})
    return str(http.get(f"{url}/tables_test").json()["name"])


def tables_url(cloud: RunningCloud, dataset: str) -> str:
    return f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/{dataset}/tables"


def object_table(name: str, connection: str, **fields: Any) -> dict[str, Any]:
    """What the provider sends."""
    configuration = {
        "autodetect": False,
        "compression": "NONE",
        "connectionId": connection,
        "objectMetadata": "SIMPLE",
        "sourceUris": ["gs://some-bucket/*"],
    }
    return {"tableReference": {"tableId": name}, "externalDataConfiguration": configuration | fields}


def test_a_table_keeps_what_it_was_created_with(cloud: RunningCloud, table: bigquery.Table) -> None:
    found = cloud.bigquery.get_table(table)
    assert [(f.name, f.field_type, f.mode) for f in found.schema] == [
        ("x", "INTEGER", "REQUIRED"),
        ("seen", "TIMESTAMP", "NULLABLE"),
    ]
    assert (found.labels, found.description, found.table_type) == ({"kind": "plain"}, "a table", "TABLE")
    assert (found.num_rows, found.location) == (0, "US")


def test_a_name_is_taken_once(cloud: RunningCloud, table: bigquery.Table) -> None:
    with pytest.raises(Conflict, match="Already Exists: Table"):
        cloud.bigquery.create_table(table)


def test_a_list_tells_types_and_labels(cloud: RunningCloud, table: bigquery.Table, connection: str) -> None:
    url = tables_url(cloud, table.dataset_id)
    assert http.post(url, json=object_table("objects", connection)).status_code == 200
    listed = {item.table_id: item for item in cloud.bigquery.list_tables(table.dataset_id, page_size=1)}
    assert (listed["t"].table_type, listed["t"].labels) == ("TABLE", {"kind": "plain"})
    assert listed["objects"].table_type == "EXTERNAL"


def test_labels_and_description_change_and_the_rest_stays(cloud: RunningCloud, table: bigquery.Table) -> None:
    table.labels, table.description = {"kind": None, "new": "1"}, None
    changed = cloud.bigquery.update_table(table, ["labels", "description"])
    assert (changed.labels, changed.description) == ({"new": "1"}, None)
    changed.schema = [*COLUMNS, bigquery.SchemaField("y", "STRING")]
    with pytest.raises(MethodNotImplemented, match="schema"):
        cloud.bigquery.update_table(changed, ["schema"])
    changed.schema = COLUMNS
    assert cloud.bigquery.update_table(changed, ["schema"]).schema == table.schema, "no change is no change"


def test_rows_are_read_in_pages_and_by_column(cloud: RunningCloud, table: bigquery.Table) -> None:
    name = f"`{table.dataset_id}.t`"
    moment = "TIMESTAMP '2026-01-02 03:04:05.000006+00'"
    cloud.query(f"INSERT INTO {name} (x, seen) SELECT x, {moment} FROM UNNEST(GENERATE_ARRAY(1, 25)) AS x")
    rows = list(cloud.bigquery.list_rows(table, page_size=10))
    assert sorted(row.x for row in rows) == list(range(1, 26))
    assert rows[0].seen.isoformat() == "2026-01-02T03:04:05.000006+00:00"
    assert len(list(cloud.bigquery.list_rows(table, start_index=20, max_results=3))) == 3
    only = cloud.bigquery.list_rows(table, selected_fields=[COLUMNS[0]])
    assert {tuple(row.keys()) for row in only} == {("x",)}
    assert cloud.bigquery.get_table(table).num_rows == 25


def test_timestamps_are_seconds_unless_the_client_asks_for_microseconds(
    cloud: RunningCloud, table: bigquery.Table
) -> None:
    cloud.query(
        f"INSERT INTO `{table.dataset_id}.t` (x, seen) VALUES (1, TIMESTAMP '2026-01-02 03:04:05.5+00'), (2, NULL)"
    )
    url = f"{tables_url(cloud, table.dataset_id)}/t/data"
    seconds = http.get(url).json()["rows"]
    exact = http.get(url, params={"formatOptions.useInt64Timestamp": True}).json()["rows"]
    assert sorted(str(row["f"][1]["v"]) for row in seconds) == ["1767323045.5", "None"]
    assert sorted(str(row["f"][1]["v"]) for row in exact) == ["1767323045500000", "None"]


def test_an_object_table_answers_what_the_provider_checks(cloud: RunningCloud, dataset: str, connection: str) -> None:
    url = tables_url(cloud, dataset)
    created = http.post(url, json=object_table("objects", connection)).json()
    found = http.get(f"{url}/objects").json()
    assert created["tableReference"] == {"projectId": cloud.project, "datasetId": dataset, "tableId": "objects"}
    configuration = found["externalDataConfiguration"]
    assert configuration["connectionId"].lower() == f"{cloud.project}.us.tables_test"
    assert (configuration["objectMetadata"], configuration["compression"]) == ("SIMPLE", "NONE")
    assert configuration["autodetect"] is False and "sourceFormat" not in configuration
    names = [field["name"] for field in found["schema"]["fields"]]
    assert names == ["uri", "generation", "content_type", "size", "md5_hash", "updated", "metadata", "ref"]
    assert http.delete(f"{url}/objects").status_code == 204
    assert http.get(f"{url}/objects").status_code == 404


def test_an_object_table_is_described_by_a_put_of_all_it_is(cloud: RunningCloud, dataset: str, connection: str) -> None:
    url = tables_url(cloud, dataset)
    body = object_table("objects", connection)
    http.post(url, json=body)
    changed = http.put(f"{url}/objects", json=body | {"description": "pictures", "labels": {"a": "b"}})
    assert (changed.status_code, changed.json()["description"]) == (200, "pictures")
    moved = http.put(f"{url}/objects", json=object_table("objects", connection, sourceUris=["gs://elsewhere/*"])).json()
    assert moved["externalDataConfiguration"]["sourceUris"] == ["gs://elsewhere/*"]
    assert "description" not in moved, "a PUT replaces"
    same = http.patch(f"{url}/objects", json={"description": "again"}).json()
    assert same["externalDataConfiguration"] == moved["externalDataConfiguration"]
    wrong = http.put(f"{url}/objects", json=object_table("objects", connection, sourceUris=["s3://b/*"]))
    assert wrong.status_code == 400


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"connectionId": "local-project.us.nowhere"}, 404, "Not found: Connection"),
        ({"connectionId": "local-project.eu.tables_test"}, 400, "location"),
        ({"connectionId": "nonsense"}, 400, "Invalid connection ID"),
        ({"sourceUris": []}, 400, "sourceUris"),
        ({"sourceUris": ["gs://b/*/*"]}, 400, "more than one wildcard"),
        ({"sourceUris": ["s3://b/*"]}, 400, "Invalid source URI"),
        ({"objectMetadata": None}, 501, "objectMetadata must be SIMPLE"),
        ({"sourceFormat": "CSV"}, 501, "sourceFormat"),
        ({"metadataCacheMode": "MANUAL"}, 400, "maxStaleness"),
    ],
)
def test_an_object_table_that_could_not_work_is_refused(
    cloud: RunningCloud, dataset: str, connection: str, fields: dict[str, Any], code: int, words: str
) -> None:
    answer = http.post(tables_url(cloud, dataset), json=object_table("objects", connection, **fields))
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (code, True), answer.text


@pytest.mark.parametrize("field", [{"view": {"query": "SELECT 1"}}, {"timePartitioning": {"type": "DAY"}}])
def test_other_kinds_of_tables_are_refused_by_name(cloud: RunningCloud, dataset: str, field: dict[str, Any]) -> None:
    answer = http.post(tables_url(cloud, dataset), json={"tableReference": {"tableId": "v"}} | field)
    assert answer.status_code == 501
    assert next(iter(field)) in answer.json()["error"]["message"]


def test_what_is_not_there_is_not_found(cloud: RunningCloud, dataset: str) -> None:
    with pytest.raises(NotFound, match=f"Not found: Table local-project:{dataset}.nowhere"):
        cloud.bigquery.get_table(f"{dataset}.nowhere")
    with pytest.raises(NotFound, match="Not found: Dataset local-project:nowhere"):
        list(cloud.bigquery.list_tables("nowhere"))


def test_the_rows_of_an_object_table_cannot_be_listed(cloud: RunningCloud, dataset: str, connection: str) -> None:
    http.post(tables_url(cloud, dataset), json=object_table("objects", connection))
    with pytest.raises(BadRequest, match="Cannot list a table of type EXTERNAL"):
        list(cloud.bigquery.list_rows(f"{cloud.project}.{dataset}.objects"))


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"name": "r", "type": "RECORD"}, "Field r is type RECORD but has no schema"),
        ({"name": "r", "type": "STRUCT", "mode": "REPEATED", "fields": []}, "Field r is type RECORD but has no schema"),
        ({"name": "X", "type": "INT64"}, "Duplicate field name: X"),
        (
            {"name": "r", "type": "RECORD", "fields": [{"name": n, "type": "INT64"} for n in ("i", "I")]},
            "Duplicate field name: I",
        ),
        ({"name": "r", "type": "RECORD", "fields": [{"name": "", "type": "INT64"}]}, "Invalid field name"),
        ({"name": "y", "type": "INT64", "mode": "SOMETIMES"}, "Invalid value for mode: SOMETIMES is not a valid value"),
        ({"name": "y"}, "type"),
    ],
)
def test_a_column_that_could_not_be_is_refused(
    cloud: RunningCloud, dataset: str, field: dict[str, Any], words: str
) -> None:
    body = {"tableReference": {"tableId": "t"}, "schema": {"fields": [{"name": "x", "type": "STRING"}, field]}}
    answer = http.post(tables_url(cloud, dataset), json=body)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]


def test_a_mode_may_be_spelled_in_small_letters(cloud: RunningCloud, dataset: str) -> None:
    columns = [{"name": "x", "type": "string", "mode": "repeated"}]
    body = {"tableReference": {"tableId": "t"}, "schema": {"fields": columns}}
    assert http.post(tables_url(cloud, dataset), json=body).json()["schema"]["fields"][0]["mode"] == "REPEATED"
    cloud.query(f"INSERT INTO {dataset}.t (x) VALUES (['a', 'b'])")
    assert [row.x for row in cloud.bigquery.list_rows(f"{cloud.project}.{dataset}.t")] == [["a", "b"]]


def test_partitions_and_moments_of_a_table_are_refused_by_name(cloud: RunningCloud, table: bigquery.Table) -> None:
    for decorated in (
        f"{table.full_table_id.replace(':', '.')}$20260101",
        f"{cloud.project}.{table.dataset_id}.t@-3600000",
    ):
        with pytest.raises(MethodNotImplemented, match=r"table decorators: t[$@]"):
            cloud.bigquery.get_table(bigquery.TableReference.from_string(decorated))


def test_a_part_of_a_column_cannot_be_selected_here(cloud: RunningCloud, dataset: str) -> None:
    cloud.query(f"CREATE TABLE {dataset}.r AS SELECT STRUCT(1 AS a, 2 AS b) AS s")
    url = f"{tables_url(cloud, dataset)}/r/data"
    part, none = (http.get(url, params={"selectedFields": name}) for name in ("s.a", "nothing"))
    assert (part.status_code, "selectedFields 's.a'" in part.text) == (501, True), part.text
    assert (none.status_code, "nothing" in none.text) == (400, True), none.text


def test_an_object_table_that_differs_from_a_table_in_case_only_is_refused(
    cloud: RunningCloud, dataset: str, connection: str
) -> None:
    """Deleting it would drop the rows of the other, for DuckDB tells no cases."""
    cloud.query(f"CREATE TABLE {dataset}.t AS SELECT 1 AS x")
    url = tables_url(cloud, dataset)
    refused = http.post(url, json=object_table("T", connection))
    assert (refused.status_code, "differ in case only" in refused.text) == (501, True), refused.text
    assert http.delete(f"{url}/T").status_code == 404
    assert [row.x for row in cloud.query(f"SELECT x FROM {dataset}.t")] == [1]
