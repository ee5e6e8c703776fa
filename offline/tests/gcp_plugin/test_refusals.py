"""What the plugin does not support is refused by name when the engine checks, never later, and is never ignored."""

from __future__ import annotations

import pytest

from offline.gcp_plugin.configuration import ENDPOINTS
from offline.tests.gcp_plugin.engine_client import EngineClient, Refused
from offline.tests.gcp_plugin.smallest_cloud import SmallestCloud
from offline.tests.gcp_plugin.test_requests import ARGUMENTS


def test_another_resource_type_is_refused_by_name(engine: EngineClient) -> None:
    [(_, reason)] = engine.refusals("gcp:storage/bucket:Bucket", {"location": "US"})
    assert reason == "Unsupported by the stand-in gcp plugin: resource type gcp:storage/bucket:Bucket"


@pytest.mark.parametrize(
    ("token", "argument"),
    [
        ("gcp:bigquery/dataset:Dataset", {"defaultTableExpirationMs": 3600000}),
        ("gcp:bigquery/connection:Connection", {"kmsKeyName": "k"}),
        ("gcp:bigquery/table:Table", {"clusterings": ["uri"]}),
        ("gcp:projects/iAMMember:IAMMember", {"condition": {"title": "t", "expression": "true"}}),
        ("gcp:storage/bucketIAMMember:BucketIAMMember", {"condition": {"title": "t", "expression": "true"}}),
        ("gcp:dataform/repository:Repository", {"gitRemoteSettings": {"url": "u", "defaultBranch": "main"}}),
        ("gcp:projects/service:Service", {"someday": True}),
    ],
)
def test_an_argument_that_would_be_ignored_is_refused_by_name(
    engine: EngineClient, token: str, argument: dict[str, object]
) -> None:
    [name] = argument
    assert engine.refusals(token, ARGUMENTS[token] | argument) == [
        (name, f"Unsupported by the stand-in gcp plugin: argument '{name}'")
    ]


def test_an_argument_inside_an_argument_is_refused_by_its_path(engine: EngineClient) -> None:
    arguments = ARGUMENTS["gcp:bigquery/table:Table"]
    external = {**arguments["externalDataConfiguration"], "csvOptions": {"quote": '"'}}
    [(path, reason)] = engine.refusals("gcp:bigquery/table:Table", {**arguments, "externalDataConfiguration": external})
    assert path == "externalDataConfiguration.csvOptions"
    assert "argument 'externalDataConfiguration.csvOptions'" in reason


def test_a_table_that_is_no_object_table_is_refused(engine: EngineClient) -> None:
    arguments = ARGUMENTS["gcp:bigquery/table:Table"]
    external = {k: v for k, v in arguments["externalDataConfiguration"].items() if k != "objectMetadata"}
    [(_, reason)] = engine.refusals("gcp:bigquery/table:Table", {**arguments, "externalDataConfiguration": external})
    assert "object tables only" in reason


@pytest.mark.parametrize(
    ("token", "missing"),
    [
        ("gcp:bigquery/dataset:Dataset", "datasetId"),
        ("gcp:bigquery/connection:Connection", "cloudResource"),
        ("gcp:bigquery/table:Table", "externalDataConfiguration"),
        ("gcp:projects/iAMMember:IAMMember", "member"),
        ("gcp:storage/bucketIAMMember:BucketIAMMember", "bucket"),
        ("gcp:dataform/repository:Repository", "region"),
        ("gcp:projects/service:Service", "service"),
    ],
)
def test_a_missing_argument_is_named(engine: EngineClient, token: str, missing: str) -> None:
    arguments = {name: value for name, value in ARGUMENTS[token].items() if name != missing}
    assert engine.refusals(token, arguments) == [(missing, f"Missing required property '{missing}'")]


def test_an_argument_of_the_wrong_kind_is_named(engine: EngineClient) -> None:
    arguments = {"datasetId": 5, "labels": {"a": 1}, "deletionPolicy": "KEEP", "deleteContentsOnDestroy": "yes"}
    refusals = engine.refusals("gcp:bigquery/dataset:Dataset", arguments)
    assert refusals == [
        ("datasetId", "'datasetId' must be a string, not 5"),
        ("labels", "'labels' must hold strings only"),
        ("deleteContentsOnDestroy", "'deleteContentsOnDestroy' must be a boolean, not 'yes'"),
        ("deletionPolicy", "'deletionPolicy' must be one of DELETE, PREVENT, ABANDON, not 'KEEP'"),
    ]


def test_another_function_is_refused_by_name(engine: EngineClient) -> None:
    with pytest.raises(Refused, match="Unsupported by the stand-in gcp plugin: function gcp:bigquery/getTables"):
        engine.invoke("gcp:bigquery/getTables:getTables", {"datasetId": "d"})
    with pytest.raises(Refused, match="Unsupported by the stand-in gcp plugin: argument 'userProject' of function"):
        engine.invoke("gcp:storage/getBucket:getBucket", {"name": "b", "userProject": "p"})


@pytest.mark.parametrize("url", ["https://bigquery.googleapis.com/bigquery/v2/", "http://10.0.0.7:8440/bigquery/v2/"])
def test_an_endpoint_that_is_not_on_loopback_is_refused(plugin: EngineClient, google: SmallestCloud, url: str) -> None:
    settings = google.settings() | {"bigQueryCustomEndpoint": url}
    [reason] = plugin.check_config(settings)
    assert "gcp:bigQueryCustomEndpoint" in reason
    assert "loopback only" in reason
    with pytest.raises(Refused, match="loopback only"):
        plugin.configure(settings)


def test_a_configuration_without_endpoints_is_refused(plugin: EngineClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ENDPOINTS.values():
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(Refused, match="needs endpoints on loopback"):
        plugin.configure({"project": "my-project"})


def test_a_type_whose_endpoint_is_missing_is_refused_at_preview(plugin: EngineClient, google: SmallestCloud) -> None:
    settings = {name: value for name, value in google.settings().items() if name != "dataformCustomEndpoint"}
    plugin.configure(settings)
    [(_, reason)] = plugin.refusals(
        "gcp:dataform/repository:Repository", ARGUMENTS["gcp:dataform/repository:Repository"]
    )
    assert reason == "gcp:dataformCustomEndpoint is not set: gcp:dataform/repository:Repository needs it"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cloudResourceManagerCustomEndpoint", "set gcp:resourceManagerCustomEndpoint"),
        ("bigQueryConnectionCustomEndpoint", "set gcp:bigqueryConnectionCustomEndpoint"),
        ("impersonateServiceAccount", "Unsupported by the stand-in gcp plugin: provider setting"),
    ],
)
def test_a_setting_without_effect_is_refused_by_name(
    plugin: EngineClient, google: SmallestCloud, name: str, expected: str
) -> None:
    [reason] = plugin.check_config({**google.settings(), name: google.settings()["storageCustomEndpoint"]})
    assert f"gcp:{name}" in reason
    assert expected in reason
