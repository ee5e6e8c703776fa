"""The control API: time, settings, a look inside."""

from __future__ import annotations

import httpx
import pytest

from tests.conftest import RunningCloud


def test_time_moves_forward_and_only_forward(cloud: RunningCloud) -> None:
    before = cloud.control("state")["clock"]["time"]
    cloud.advance(3600)
    assert cloud.control("state")["clock"]["time"] >= before + 3600
    with pytest.raises(OSError, match="no number of zero or more"):
        cloud.advance(-1)
    for wrong in ({"advance": 1e300}, {"advance": 3e11}):
        with pytest.raises(OSError, match="the clock ends"):
            cloud.control("clock", wrong)
    for text in ('{"advance": NaN}', '{"speed": Infinity}', '{"speed": true}', '{"speed": 1e400}', '{"advances": 1}'):
        answer = httpx.post(f"{cloud.url}/control/clock", content=text)
        assert answer.status_code == 400, answer.text
    assert cloud.control("state")["clock"]["time"] < before + 7200


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"propagation": 1},
        {"propagation_delay": -1},
        {"propagation_delay": "soon"},
        {"propagation_delay": 1e300},
        {"propagation_delay": None},
        {"index_delay": True},
        {"rows_per_job": 2.5},
        {"concurrent_embedding_jobs": True},
        {"enforce_quota": 2},
    ],
)
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


@pytest.mark.parametrize("path", ["reset", "token", "clock", "faults"])
def test_a_field_that_would_be_ignored_is_refused(cloud: RunningCloud, path: str) -> None:
    body = {"token": {"member": "user:her@example.com"}, "faults": {"faults": []}}.get(path, {})
    with pytest.raises(OSError, match="not a field here: colour"):
        cloud.control(path, body | {"colour": "red"})


@pytest.mark.parametrize("member", ["x", "user:", "user:x", "group:x@example.com", "allUsers", 5, None])
def test_a_token_is_for_somebody_who_can_call(cloud: RunningCloud, member: object) -> None:
    with pytest.raises(OSError, match="member must be an IAM member"):
        cloud.control("token", {"member": member})
