"""Parameters and fields that change an answer: honoured, or refused by name, never passed over."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

from tests.conftest import RunningCloud


@pytest.fixture
def url(cloud: RunningCloud) -> str:
    return f"{cloud.url}/bigquery/v2/projects/{cloud.project}"


def message(answer: httpx.Response, code: int) -> str:
    assert answer.status_code == code, answer.text
    return str(answer.json()["error"]["message"])


def query(text: str = "SELECT 1 AS x", **fields: Any) -> dict[str, Any]:
    return {"query": text, "useLegacySql": False, **fields}


def test_a_view_of_a_dataset_shows_its_part(url: str, dataset: str) -> None:
    whole = httpx.get(f"{url}/datasets/{dataset}").json()
    metadata = httpx.get(f"{url}/datasets/{dataset}?datasetView=METADATA").json()
    acl = httpx.get(f"{url}/datasets/{dataset}?datasetView=ACL").json()
    assert metadata == {name: value for name, value in whole.items() if name != "access"}
    assert acl["access"] == whole["access"] and "creationTime" not in acl
    assert httpx.get(f"{url}/datasets/{dataset}?datasetView=FULL").json() == whole


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_update_of_a_dataset_targets_what_its_mode_says(url: str, dataset: str, method: str) -> None:
    before = httpx.get(f"{url}/datasets/{dataset}").json()
    body = {"description": "new", "access": before["access"][:1]}
    acl = httpx.request(method, f"{url}/datasets/{dataset}?updateMode=UPDATE_ACL", json=body).json()
    assert (acl.get("description"), acl["access"]) == (None, body["access"])
    body["access"] = before["access"]
    metadata = httpx.request(method, f"{url}/datasets/{dataset}?updateMode=UPDATE_METADATA", json=body).json()
    assert (metadata["description"], metadata["access"]) == ("new", acl["access"])


def test_datasets_are_found_by_the_name_of_a_label_too(cloud: RunningCloud, url: str, dataset: str) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"
    httpx.patch(f"{url}/datasets/{dataset}", json={"labels": {name: "v", "other": ""}})
    for wanted, found in (
        (f"labels.{name}", [dataset]),
        (f"labels.{name}:w", []),
        (f"labels.{name} labels.other:", [dataset]),
    ):
        assert [item.dataset_id for item in cloud.bigquery.list_datasets(filter=wanted)] == found, wanted
    assert "labels.<name>[:<value>]" in message(httpx.get(f"{url}/datasets?filter=name:x"), 400)


def test_a_table_is_shown_as_far_as_asked_for(cloud: RunningCloud, url: str, dataset: str) -> None:
    cloud.query(f"CREATE TABLE {dataset}.t AS SELECT 1 AS x, 'a' AS y")
    table = f"{url}/datasets/{dataset}/tables/t"
    whole = httpx.get(table).json()
    basic = httpx.get(f"{table}?view=BASIC").json()
    assert whole["numRows"] == "1" and whole == {**whole, **basic}
    assert not [name for name in basic if name.startswith("num")]
    columns = httpx.get(f"{table}?selectedFields=y").json()["schema"]["fields"]
    assert [column["name"] for column in columns] == ["y"]
    assert "autodetect_schema" in message(httpx.patch(f"{table}?autodetect_schema=true", json={}), 501)


def test_no_job_has_children(cloud: RunningCloud) -> None:
    job = cloud.bigquery.query("SELECT 1")
    job.result()
    assert list(cloud.bigquery.list_jobs(parent_job=job)) == []


def test_jobs_of_everyone_are_listed_to_who_may(cloud: RunningCloud, url: str) -> None:
    member = "user:viewer@example.com"
    resource = f"{cloud.url}/cloudresourcemanager/v1/projects/{cloud.project}"
    policy = httpx.post(f"{resource}:getIamPolicy", json={}).json()
    granted = [*policy["bindings"], {"role": "roles/viewer", "members": [member]}]
    httpx.post(f"{resource}:setIamPolicy", json={"policy": {"bindings": granted}})
    cloud.advance(600)
    token = cloud.control("token", {"member": member})["token"]
    headers = {"Authorization": f"Bearer {token}"}
    cloud.bigquery.query("SELECT 1").result()
    assert httpx.get(f"{url}/jobs", headers=headers).json()["jobs"] == []
    denied = httpx.get(f"{url}/jobs?allUsers=true", headers=headers)
    assert "bigquery.jobs.listAll" in message(denied, 403)
    httpx.post(f"{resource}:setIamPolicy", json={"policy": {"bindings": policy["bindings"]}})


def test_the_same_request_id_with_another_query_is_another_request(url: str) -> None:
    def asked(text: str, **fields: Any) -> tuple[str, str]:
        answer = httpx.post(f"{url}/queries", json=query(text, requestId=request, **fields)).json()
        return answer["jobReference"]["jobId"], answer["rows"][0]["f"][0]["v"]

    request = str(uuid.uuid4())
    first, again, other = asked("SELECT 1"), asked("SELECT 1", timeoutMs=5000), asked("SELECT 2")
    assert first == again and other[0] != first[0]
    assert (first[1], other[1]) == ("1", "2")
    assert "requestId" in message(httpx.post(f"{url}/queries", json=query(requestId="x" * 37)), 400)


@pytest.mark.parametrize("rows", ["rows", "rows(f(v))", "rows/f"])
def test_a_part_of_the_answer_of_a_query_can_be_asked_for(
    cloud: RunningCloud, url: str, dataset: str, rows: str
) -> None:
    cloud.query(f"CREATE TABLE {dataset}.t AS SELECT x FROM UNNEST([1, 2]) AS x")
    job = httpx.post(f"{url}/queries", json=query(f"SELECT x FROM {dataset}.t")).json()["jobReference"]["jobId"]
    for path in (f"queries/{job}", f"datasets/{dataset}/tables/t/data"):
        part = httpx.get(f"{url}/{path}?fields=totalRows").json()
        assert part == {"totalRows": "2"}
        part = httpx.get(f"{url}/{path}?fields={rows},pageToken&maxResults=1").json()
        assert set(part) == {"rows", "pageToken"} and len(part["rows"]) == 1
        assert set(part["rows"][0]["f"][0]) == {"v"}


def test_what_no_answer_has_cannot_be_selected(url: str) -> None:
    assert message(httpx.get(f"{url}/datasets?fields=datasets(nam)"), 400) == "Invalid field selection nam"
    assert "Invalid field selection" in message(httpx.get(f"{url}/datasets?fields={'a(' * 5000}"), 400)
    assert httpx.get(f"{url}/datasets?fields=nextPageToken,datasets(labels(x),datasetReference/*)").status_code == 200


@pytest.mark.parametrize(
    "parameter", ["alt=proto", "alt=media", "callback=f", "access_token=of-somebody-else", "oauth_token=x"]
)
def test_a_parameter_of_all_methods_is_not_passed_over(url: str, parameter: str) -> None:
    assert f"'{parameter.partition('=')[0]}'" in message(httpx.get(f"{url}/datasets?{parameter}"), 501)


def test_a_get_whose_url_is_too_long_comes_as_a_post(cloud: RunningCloud, dataset: str) -> None:
    client = build(
        "bigquery",
        "v2",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"{cloud.url}/bigquery/v2/"},
        static_discovery=True,
    )
    httpx.patch(
        f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/{dataset}", json={"labels": {"long": "way"}}
    )
    wanted = " ".join(["labels.long:way"] * 200)
    with client:
        found = client.datasets().list(projectId=cloud.project, filter=wanted, fields="datasets(id)").execute()
    assert found == {"datasets": [{"id": f"{cloud.project}:{dataset}"}]}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"writeDisposition": "OVERWRITE"}, "Invalid value for writeDisposition: OVERWRITE"),
        ({"createDisposition": "ALWAYS"}, "Invalid value for createDisposition: ALWAYS"),
        ({"priority": "SOON"}, "Invalid value for priority: SOON"),
        ({"parameterMode": "BOTH"}, "Invalid value for parameterMode: BOTH"),
        ({"defaultDataset": {"projectId": "local-project"}}, "Required parameter is missing: datasetId"),
        ({"destinationTable": {"datasetId": "d", "tableId": "t"}}, "Required parameter is missing: projectId"),
        (
            {"destinationTable": {"projectId": "local-project", "datasetId": "d"}},
            "Required parameter is missing: tableId",
        ),
    ],
)
def test_a_query_with_a_field_that_makes_no_sense_is_invalid(url: str, fields: dict[str, Any], words: str) -> None:
    assert words in message(httpx.post(f"{url}/jobs", json={"configuration": {"query": query(**fields)}}), 400)


def test_a_query_parameter_has_one_value(url: str) -> None:
    values = [
        {"name": name, "parameterType": {"type": "INT64"}, "parameterValue": {"value": value}}
        for name, value in (("a", "1"), ("A", "2"))
    ]
    answer = httpx.post(f"{url}/queries", json=query("SELECT @a", queryParameters=values))
    assert message(answer, 400) == "Duplicate query parameter name: a"


def test_a_time_limit_below_zero_is_invalid(url: str) -> None:
    body = {"configuration": {"query": query(), "jobTimeoutMs": "-5"}}
    assert "jobTimeoutMs" in message(httpx.post(f"{url}/jobs", json=body), 400)


@pytest.mark.parametrize("place", ["Mars", "us central1", "EU/", "\u0130\u0130"])
def test_a_place_that_is_none_is_invalid(url: str, place: str) -> None:
    body = {"configuration": {"query": query()}, "jobReference": {"location": place}}
    words = f"Invalid value for location: {place} is not a valid value"
    assert message(httpx.post(f"{url}/jobs", json=body), 400) == words
    made = {"datasetReference": {"datasetId": "nowhere"}, "location": place}
    assert message(httpx.post(f"{url}/datasets", json=made), 400) == words
