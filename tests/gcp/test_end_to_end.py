"""The main job on a Google Cloud project: the steps of tests/e2e/test_stack.py, in this order.

`make test-gcp PROJECT=my-project` runs it there. The same on the local cloud is part of the slow tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import steps
from tests.gcp.conftest import on_google_cloud, on_local_cloud
from tests.gcp.sweep import leftovers, sweep
from tests.gcp.trial import Trial

CLOUDS = [pytest.param("google", marks=pytest.mark.gcp), pytest.param("local", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=CLOUDS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A run whose bucket is filled and whose stack is not up; swept afterwards whatever happened."""
    place = on_google_cloud() if request.param == "google" else on_local_cloud(request.getfixturevalue("cloud"))
    made = Trial(place, tmp_path_factory.mktemp("run") / "stack")
    try:
        made.make_bucket()
        made.make_stack()
        yield made
    finally:
        left = sweep(place, made.id)
        place.close()
    assert not left, f"the sweeper could not remove {', '.join(left)}"


def test_one_up_takes_an_empty_project_to_search_results(run: Trial) -> None:
    steps.one_up_makes_everything(run.scene)
    run.note_account()


def test_what_up_made_is_what_the_tutorial_makes(run: Trial) -> None:
    steps.it_is_what_the_tutorial_makes(run.scene)


def test_a_second_up_changes_nothing_and_pays_nothing(run: Trial) -> None:
    steps.a_second_up_changes_nothing(run.scene)


def test_refresh_finds_no_drift(run: Trial) -> None:
    steps.a_refresh_finds_no_drift(run.scene)


def test_one_new_picture_costs_one_embedding(run: Trial) -> None:
    steps.a_new_picture_costs_one_embedding(run.scene)


def test_changed_and_deleted_pictures_converge_in_one_up(run: Trial) -> None:
    steps.changed_and_deleted_pictures_converge_in_one_up(run.scene)


def test_what_is_no_picture_is_set_aside_with_its_reason(run: Trial) -> None:
    assert steps.what_is_no_picture_is_set_aside(run.scene)


def test_a_table_dropped_by_hand_comes_back(run: Trial) -> None:
    steps.a_dropped_table_comes_back(run.scene)


def test_an_ad_hoc_search_writes_nothing(run: Trial) -> None:
    steps.an_ad_hoc_search_writes_nothing(run.scene)


def test_a_foreign_table_stops_destroy_by_name_and_survives_it(run: Trial) -> None:
    steps.a_foreign_table_stops_destroy_by_name(run.scene)


def test_destroy_leaves_nothing_but_the_bucket(run: Trial) -> None:
    steps.destroy_leaves_nothing(run.scene)
    assert [item.kind for item in leftovers(run.place, run.id)] == ["bucket"]
