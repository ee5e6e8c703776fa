"""The real Pulumi engine, the stand-in plugin as it is installed, the real local cloud: one resource of every type."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.core.home import call
from localcloud.testing import RunningCloud, running_cloud
from offline.gcp_plugin import install
from tests.checkout import CHECKOUT

PROGRAM = Path(__file__).parent / "program"
CHANGES_NOTHING = ("--expect-no-changes",)


@dataclass
class Stack:
    """A stack of the program on a cloud of its own."""

    folder: Path
    environment: dict[str, str]
    cloud: RunningCloud

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--non-interactive"]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self, *arguments: str, **options: bool) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, **options)

    def outputs(self) -> dict[str, Any]:
        return dict(json.loads(self.pulumi("stack", "output", "--json").stdout))

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources in the state, by name."""
        deployment = json.loads(self.pulumi("stack", "export").stdout)["deployment"]
        return {resource["urn"].rpartition("::")[2]: resource for resource in deployment.get("resources", [])}

    def rest(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return call(self.cloud.url, path, body, method=method)


def tool_path() -> str:
    """PATH with the Pulumi CLI and the Python of this project."""
    found = subprocess.run(
        [sys.executable, "-m", "offline.pulumi_cli", "path"], cwd=CHECKOUT, capture_output=True, text=True
    )
    path = os.pathsep.join(filter(None, [f"{sys.prefix}/bin", found.stdout.strip(), os.environ["PATH"]]))
    if shutil.which("pulumi", path=path) is None:
        pytest.skip(f"no Pulumi CLI; `python3 -m offline.pulumi_cli ensure` gets one. {found.stderr.strip()}")
    return path


def settings(url: str) -> dict[str, str]:
    """The provider's configuration of a local stack."""
    endpoints = {
        "bigQuery": "bigquery/v2",
        "bigqueryConnection": "bigqueryconnection/v1",
        "dataform": "dataform/v1beta1",
        "resourceManager": "cloudresourcemanager/v1",
        "serviceUsage": "serviceusage/v1beta1",
        "storage": "storage/v1",
    }
    configuration = {f"gcp:{name}CustomEndpoint": f"{url}/{path}/" for name, path in endpoints.items()}
    return configuration | {"gcp:project": "local-project", "gcp:accessToken": "local"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, deployed."""
    path = tool_path()
    folder = tmp_path_factory.mktemp("engine")
    shutil.copy(PROGRAM / "__main__.py", folder)
    runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "pictures", "runtime": runtime}))
    (folder / "state").mkdir()
    install.install(folder / "home")
    with running_cloud(folder / "cloud") as cloud:
        cloud.control("settings", {"service_account_delay": 0})
        cloud.storage.create_bucket("demo-images")
        (folder / "Pulumi.test.yaml").write_text(json.dumps({"config": settings(cloud.url)}))
        environment = {
            "PATH": path,
            "HOME": str(folder),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_STACK": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        stack = Stack(folder, environment, cloud)
        stack.pulumi("stack", "init", "test")
        stack.up()
        yield stack


def test_a_second_up_changes_nothing_and_warns_of_nothing(stack: Stack) -> None:
    done = stack.up(*CHANGES_NOTHING)
    assert "warning" not in done.stdout + done.stderr


def test_what_the_cloud_tells_reaches_the_program(stack: Stack) -> None:
    outputs = stack.outputs()
    assert outputs["member"].startswith("serviceAccount:bqcx-100000000001-")
    assert outputs["table"]["id"] == "projects/local-project/datasets/pictures/tables/pictures"
    assert (outputs["table"]["type"], outputs["table"]["location"]) == ("EXTERNAL", "US")
    assert [field["name"] for field in json.loads(outputs["table"]["schema"])][:2] == ["uri", "generation"]
    assert outputs["dataset"]["link"].endswith("/bigquery/v2/projects/local-project/datasets/pictures")
    assert outputs["labels"] == {"made-by": "test"}
    assert stack.cloud.bigquery.get_dataset("pictures").labels == {
        "made-by": "test",
        "goog-pulumi-provisioned": "true",
    }


def test_a_refresh_finds_nothing_even_after_others_changed_the_policy(stack: Stack) -> None:
    policy = stack.rest("POST", "/cloudresourcemanager/v1/projects/local-project:getIamPolicy", {})
    policy["bindings"].append({"role": "roles/bigquery.admin", "members": ["user:somebody@example.com"]})
    stack.rest("POST", "/cloudresourcemanager/v1/projects/local-project:setIamPolicy", {"policy": policy})
    stack.up("--refresh", *CHANGES_NOTHING)


def test_what_was_deleted_and_changed_by_hand_is_put_back(stack: Stack) -> None:
    repository = "projects/local-project/locations/us-central1/repositories/pictures"
    stack.rest("DELETE", f"/dataform/v1beta1/{repository}?force=true")
    dataset = stack.cloud.bigquery.get_dataset("pictures")
    dataset.description = "changed by hand"
    stack.cloud.bigquery.update_dataset(dataset, ["description"])
    done = stack.up("--refresh")
    assert "+ 1 created" in done.stdout
    assert "~ 1 updated" in done.stdout
    assert stack.rest("GET", f"/dataform/v1beta1/{repository}")["name"] == repository
    assert stack.cloud.bigquery.get_dataset("pictures").description is None


@pytest.fixture(scope="module")
def changed(stack: Stack) -> subprocess.CompletedProcess[str]:
    """An update after the program's settings changed: a description that is a secret, a table of other objects."""
    return stack.up("--config", "description=not for everybody", "--config", "prefix=some/")


@pytest.mark.usefixtures("changed")
def test_a_secret_argument_is_sent_and_stays_a_secret(stack: Stack) -> None:
    assert stack.cloud.bigquery.get_dataset("pictures").description == "not for everybody"
    dataset = stack.resources()["dataset"]
    assert "ciphertext" in dataset["inputs"]["description"]
    assert "ciphertext" in dataset["outputs"]["description"]


def test_a_table_of_other_objects_is_replaced(stack: Stack, changed: subprocess.CompletedProcess[str]) -> None:
    assert "1 replaced" in changed.stdout
    table = stack.cloud.bigquery.get_table("pictures.pictures").to_api_repr()
    assert table["externalDataConfiguration"]["sourceUris"] == ["gs://demo-images/some/*"]


def test_what_exists_can_be_adopted(stack: Stack) -> None:
    stack.cloud.bigquery.create_dataset("made_before")
    identifier = "projects/local-project/datasets/made_before"
    importing = ("import", "gcp:bigquery/dataset:Dataset", "adopted", identifier, "--yes", "--skip-preview")
    stack.pulumi(*importing, "--generate-code=false", "--protect=false")
    adopted = stack.resources()["adopted"]
    assert adopted["id"] == identifier
    assert adopted["inputs"]["datasetId"] == "made_before"


def test_destroying_leaves_what_the_program_did_not_make(stack: Stack) -> None:
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert list(stack.resources()) == []
    assert list(stack.cloud.bigquery.list_datasets()) == []
    policy = stack.rest("POST", "/cloudresourcemanager/v1/projects/local-project:getIamPolicy", {})
    assert {binding["role"] for binding in policy["bindings"]} == {"roles/owner", "roles/bigquery.admin"}
    services = stack.rest("GET", "/serviceusage/v1/projects/local-project/services?filter=state:ENABLED")["services"]
    assert any(service["name"].endswith("/dataform.googleapis.com") for service in services), "APIs are left on"
    assert stack.cloud.storage.get_bucket("demo-images") is not None


def test_a_cloud_that_is_not_there_is_one_line_with_the_remedy(stack: Stack) -> None:
    done = stack.up("--config", "gcp:bigQueryCustomEndpoint=http://127.0.0.1:9/bigquery/v2/", check=False)
    assert done.returncode != 0
    assert "error: the local cloud is not running at http://127.0.0.1:9: start it with `make up`" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
