"""datasets.*, as the official client and the gcp provider use them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, NotFound, PreconditionFailed
from google.cloud import bigquery

from tests import plain_http as http
from tests.conftest import RunningCloud


def test_a_dataset_keeps_what_it_was_created_with(cloud: RunningCloud, dataset: str) -> None:
    name = f"{dataset}_eu"
    wanted = bigquery.Dataset(f"{cloud.project}.{name}")
    wanted.location, wanted.description, wanted.labels = "eu", "a description", {"team": "search"}
    cloud.bigquery.create_dataset(wanted)
    found = cloud.bigquery.get_dataset(name)
    cloud.bigquery.delete_dataset(name)
    assert (found.location, found.description, found.labels) == ("EU", "a description", {"team": "search"})
    assert found.created is not None and found.etag


def test_a_name_is_taken_once(cloud: RunningCloud, dataset: str) -> None:
    with pytest.raises(Conflict, match=f"Already Exists: Dataset local-project:{dataset}"):
        cloud.bigquery.create_dataset(dataset)


def test_a_dataset_that_is_not_there_is_not_found(cloud: RunningCloud) -> None:
    with pytest.raises(NotFound, match="Not found: Dataset local-project:nowhere"):
        cloud.bigquery.get_dataset("nowhere")


def test_an_update_changes_what_it_names_and_nothing_else(cloud: RunningCloud, dataset: str) -> None:
    found = cloud.bigquery.get_dataset(dataset)
    found.description, found.labels = "new", {"a": "1", "b": "2"}
    cloud.bigquery.update_dataset(found, ["description", "labels"])
    found = cloud.bigquery.get_dataset(dataset)
    found.labels = {"a": None, "b": "3"}
    changed = cloud.bigquery.update_dataset(found, ["labels"])
    assert (changed.description, changed.labels) == ("new", {"b": "3"})


def test_an_update_from_an_outdated_etag_is_refused(cloud: RunningCloud, dataset: str) -> None:
    first, second = cloud.bigquery.get_dataset(dataset), cloud.bigquery.get_dataset(dataset)
    first.description = "first"
    cloud.bigquery.update_dataset(first, ["description"])
    second.description = "second"
    with pytest.raises(PreconditionFailed):
        cloud.bigquery.update_dataset(second, ["description"])


def test_a_put_replaces_the_whole_dataset_as_the_provider_does(cloud: RunningCloud, dataset: str) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/{dataset}?accessPolicyVersion=3&alt=json"
    known = http.get(url).json()
    reference = {"datasetReference": {"datasetId": dataset}, "location": "US", "defaultCollation": ""}
    body: dict[str, Any] = reference | {"access": known["access"], "labels": {"x": "y"}, "description": "put"}
    assert http.put(url, json=body).status_code == 200
    http.put(url, json={name: body[name] for name in body if name != "description"})
    found = http.get(url).json()
    assert found["labels"] == {"x": "y"} and found["access"] == known["access"]
    assert "description" not in found
    assert found["creationTime"] == known["creationTime"]


def test_the_location_of_a_dataset_stays(cloud: RunningCloud, dataset: str) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/{dataset}"
    assert http.patch(url, json={"location": "EU"}).status_code == 400


def test_a_dataset_with_tables_goes_only_with_its_contents(cloud: RunningCloud, dataset: str) -> None:
    table = f"{cloud.project}.{dataset}.t"
    cloud.bigquery.create_table(bigquery.Table(table, [bigquery.SchemaField("x", "INT64")]))
    with pytest.raises(BadRequest, match="still in use") as refused:
        cloud.bigquery.delete_dataset(dataset)
    assert refused.value.errors[0]["reason"] == "resourceInUse"
    cloud.bigquery.delete_dataset(dataset, delete_contents=True)
    cloud.bigquery.create_dataset(dataset)
    assert list(cloud.bigquery.list_tables(dataset)) == []


def test_datasets_are_listed_in_pages_and_by_label(cloud: RunningCloud) -> None:
    mark = uuid.uuid4().hex[:8]
    names = [f"listed_{mark}_{n}" for n in range(3)]
    for name in names:
        wanted = bigquery.Dataset(f"{cloud.project}.{name}")
        wanted.labels = {"mark": mark}
        cloud.bigquery.create_dataset(wanted)
    paged = [item.dataset_id for item in cloud.bigquery.list_datasets(page_size=2)]
    marked = [item.dataset_id for item in cloud.bigquery.list_datasets(filter=f"labels.mark:{mark}")]
    for name in names:
        cloud.bigquery.delete_dataset(name)
    assert set(names) <= set(paged) and len(paged) == len(set(paged))
    assert marked == names


@pytest.mark.parametrize(
    "field", [{"defaultTableExpirationMs": "3600000"}, {"linkedDatasetSource": {"sourceDataset": {"datasetId": "d"}}}]
)
def test_what_it_cannot_keep_is_refused_by_name(cloud: RunningCloud, field: dict[str, Any]) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets"
    answer = http.post(url, json={"datasetReference": {"datasetId": "refused"}} | field)
    assert answer.status_code == 501
    assert next(iter(field)) in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["with-dash", "", "with space", "x" * 1025])
def test_a_name_that_is_no_dataset_name_is_refused(cloud: RunningCloud, name: str) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets"
    answer = http.post(url, json={"datasetReference": {"datasetId": name}})
    assert answer.status_code == 400
    assert "Invalid dataset ID" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"colour": "red"}, "Dataset.colour: not in Dataset"),
        ({"description": ["a"]}, "Dataset.description: ['a'] is no string"),
        ({"labels": {"a": 1}}, "Dataset.labels.a: 1 is no string"),
    ],
)
def test_a_field_that_does_not_exist_or_is_mistyped_is_invalid(
    cloud: RunningCloud, body: dict[str, Any], problem: str
) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets"
    answer = http.post(url, json={"datasetReference": {"datasetId": "mistyped"}} | body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"Invalid request: body: {problem}"
    assert http.get(f"{url}/mistyped").status_code == 404


def test_a_dataset_that_differs_from_another_in_case_only_is_refused(cloud: RunningCloud, dataset: str) -> None:
    """Both would be one schema of DuckDB: deleting one of them took the other's tables."""
    cloud.query(f"CREATE TABLE {dataset}.t AS SELECT 1 AS x")
    with pytest.raises(MethodNotImplemented, match="two datasets whose names differ in case only"):
        cloud.bigquery.create_dataset(dataset.upper())
    cloud.bigquery.delete_dataset(dataset.upper(), delete_contents=True, not_found_ok=True)
    assert [row.x for row in cloud.query(f"SELECT x FROM {dataset}.t")] == [1]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"access": [{"role": "KING", "userByEmail": "a@example.com"}]}, 400, "KING is not a valid value"),
        (
            {"access": [{"role": "READER", "userByEmail": "a@example.com", "condition": {"expression": "true"}}]},
            501,
            "access under a condition",
        ),
        ({"maxTimeTravelHours": "5"}, 400, "maxTimeTravelHours"),
        ({"labels": {f"l{n}": "" for n in range(65)}}, 400, "at most 64 labels"),
    ],
)
def test_what_the_service_would_not_keep_is_not_kept(
    cloud: RunningCloud, dataset: str, body: dict[str, Any], code: int, words: str
) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/{dataset}"
    answer = http.patch(url, json=body)
    assert (answer.status_code, words in answer.json()["error"]["message"]) == (code, True), answer.text
