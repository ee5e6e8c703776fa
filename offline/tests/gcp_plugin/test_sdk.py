"""The plugin against pulumi_gcp 10.2.0: it can set every output that the SDK's class declares."""

from __future__ import annotations

import importlib
import inspect
import json
import re

import pytest

from offline.gcp_plugin import VERSION
from offline.gcp_plugin.properties import UNKNOWN
from offline.gcp_plugin.resource_types import RESOURCE_TYPES, schema
from offline.tests.gcp_plugin.engine_client import EngineClient
from offline.tests.gcp_plugin.test_requests import ARGUMENTS

pytestmark = pytest.mark.filterwarnings("ignore:gcp.* has been deprecated in favor of:DeprecationWarning")


def sdk_names(token: str) -> tuple[set[str], set[str]]:
    """(arguments, outputs) that the SDK's classes for a type declare, as the engine spells them."""
    module_path, class_name = token.split(":")[1:]
    folder, module = module_path.split("/")
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", module.replace("iAM", "iam_").replace("IAM", "_iam_")).lower()
    sdk = importlib.import_module(f"pulumi_gcp.{folder}.{snake}")
    arguments = _getters(getattr(sdk, f"{class_name}Args"))
    return arguments, _getters(getattr(sdk, class_name)) - {"id", "urn"}


def _getters(sdk_class: type) -> set[str]:
    properties = inspect.getmembers(sdk_class, lambda member: isinstance(member, property))
    names = {getattr(p.fget, "_pulumi_name", None) or name for name, p in properties}
    return {name for name in names if not name.startswith("pulumi_")}


def test_the_plug_stands_in_for_the_sdk_that_is_installed() -> None:
    module = importlib.import_module("pulumi_gcp")
    plugin = json.loads((importlib.resources.files(module) / "pulumi-plugin.json").read_text())
    assert plugin["version"] == VERSION


@pytest.mark.parametrize("token", RESOURCE_TYPES)
def test_every_argument_of_the_plug_is_one_of_the_sdk(token: str) -> None:
    arguments, _ = sdk_names(token)
    assert {argument.name for argument in RESOURCE_TYPES[token].arguments} <= arguments


@pytest.mark.parametrize("token", RESOURCE_TYPES)
def test_every_output_only_the_service_knows_is_told(engine: EngineClient, token: str) -> None:
    arguments, outputs = sdk_names(token)
    made = engine.create(token, ARGUMENTS[token])
    assert outputs - arguments <= set(made.state) | {"schema"}
    assert {output.name for output in RESOURCE_TYPES[token].outputs} <= outputs


@pytest.mark.parametrize("token", RESOURCE_TYPES)
def test_a_preview_knows_the_arguments_and_leaves_the_rest_open(engine: EngineClient, token: str) -> None:
    expected = engine.preview(token, ARGUMENTS[token])
    told_later = {output.name for output in RESOURCE_TYPES[token].outputs} - {"pulumiLabels"}
    assert {name for name, value in expected.items() if value == UNKNOWN} == told_later
    assert expected.items() >= {k: v for k, v in ARGUMENTS[token].items() if not isinstance(v, dict)}.items()


def test_the_schema_describes_the_types_that_are_supported() -> None:
    resources = schema()["resources"]
    assert set(resources) == set(ARGUMENTS)
    dataset = resources["gcp:bigquery/dataset:Dataset"]
    assert dataset["requiredInputs"] == ["datasetId"]
    assert dataset["properties"]["creationTime"] == {"type": "integer"}
