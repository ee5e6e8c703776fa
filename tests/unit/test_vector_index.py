"""What BigQuery does not promise about an index: how soon it is listed, and that its drift is reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from imagesearch.errors import StatementFailed
from imagesearch.gcp.bigquery import Parameter, Row
from imagesearch.gcp.sql import table_name
from imagesearch.pipeline import vector_index
from tests.unit.fake_warehouse import FakeWarehouse

INDEX = vector_index.VectorIndexSpec(
    index="the_index", table=table_name("my-project", "d", "t"), dimension=1408, min_recall=0.0
)
ACTIVE = {"index_status": "ACTIVE", "coverage_percentage": 100, "last_refresh_time": "now", "disable_reason": None}
LISTED = "The state of the vector index"


def looked_at(*states: list[Row]) -> FakeWarehouse:
    return FakeWarehouse({}, rows={LISTED: list(states), "Share of the true": [[{"recall": 1.0}]]})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes only where somebody sleeps."""
    now = [0.0]
    monkeypatch.setattr(vector_index.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(vector_index.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def test_a_new_index_that_is_not_listed_yet_is_waited_for(clock: list[float]) -> None:
    warehouse = looked_at([], [], [], [ACTIVE])
    assert vector_index.ensure(warehouse, INDEX, 10_000, print).status == "active"
    assert warehouse.ran("CREATE VECTOR INDEX") == 1


def test_an_index_that_is_never_listed_is_missing_after_a_minute(clock: list[float]) -> None:
    warehouse = looked_at([])
    assert vector_index.ensure(warehouse, INDEX, 10_000, print).status == "missing"
    assert clock[0] < 90


class WithoutDrift(FakeWarehouse):
    """A service that refuses the question."""

    reason = "invalidQuery"

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> list[Row]:
        if "VECTOR_INDEX.STATISTICS" in sql:
            raise StatementFailed("BigQuery refused", "", reason=self.reason)
        return super().query(sql, parameters)


def test_an_index_whose_drift_cannot_be_told_is_used_all_the_same() -> None:
    warehouse = WithoutDrift({}, rows=dict[str, Any](looked_at([ACTIVE]).rows))
    state = vector_index.ensure(warehouse, INDEX, 10_000, print)
    assert (state.status, state.reason) == ("active", "its drift cannot be told here")
    assert not warehouse.ran("REBUILD")
    warehouse.reason = "accessDenied"
    with pytest.raises(StatementFailed):
        vector_index.current_state(warehouse, INDEX, 10_000)
