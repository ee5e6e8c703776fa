"""Enabling and disabling APIs, as the gcp provider and Google's client ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.services.conftest import PROJECT, Running

PARENT = f"projects/{PROJECT}"


def enabled(cloud: Running) -> set[str]:
    found: set[str] = set()
    listing = cloud.discovery("serviceusage", "v1").services()
    asked = listing.list(parent=PARENT, filter="state:ENABLED", pageSize=4)
    while asked is not None:
        answer = asked.execute()
        found |= {service["config"]["name"] for service in answer["services"]}
        asked = listing.list_next(asked, answer)
    return found


def test_a_new_project_has_bigquery_and_storage_but_not_what_the_tutorial_enables(cloud: Running) -> None:
    new = enabled(cloud)
    assert {"bigquery.googleapis.com", "storage.googleapis.com", "serviceusage.googleapis.com"} <= new
    assert not {"bigqueryconnection.googleapis.com", "aiplatform.googleapis.com", "dataform.googleapis.com"} & new


def test_an_enabled_service_answers_and_a_disabled_one_says_how_to_enable_it(cloud: Running) -> None:
    connections = cloud.discovery("bigqueryconnection", "v1").projects().locations().connections()
    parent = f"{PARENT}/locations/us"
    with pytest.raises(HttpError) as refused:
        connections.list(parent=parent).execute()
    assert refused.value.status_code == 403
    assert "BigQuery Connection API has not been used in project 100000000001 before or it is disabled." in str(
        refused.value
    )
    (info,) = (d for d in refused.value.error_details if d.get("@type", "").endswith("ErrorInfo"))
    assert info["reason"] == "SERVICE_DISABLED"
    services = cloud.discovery("serviceusage", "v1").services()
    name = f"{PARENT}/services/bigqueryconnection.googleapis.com"
    operation = services.enable(name=name).execute()
    assert operation["done"] and operation["response"]["service"]["state"] == "ENABLED"
    assert connections.list(parent=parent).execute() == {"connections": []}
    services.disable(name=name, body={}).execute()
    with pytest.raises(HttpError, match="it is disabled"):
        connections.list(parent=parent).execute()


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_an_operation_can_be_read_under_both_versions(cloud: Running, version: str) -> None:
    body = {"serviceIds": ["aiplatform.googleapis.com", "dataform.googleapis.com"]}
    made: dict[str, Any] = cloud.http.post(f"/serviceusage/v1/{PARENT}/services:batchEnable", json=body).json()
    assert cloud.http.get(f"/serviceusage/{version}/{made['name']}").json() == made
    assert {"aiplatform.googleapis.com", "dataform.googleapis.com"} <= enabled(cloud)


def test_the_provider_s_listing_holds_names_and_no_more(cloud: Running) -> None:
    query = {
        "fields": "services/name,nextPageToken",
        "filter": "state:ENABLED",
        "pageSize": "200",
        "prettyPrint": "false",
    }
    answer = cloud.http.get(f"/serviceusage/v1/{PARENT}/services", params=query).json()
    assert {"name": "projects/100000000001/services/bigquery.googleapis.com"} in answer["services"]
    assert all(set(service) == {"name"} for service in answer["services"])


def test_unknown_services_are_refused_by_name_and_none_of_their_batch_is_enabled(cloud: Running) -> None:
    body = {"serviceIds": ["aiplatform.googleapis.com", "madeup.googleapis.com"]}
    answer = cloud.http.post(f"/serviceusage/v1/{PARENT}/services:batchEnable", json=body)
    assert (answer.status_code, "service 'madeup.googleapis.com'" in answer.text) == (501, True)
    assert "aiplatform.googleapis.com" not in enabled(cloud)


@pytest.mark.parametrize("fields", ["services(", "services)", "a,,b", "/name"])
def test_a_malformed_field_selection_is_refused(cloud: Running, fields: str) -> None:
    answer = cloud.http.get(f"/serviceusage/v1/{PARENT}/services", params={"fields": fields})
    assert (answer.status_code, "Invalid field selection" in answer.text) == (400, True)
