"""The main job with the real engine, from nothing to nothing. The tests build on each other, in this order.

The steps are tests/e2e/steps.py's, which tests/gcp takes on Google Cloud; here the local cloud's ledger watches them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import bigquery, storage

from tests.e2e import steps
from tests.e2e.pictures import NAMES
from tests.e2e.stack import Stack
from tests.e2e.steps import Scene

DATASET = "local-project.bqml_tutorial"


@pytest.fixture
def scene(stack: Stack, bucket: storage.Bucket, warehouse: bigquery.Client) -> Scene:
    return Scene(stack, bucket, warehouse, DATASET)


def test_one_up_takes_an_empty_project_to_search_results(scene: Scene) -> None:
    told = steps.one_up_makes_everything(scene)
    assert "12 of 12 images embedded, 0 set aside; " in told and "; $0.0012 so far" in told
    assert not set(told) & {"\x1b", "\r", "\b"}, "a log has no control characters"


def test_what_up_made_is_what_the_tutorial_makes(scene: Scene) -> None:
    steps.it_is_what_the_tutorial_makes(scene)


def test_a_second_up_changes_nothing_and_pays_nothing(stack: Stack, scene: Scene) -> None:
    before = stack.ledger()
    assert before["paid"] >= 12
    assert all(before["per_object"][f"gs://demo-images/{name}"] == 1 for name in NAMES)
    steps.a_second_up_changes_nothing(scene)
    assert stack.ledger() == before


def test_refresh_finds_no_drift(scene: Scene) -> None:
    steps.a_refresh_finds_no_drift(scene)


def test_one_new_picture_costs_one_embedding(stack: Stack, scene: Scene) -> None:
    before = stack.ledger()["per_object"]
    steps.a_new_picture_costs_one_embedding(scene)
    after = stack.ledger()["per_object"]
    paid = {uri: n - before.get(uri, 0) for uri, n in after.items()}
    assert {uri: n for uri, n in paid.items() if n} == {"gs://demo-images/new-dog.jpg": 1}


def test_changed_and_deleted_pictures_converge_in_one_up(stack: Stack, scene: Scene) -> None:
    before = stack.ledger()["per_object"]
    steps.changed_and_deleted_pictures_converge_in_one_up(scene)
    after = stack.ledger()["per_object"]
    assert after == {**before, "gs://demo-images/stamp_rose.jpg": before["gs://demo-images/stamp_rose.jpg"] + 1}


def test_what_is_no_picture_is_set_aside_with_its_reason(scene: Scene) -> None:
    assert steps.what_is_no_picture_is_set_aside(scene).startswith("INVALID_ARGUMENT")


def test_a_table_dropped_by_hand_comes_back(stack: Stack, scene: Scene) -> None:
    paid = stack.ledger()["per_object"]
    steps.a_dropped_table_comes_back(scene)
    assert stack.ledger()["per_object"] == paid


def test_an_ad_hoc_search_writes_nothing(scene: Scene) -> None:
    steps.an_ad_hoc_search_writes_nothing(scene)


def test_state_of_the_cloud_and_the_stack_survive_a_restart_together(stack: Stack) -> None:
    stack.stop_cloud()
    stack.start_cloud()
    stack.up("--expect-no-changes")


def test_a_foreign_table_stops_destroy_by_name_and_survives_it(scene: Scene) -> None:
    steps.a_foreign_table_stops_destroy_by_name(scene)


def test_destroy_leaves_nothing_of_ours(stack: Stack, scene: Scene) -> None:
    steps.destroy_leaves_nothing(scene)
    assert list(scene.warehouse.list_datasets()) == []
    stack.pulumi("stack", "rm", "local", "--yes", "--preserve-config")
    stack.pulumi("preview")  # the stack is made again where there is none
    about = stack.cloud("status", "--json")
    stack.stop_cloud()
    assert not running(about["pid"])


def running(pid: int) -> bool:
    """Whether a process is alive; one that has ended and that nobody waits for is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
