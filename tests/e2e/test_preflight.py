"""Preflight with the real engine and callers of few rights: everything missing in one report and nothing made, then
what the report says is done, and it passes. The tests build on each other, in this order."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import yaml

from imagesearch.gcp import permissions
from tests.e2e.conftest import storage_client
from tests.e2e.generated import control, fill, outputs_of, refused, running, said, state
from tests.e2e.stack import Stack

MEMBER = "user:newcomer@example.com"
PROJECT = "local-project"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory) as made:
        control(made, "settings", {"propagation_delay": 0, "service_account_delay": 0})
        yield made


def call_as(stack: Stack, token: str) -> None:
    """From now on the stack's caller is another."""
    config = yaml.safe_load(stack.config.read_text())
    config["config"]["gcp:accessToken"] = token
    stack.config.write_text(yaml.safe_dump(config, sort_keys=False))


def preflight(stack: Stack, code: int) -> dict[str, Any]:
    """What the command says, and its exit code."""
    done = stack.run(".venv/bin/python", "-m", "imagesearch", "preflight", "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def mend(stack: Stack, command: str) -> None:
    """Do on the local cloud, as its owner, what a gcloud command of the report does."""
    words = shlex.split(command)
    role = next(word.removeprefix("--role=") for word in words if word.startswith("--role="))
    grant = {"role": role, "members": [MEMBER]}
    url = f"http://127.0.0.1:{stack.port}"
    if words[:3] == ["gcloud", "projects", "add-iam-policy-binding"]:
        path = f"{url}/cloudresourcemanager/v1/projects/{words[3]}"
        policy = requests.post(f"{path}:getIamPolicy", timeout=30).json()
        policy["bindings"].append(grant)
        answer = requests.post(f"{path}:setIamPolicy", json={"policy": policy}, timeout=30)
    else:
        assert words[:4] == ["gcloud", "storage", "buckets", "add-iam-policy-binding"]
        path = f"{url}/storage/v1/b/{words[4].removeprefix('gs://')}/iam"
        policy = requests.get(path, timeout=30).json()
        policy["bindings"].append(grant)
        answer = requests.put(path, json=policy, timeout=30)
    assert answer.ok, answer.text


def test_a_preview_without_a_stack_says_the_most_it_can_cost_and_warns_of_the_retiring_endpoint(stack: Stack) -> None:
    told = said(stack.pulumi("preview"))
    assert "embed at most 10,000 images (images.limit): about $1.00, at least 17 minutes at US's quota" in told
    assert re.search(r"multimodalembedding@001 (retires|was retired) on 2027-04-01", told)
    done = stack.run(".venv/bin/python", "-m", "imagesearch", "plan")
    assert "There is no such stack yet. A first `pulumi up` would embed at most 10,000 images" in done.stdout
    assert stack.ledger()["paid"] == 0


def test_a_bucket_elsewhere_is_reported_and_nothing_is_made(stack: Stack) -> None:
    storage_client(stack).create_bucket("far-away", location="EUROPE-WEST1")
    config = stack.config.read_text()
    stack.set(images={"uris": ["gs://far-away/*"]})
    failure = refused(stack.up(check=False))
    assert "gs://far-away is in europe-west1, and dataset.location is US" in failure
    assert [r["type"] for r in state(stack) if not r["type"].startswith("pulumi:")] == []
    stack.config.write_text(config)


def test_a_caller_without_any_role_is_told_everything_that_is_missing_and_nothing_is_made(stack: Stack) -> None:
    call_as(stack, control(stack, "token", {"member": MEMBER})["token"])
    failure = refused(stack.up(check=False))
    for permission in [*permissions.on_project(first=True, index=True), *permissions.ON_BUCKET]:
        assert permission in failure
    assert "serviceusage.services.list" in failure and "Nothing was created or changed" in failure
    assert [r["type"] for r in state(stack) if not r["type"].startswith("pulumi:")] == []
    assert not preflight(stack, code=1)["ready"]


def test_with_what_the_report_says_done_it_passes_and_so_does_up(stack: Stack) -> None:
    findings = preflight(stack, code=1)["findings"]
    roles = set()
    for command in {finding["commands"][0] for finding in findings if finding["kind"] == "missing"}:
        mend(stack, command)
        roles.add(command.rsplit("--role=", 1)[1])
    assert roles == {
        "roles/bigquery.studioAdmin",
        "roles/resourcemanager.projectIamAdmin",
        "roles/serviceusage.serviceUsageAdmin",
        "roles/storage.admin",
    }, "the roles that the README asks for"
    assert preflight(stack, code=0)["ready"]
    stack.up()
    assert outputs_of(stack)["embedded"] == 6
    stack.up("--expect-no-changes")


def test_an_up_of_a_stack_that_is_there_needs_no_right_to_grant(stack: Stack) -> None:
    helper = "user:helper@example.com"
    url = f"http://127.0.0.1:{stack.port}/cloudresourcemanager/v1/projects/{PROJECT}"
    policy = requests.post(f"{url}:getIamPolicy", timeout=30).json()
    policy["bindings"].append({"role": "roles/bigquery.studioAdmin", "members": [helper]})
    requests.post(f"{url}:setIamPolicy", json={"policy": policy}, timeout=30).raise_for_status()
    rights = storage_client(stack).bucket("demo-images").get_iam_policy(requested_policy_version=3)
    rights.bindings.append({"role": "roles/storage.legacyBucketReader", "members": {helper}})
    storage_client(stack).bucket("demo-images").set_iam_policy(rights)
    call_as(stack, control(stack, "token", {"member": helper})["token"])
    fill(stack, ["one-more.jpg"])
    stack.up()
    assert outputs_of(stack)["embedded"] == 7


def test_the_plan_of_a_stack_that_is_there_counts_and_pays_nothing(stack: Stack) -> None:
    before = stack.ledger()
    fill(stack, ["two-more.jpg"])
    stack.set(images={"limit": 8}, embedding={"budgetUsd": 0.00001})
    done = stack.run(".venv/bin/python", "-m", "imagesearch", "plan", "--json")
    ahead = json.loads(done.stdout)
    assert (ahead["source"], ahead["new"], ahead["changed"], ahead["embed"]["images"]) == ("data", 1, 0, 1)
    assert "Embedding 1 images costs about $0.0001, over embedding.budgetUsd = 1e-05" in ahead["refusals"][0]
    assert "this would be refused: Embedding 1 images" in said(stack.pulumi("preview"))
    stack.set(embedding={"dimension": 128})
    words = stack.run(".venv/bin/python", "-m", "imagesearch", "plan").stdout
    assert "embed 8 new and 0 changed images" in words, "another length is another table"
    assert "embed at most 8 images" in said(stack.pulumi("preview"))
    assert stack.ledger() == before


def test_a_caller_who_lost_what_converging_needs_is_told_before_anything_is_changed(stack: Stack) -> None:
    call_as(stack, control(stack, "token", {"member": "user:stranger@example.com"})["token"])
    failure = refused(stack.up(check=False))
    assert "bigquery.jobs.create" in failure and "bigquery.datasets.create" not in failure
    assert "embedded" in outputs_of(stack), "the stack still knows what it is"


def test_a_resource_manager_that_is_disabled_is_said_and_no_success_is_claimed(stack: Stack) -> None:
    call_as(stack, "local")
    url = f"http://127.0.0.1:{stack.port}/serviceusage/v1/projects/{PROJECT}/services"
    requests.post(f"{url}/cloudresourcemanager.googleapis.com:disable", json={}, timeout=30).raise_for_status()
    found = preflight(stack, code=1)
    (missing,) = [finding for finding in found["findings"] if finding["kind"] == "missing"]
    assert "the caller's permissions could not be checked" in missing["what"]
    assert missing["commands"] == [f"gcloud services enable cloudresourcemanager.googleapis.com --project={PROJECT}"]
