"""What each stack file declares is what was reviewed; a bad config declares nothing."""

from __future__ import annotations

import difflib
import json
from functools import cache
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.inventory import golden
from tests.inventory.record import record
from tests.inventory.stack_files import STACK_FILES, StackFile

STACKS = pytest.mark.parametrize("stack", STACK_FILES, ids=[file.stack for file in STACK_FILES])
LOCAL = next(file for file in STACK_FILES if file.stack == "local")


@cache
def _now(stack: str) -> str:
    return golden.text(next(file for file in STACK_FILES if file.stack == stack))


@STACKS
def test_a_stack_declares_what_its_inventory_says(stack: StackFile) -> None:
    kept = golden.path(stack.stack).read_text(encoding="utf-8") if golden.path(stack.stack).exists() else ""
    difference = "\n".join(
        difflib.unified_diff(
            kept.splitlines(),
            _now(stack.stack).splitlines(),
            golden.path(stack.stack).name,
            "declared now",
            lineterm="",
        )
    )
    if difference:
        pytest.fail(f"If this is meant: python -m tests.inventory.update\n{difference}", pytrace=False)


def test_no_inventory_is_left_of_a_stack_that_is_gone() -> None:
    assert {path.stem for path in golden.FOLDER.glob("*.yaml")} == {file.stack for file in STACK_FILES}


@STACKS
def test_everything_stands_where_the_dataset_stands(stack: StackFile) -> None:
    located = [entry["inputs"]["location"] for entry in _resources(stack) if "location" in entry.get("inputs", {})]
    assert len(located) >= 8
    assert set(located) == {stack.settings.dataset.location}


@STACKS
def test_destroying_a_stack_takes_nothing_that_is_not_its_own(stack: StackFile) -> None:
    (dataset,) = _of_type(stack, "gcp:bigquery/dataset:Dataset")
    assert dataset["inputs"]["deleteContentsOnDestroy"] is False
    services = _of_type(stack, "gcp:projects/service:Service")
    assert services
    assert all(service["inputs"]["disableOnDestroy"] is False for service in services)


@STACKS
def test_the_service_account_gets_the_roles_it_needs_and_no_more(stack: StackFile) -> None:
    assert [grant["inputs"]["role"] for grant in _of_type(stack, "gcp:projects/iAMMember:IAMMember")] == [
        "roles/aiplatform.user"
    ]
    granted = {
        (grant["inputs"]["bucket"], grant["inputs"]["role"])
        for grant in _of_type(stack, "gcp:storage/bucketIAMMember:BucketIAMMember")
    }
    images = stack.settings.images
    roles = ("roles/storage.objectViewer", "roles/storage.legacyBucketReader")
    assert granted == {(bucket, role) for bucket in images.buckets if not images.public for role in roles}


@STACKS
def test_every_grant_is_tried_again_while_the_service_account_is_not_there(stack: StackFile) -> None:
    grants = [entry for entry in _resources(stack) if "role" in entry.get("inputs", {})]
    assert grants
    assert all(grant["on_error"] == ["grant-not-yet"] for grant in grants)


@STACKS
def test_the_model_waits_for_every_grant(stack: StackFile) -> None:
    (model,) = _of_type(stack, "pulumi-python:dynamic/bigquery:RemoteModel")
    grants = {entry["name"] for entry in _resources(stack) if "role" in entry.get("inputs", {})}
    assert grants <= set(model["depends_on"])


def test_a_stack_without_a_notebook_declares_nothing_of_it() -> None:
    recorded = record("local", {**LOCAL.config, "image-search:notebook": {"enabled": False}})
    its_own = ("image-search:index:Notebook", "pulumi-python:dynamic/bigquery:Preflight")  # none, and "none"
    declared = json.dumps([entry for entry in recorded["resources"] if entry["type"] not in its_own])
    assert recorded["error"] == "" and "notebook" in recorded["outputs"]
    assert "dataform" not in declared and "notebook" not in declared


BAD_CONFIG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"image-search:images": {"uri": "gs://demo-images/*"}}, "images.uri is not a setting"),
    "a wrong type": ({"image-search:embedding": {"dimension": "long"}}, "embedding.dimension: must be a whole number"),
    "no project": ({"gcp:project": ""}, "The stack has no Google Cloud project"),
    "no project id": ({"gcp:project": "My Project"}, "'My Project' is not a project id"),
}


@pytest.mark.parametrize("case", BAD_CONFIG)
def test_a_bad_config_ends_the_program_before_anything_is_registered(case: str) -> None:
    wrong, said = BAD_CONFIG[case]
    recorded = record("local", {**LOCAL.config, **wrong})
    assert recorded["resources"] == []
    assert said in recorded["error"]
    assert len(recorded["error"].splitlines()) == 2, "one line of what is wrong, one of what to do"


@STACKS
def test_everything_waits_for_preflight(stack: StackFile) -> None:
    """Also what other components do not lead to it: nothing is registered before."""
    recorded = record(stack.stack, stack.config, fails="Preflight")
    assert [entry["name"] for entry in recorded["resources"]] == ["preflight"]


def _resources(stack: StackFile) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = yaml.safe_load(_now(stack.stack))["resources"]
    return resources


def _of_type(stack: StackFile, type_: str) -> list[dict[str, Any]]:
    return [entry for entry in _resources(stack) if entry["type"] == type_]
