"""The provider's configuration: arguments, environment, defaults it gives to resources."""

from __future__ import annotations

import json

from offline.gcp_plugin.configuration import ENDPOINTS, configure
from offline.tests.gcp_plugin.engine_client import EngineClient
from offline.tests.gcp_plugin.smallest_cloud import SmallestCloud


def test_settings_fall_back_to_the_environment_variables_of_googles_provider() -> None:
    environment = {variable: f"http://127.0.0.1:8440/{name}/v1/" for name, variable in ENDPOINTS.items()}
    environment |= {"GOOGLE_OAUTH_ACCESS_TOKEN": "t", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_REGION": "r"}
    configuration = configure({"region": "mine"}, environment)
    assert configuration.endpoints == {name: environment[variable] for name, variable in ENDPOINTS.items()}
    assert (configuration.access_token, configuration.project, configuration.region) == ("t", "p", "mine")


def test_resources_get_the_providers_project_region_and_labels(plugin: EngineClient, google: SmallestCloud) -> None:
    labels = {"defaultLabels": json.dumps({"team": "art"}), "region": "europe-west1"}
    plugin.configure(google.settings() | labels)
    repository = plugin.create("gcp:dataform/repository:Repository", {"name": "r", "labels": {"a": "b"}})
    assert repository.identifier == "projects/test-project/locations/europe-west1/repositories/r"
    assert google.requests[0].body is not None
    assert google.requests[0].body["labels"] == {"team": "art", "a": "b", "goog-pulumi-provisioned": "true"}


def test_the_attribution_label_can_be_switched_off(plugin: EngineClient, google: SmallestCloud) -> None:
    plugin.configure(google.settings() | {"addPulumiAttributionLabel": "false"})
    plugin.create("gcp:bigquery/dataset:Dataset", {"datasetId": "d"})
    assert "labels" not in (google.requests[0].body or {})


def test_a_secret_token_is_understood(plugin: EngineClient, google: SmallestCloud) -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}
    plugin.configure(google.settings() | {"accessToken": secret})
    plugin.create("gcp:bigquery/dataset:Dataset", {"datasetId": "d"})
    assert google.requests[0].headers["Authorization"] == "Bearer hush"


def test_a_repository_without_a_name_gets_one_and_keeps_it(engine: EngineClient) -> None:
    token = "gcp:dataform/repository:Repository"
    inputs = engine.check(token, {"region": "us-central1"}, name="notebook")
    assert inputs["name"] == "notebook-0123456"
    assert engine.check(token, {"region": "us-central1"}, {"name": "notebook-abcdef0"})["name"] == "notebook-abcdef0"


def test_a_connections_full_name_tells_its_project_and_location(engine: EngineClient) -> None:
    arguments = {
        "connectionId": "projects/other/locations/EU/connections/c",
        "role": "roles/viewer",
        "member": "user:me@example.com",
    }
    made = engine.create("gcp:bigquery/connectionIamMember:ConnectionIamMember", arguments)
    assert made.identifier == "projects/other/locations/EU/connections/c/roles/viewer/user:me@example.com"
