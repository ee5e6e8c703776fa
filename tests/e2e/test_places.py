"""The stack files for other places, as they stand, side by side in one project: each with its location's quota and a
private bucket there. With the real engine; the tests build on each other, in this order."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from google.api_core.exceptions import BadRequest, Forbidden
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from imagesearch.settings.endpoints import MULTIMODAL_EMBEDDING
from tests.e2e.conftest import storage_client
from tests.e2e.generated import control, counts, fill, outputs_of, refused
from tests.e2e.stack import CHECKOUT, Stack

IMAGES = 100
NAMES = [f"{number:03}.jpg" for number in range(IMAGES)]
ROLES = {"roles/storage.objectViewer", "roles/storage.legacyBucketReader"}
LOCATIONS = {"eu": "EU", "tokyo": "asia-northeast1"}
Stacks = dict[str, Stack]


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    """Two stacks in one project, a bucket with pictures for each; quotas hold, on a clock that costs no waiting."""
    folder = tmp_path_factory.mktemp("stacks") / "project"
    made = {"eu": Stack(folder, embedder="hash", name="eu")}
    made["tokyo"] = Stack(folder, made["eu"].port, name="tokyo")
    made["eu"].start_cloud()
    try:
        for name, stack in made.items():
            storage_client(stack).create_bucket(f"my-images-{name}", location=LOCATIONS[name])
            fill(stack, NAMES, f"my-images-{name}")
            stack.init()
        control(made["eu"], "settings", {"enforce_quota": True})
        control(made["eu"], "clock", {"speed": 0})
        yield made
    finally:
        made["eu"].stop_cloud()


def warehouse(stack: Stack) -> bigquery.Client:
    """A client for the place of the stack."""
    return bigquery.Client(
        "local-project",
        AnonymousCredentials(),
        location=LOCATIONS[stack.name],
        client_options={"api_endpoint": f"http://127.0.0.1:{stack.port}"},
    )


def both(stacks: Stacks, act: Callable[[Stack], subprocess.CompletedProcess[str]]) -> None:
    """Do the same with both stacks at the same time."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(act, [stacks["eu"], stacks["tokyo"]]))


def state(stack: Stack) -> dict[str, str]:
    """Every table and model of a stack, and the tag that changes with it."""
    client = warehouse(stack)
    dataset = outputs_of(stack)["dataset"]
    tables = {each.table_id: client.get_table(each).etag for each in client.list_tables(dataset)}
    return tables | {each.model_id: client.get_model(each.reference).etag for each in client.list_models(dataset)}


def readers(stack: Stack, bucket: str) -> dict[str, set[str]]:
    """The service accounts of connections that hold roles on a bucket, and which."""
    policy = storage_client(stack).bucket(bucket).get_iam_policy()
    held: dict[str, set[str]] = {}
    for binding in policy.bindings:
        for member in binding["members"]:
            kind, _, name = member.partition(":")
            if kind == "serviceAccount":
                held.setdefault(name, set()).add(binding["role"])
    return held


def callers(stack: Stack) -> set[str]:
    """The service accounts that may call the endpoint."""
    url = f"http://127.0.0.1:{stack.port}/cloudresourcemanager/v1/projects/local-project:getIamPolicy"
    bindings = requests.post(url, json={}, timeout=30).json()["bindings"]
    granted = next((b["members"] for b in bindings if b["role"] == "roles/aiplatform.user"), [])
    return {member.removeprefix("serviceAccount:") for member in granted}


def made(stack: Stack) -> dict[str, int]:
    """How many of each kind of thing that stacks make are in the cloud."""
    there = control(stack, "state", method="GET")["resources"]
    return {kind: there[kind] for kind in ("dataset", "table", "model", "connection", "repository")}


def test_a_bucket_in_another_place_is_refused_before_anything_is_made(stacks: Stacks) -> None:
    stacks["eu"].set(images={"uris": ["gs://my-images-tokyo/*"]})
    failure = refused(stacks["eu"].up(check=False))
    assert "gs://my-images-tokyo is in asia-northeast1, and dataset.location is EU" in failure
    assert readers(stacks["eu"], "my-images-tokyo") == {}
    stacks["eu"].set(images={"uris": ["gs://my-images-eu/*"]})


def test_both_come_up_at_the_same_time_each_at_the_quota_of_its_place(stacks: Stacks) -> None:
    began = control(stacks["eu"], "state", method="GET")["clock"]["time"] - time.time()
    both(stacks, Stack.up)
    for name, location in LOCATIONS.items():
        outputs = outputs_of(stacks[name])
        assert counts(outputs, "location", "embedded", "pending", "complete") == (location, IMAGES, 0, True)
        assert all(hits[0]["uri"].startswith(f"gs://my-images-{name}/") for hits in outputs["searches"].values())
        assert set(outputs["searches"]) == {"musical-instrument", "yellow-flower"}
    waited = control(stacks["eu"], "state", method="GET")["clock"]["time"] - time.time() - began
    least = 60 * sum(MULTIMODAL_EMBEDDING.quota_in(location).minutes(IMAGES) for location in LOCATIONS.values())
    assert least == pytest.approx(20) and least - 1 < waited < 2 * least
    assert set(stacks["eu"].ledger()["per_object"].values()) == {1}


@pytest.mark.parametrize("name", LOCATIONS)
def test_only_its_own_service_account_may_read_a_private_bucket(stacks: Stacks, name: str) -> None:
    account = outputs_of(stacks[name])["service_account"]
    assert readers(stacks[name], f"my-images-{name}") == {account: ROLES}
    assert account in callers(stacks[name])


def test_without_its_grant_on_the_bucket_nothing_is_read(stacks: Stacks) -> None:
    bucket = storage_client(stacks["tokyo"]).bucket("my-images-tokyo")
    policy = bucket.get_iam_policy()
    for binding in policy.bindings:
        binding["members"] = {member for member in binding["members"] if not member.startswith("serviceAccount:")}
    bucket.set_iam_policy(policy)
    control(stacks["tokyo"], "clock", {"advance": 60})
    with pytest.raises(Forbidden, match=r"does not have storage\.objects\.list access"):
        warehouse(stacks["tokyo"]).query_and_wait("SELECT COUNT(*) FROM image_search_tokyo.met_images")
    stacks["tokyo"].up("--refresh")
    assert readers(stacks["tokyo"], "my-images-tokyo") == {outputs_of(stacks["tokyo"])["service_account"]: ROLES}


def test_from_another_place_the_bucket_is_not_read_by_hand_either(stacks: Stacks) -> None:
    client = warehouse(stacks["eu"])
    client.query_and_wait(
        "CREATE EXTERNAL TABLE image_search_eu.far WITH CONNECTION `local-project.eu.image_search_eu_images`"
        " OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://my-images-tokyo/*'])"
    )
    with pytest.raises(BadRequest, match="different locations: source: asia-northeast1, destination: eu"):
        client.query_and_wait("SELECT COUNT(*) FROM image_search_eu.far")
    client.delete_table("image_search_eu.far")


def test_an_endpoint_that_is_not_served_there_is_refused_and_the_old_one_stays(stacks: Stacks) -> None:
    stack = stacks["eu"]
    before = stack.config.read_text()
    stack.set(embedding={"endpoint": "gemini-embedding-2-preview"})
    failure = refused(stack.pulumi("preview", check=False))
    assert (
        "dataset.location EU does not serve gemini-embedding-2-preview; locations that do: US, us-central1" in failure
    )
    stack.config.write_text(before)


def new_stack(stack: Stack, answers: str = "", **arguments: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/new-stack beside a stack, with its credentials."""
    given = {"name": "second", "project": "local-project", "bucket": "gs://my-images-eu", **arguments}
    return subprocess.run(
        [CHECKOUT / "scripts/new-stack", *(f"--{key}={value}" for key, value in given.items())],
        cwd=stack.folder,
        env=stack.environment,
        input=answers,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_stacks_file_is_for_where_its_bucket_is(stacks: Stacks) -> None:
    stack = stacks["eu"]
    elsewhere = new_stack(stack, location="US")
    assert elsewhere.returncode == 1
    assert "The bucket gs://my-images-eu is in EU, and BigQuery reads objects only where" in elsewhere.stderr
    missing = new_stack(stack, location="US", bucket="gs://my-images-us")
    assert missing.returncode == 1 and "There is no bucket gs://my-images-us" in missing.stderr
    control(stack, "faults", {"path": "/b/my-images-eu$", "status": 403, "reason": "forbidden"})
    unseen = new_stack(stack, name="unseen", location="US")
    assert unseen.returncode == 0, "what cannot be looked at may still be right"
    assert "gs://my-images-eu was not checked: Cloud Storage answered 403" in unseen.stdout
    asked = new_stack(stack, answers="US\n\n")
    assert asked.returncode == 0, asked.stderr
    assert "Location of the dataset (US, EU, or a region) [EU]: " in asked.stdout
    assert "gs://my-images-eu is in EU: a dataset in EU can read it." in asked.stdout


def test_a_second_stack_on_the_same_bucket_comes_and_goes_without_touching_the_first(stacks: Stacks) -> None:
    first = stacks["eu"]
    account, before, paid = outputs_of(first)["service_account"], state(first), first.ledger()["paid"]
    all_before = made(first)
    second = Stack(first.folder, first.port, name="second", file=first.folder / "Pulumi.second.yaml")
    second.init()
    second.up()
    assert first.ledger()["paid"] == paid + IMAGES + 1, "each has its own embeddings, and a search"
    other = outputs_of(second)["service_account"]
    assert readers(first, "my-images-eu") == {account: ROLES, other: ROLES}
    assert callers(first) >= {account, other}
    first.up("--expect-no-changes")
    second.pulumi("destroy", "--yes", "--skip-preview")
    assert readers(first, "my-images-eu") == {account: ROLES}
    assert account in callers(first) and other not in callers(first)
    assert state(first) == before and made(first) == all_before


def test_neither_changes_anything_on_a_second_up(stacks: Stacks) -> None:
    before = stacks["eu"].ledger()
    both(stacks, lambda stack: stack.up("--refresh", "--expect-no-changes"))
    assert stacks["eu"].ledger() == before


def test_destroying_both_leaves_the_buckets_as_they_were(stacks: Stacks) -> None:
    both(stacks, lambda stack: stack.pulumi("destroy", "--yes", "--skip-preview"))
    for name in LOCATIONS:
        assert readers(stacks[name], f"my-images-{name}") == {}
        assert len(list(storage_client(stacks[name]).list_blobs(f"my-images-{name}"))) == IMAGES
    assert callers(stacks["eu"]) == set()
    assert set(made(stacks["eu"]).values()) == {0}
