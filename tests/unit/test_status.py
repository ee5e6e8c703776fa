"""The index in `status`: its current state, with the recall that the last `up` measured if it is active."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from imagesearch.stacks import status
from imagesearch.stacks.stack import Stack
from tests.unit.fake_warehouse import FakeWarehouse
from tests.unit.test_convergence import COUNTS, OURS, SPEC
from tests.unit.test_report import OUTPUTS

LAST = {"name": "met_images_index", "status": "active", "reason": "", "coverage": 40, "recall": 0.97}
THERE = {
    "index_name": "met_images_index", "index_status": "ACTIVE", "coverage_percentage": 100, "disable_reason": None,
    "last_refresh_time": datetime(2026, 11, 22, tzinfo=UTC), "ddl": "",
}  # fmt: skip


def index_now(last: dict[str, Any], there: list[dict[str, Any]], drift: float = 0.1) -> dict[str, Any]:
    """What `status` says of the index when the last `up` said `last`."""
    stack = Stack({**OUTPUTS, "distance": "COSINE", "convergence": SPEC.to_properties(), "index": last}, {})
    vars(stack)["warehouse"] = FakeWarehouse(
        OURS,
        rows={
            "How the embeddings stand": [[vars(COUNTS)]],
            "The state of the vector index": [there],
            "How far the embeddings have drifted": [[{"drift": drift}]],
        },
    )
    index: dict[str, Any] = status.current(stack)["index"]
    return index


def test_an_index_that_works_has_its_coverage_now_and_the_recall_of_the_last_up() -> None:
    assert index_now(LAST, [THERE]) == {**LAST, "coverage": 100}


@pytest.mark.parametrize(
    ("there", "drift", "said"),
    [
        ([], 0.0, "skipped"),
        ([{**THERE, "last_refresh_time": None, "coverage_percentage": 0}], 0.0, "building"),
        ([{**THERE, "index_status": "TEMPORARILY DISABLED"}], 0.0, "temporarily disabled"),
        ([THERE], 0.5, "drifted"),
    ],
)
def test_an_index_that_does_not_work_has_no_recall(there: list[dict[str, Any]], drift: float, said: str) -> None:
    index = index_now(LAST, there, drift)
    assert (index["status"], index["recall"]) == (said, None)


def test_no_index_is_looked_for_where_none_is_wanted() -> None:
    index = index_now({**LAST, "status": "none", "recall": None}, [THERE])
    assert (index["status"], index["coverage"], index["recall"]) == ("none", 0, None)
