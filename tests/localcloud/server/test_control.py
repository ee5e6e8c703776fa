"""The control API: time, settings, a look inside."""

from __future__ import annotations

import pytest

from tests.localcloud.conftest import RunningCloud


def test_time_moves_forward_and_only_forward(cloud: RunningCloud) -> None:
    before = cloud.control("state")["clock"]["time"]
    cloud.advance(3600)
    assert cloud.control("state")["clock"]["time"] >= before + 3600
    with pytest.raises(OSError, match="no number of zero or more"):
        cloud.advance(-1)


def test_created_resources_carry_the_clouds_time(cloud: RunningCloud, dataset: str) -> None:
    cloud.advance(86400)
    table = cloud.bigquery.get_dataset(dataset)
    now = cloud.control("state")["clock"]["time"]
    assert table.created is not None
    assert now - table.created.timestamp() >= 86400


def test_settings_change_and_are_put_back(cloud: RunningCloud) -> None:
    usual = cloud.control("state")["settings"]
    changed = cloud.control("settings", {"propagation_delay": 120, "enforce_quota": 1})
    assert (changed["propagation_delay"], changed["enforce_quota"]) == (120.0, True)
    assert cloud.control("reset", {})["settings"] == usual


@pytest.mark.parametrize("wrong", [{"propagation": 1}, {"propagation_delay": -1}, {"propagation_delay": "soon"}])
def test_a_setting_that_does_not_exist_or_fit_is_refused(cloud: RunningCloud, wrong: dict[str, object]) -> None:
    with pytest.raises(OSError, match="not a setting"):
        cloud.control("settings", wrong)


def test_the_state_counts_what_there_is(cloud: RunningCloud, dataset: str) -> None:
    before = cloud.control("state")["resources"]["dataset"]
    cloud.bigquery.create_dataset(f"{dataset}_more")
    assert cloud.control("state")["resources"]["dataset"] == before + 1
    cloud.bigquery.delete_dataset(f"{dataset}_more")


def test_the_ledger_is_read(cloud: RunningCloud) -> None:
    assert {"requests", "paid", "per_object", "texts"} <= set(cloud.control("ledger"))
