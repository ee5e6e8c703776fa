"""Resources with this stack's labels are continued and removed; others are never changed, and are named."""

from __future__ import annotations

import re

import pytest

from imagesearch.errors import NotOurs
from imagesearch.gcp.sql import Labels, table_name
from imagesearch.pipeline import ownership
from imagesearch.pipeline.ownership import OWNER, STACK, describe, is_ours, stack_labels
from tests.unit.fake_warehouse import FakeWarehouse

OURS = stack_labels("image-search", "dev")
OTHER_STACK = stack_labels("image-search", "prod")
TABLE = table_name("my-project", "d", "met_images")


def _warehouse(**tables: dict[str, str]) -> FakeWarehouse:
    return FakeWarehouse(OURS, tables_there={f"my-project.d.{name}": labels for name, labels in tables.items()})


def test_a_stacks_labels_name_the_program_and_the_stack() -> None:
    assert OURS == {"managed-by": "image-search", STACK: "image-search-dev"}


@pytest.mark.parametrize("stack", ["dev", "Dev/EU", "a.b c", "x" * 100, "schön"])
def test_a_stacks_labels_are_labels_whatever_its_name(stack: str) -> None:
    labels = stack_labels("image-search", stack)
    assert str(Labels(labels))
    assert all(len(value) <= 63 for value in labels.values())


def test_an_owner_is_new_each_time_and_fit_for_a_label() -> None:
    owners = {ownership.new_owner() for _ in range(100)}
    assert len(owners) == 100
    assert all(re.fullmatch(r"[a-z0-9_-]{1,63}", owner) for owner in owners)


@pytest.mark.parametrize(
    ("labels", "ours"),
    [
        (OURS, True),
        ({**OURS, OWNER: "0123456789abcdef", "team": "art"}, True),
        (OTHER_STACK, False),
        ({"managed-by": "image-search"}, False),
        ({STACK: "image-search-dev"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_ours_is_what_carries_all_of_the_stacks_labels(labels: dict[str, str] | None, ours: bool) -> None:
    assert is_ours(labels, OURS) is ours


def test_a_table_of_the_stack_is_adopted_and_keeps_its_other_labels() -> None:
    warehouse = _warehouse(met_images={**OURS, OWNER: "old", "team": "art"})
    assert ownership.adopt_table(warehouse, TABLE, "new") is True
    assert warehouse.tables_there[TABLE.path] == {**OURS, OWNER: "new", "team": "art"}


def test_nothing_is_adopted_where_there_is_no_table() -> None:
    assert ownership.adopt_table(_warehouse(), TABLE, "new") is False


@pytest.mark.parametrize("labels", [{}, OTHER_STACK])
def test_a_table_of_others_is_neither_adopted_nor_replaced_nor_dropped(labels: dict[str, str]) -> None:
    warehouse = _warehouse(met_images=labels)
    with pytest.raises(NotOurs, match=r"my-project\.d\.met_images exists and was not made by this stack"):
        ownership.adopt_table(warehouse, TABLE, "new")
    with pytest.raises(NotOurs, match=r"left as it is"):
        ownership.refuse_foreign_table(warehouse, TABLE)
    assert ownership.drop_table(warehouse, TABLE) is False
    assert warehouse.tables_there == {TABLE.path: labels}


def test_a_model_of_others_is_in_the_way() -> None:
    warehouse = FakeWarehouse(OURS, models_there={TABLE.path: OTHER_STACK})
    with pytest.raises(NotOurs, match=r"The model my-project\.d\.met_images exists"):
        ownership.refuse_foreign_model(warehouse, TABLE)


def test_a_late_deletion_leaves_what_its_successor_adopted() -> None:
    warehouse = _warehouse(met_images={**OURS, OWNER: "successor"})
    assert ownership.drop_table(warehouse, TABLE, "predecessor") is False
    assert ownership.drop_table(warehouse, TABLE, "successor") is True
    assert warehouse.tables_there == {}


def test_a_table_without_an_owner_goes_with_whoever_is_of_its_stack() -> None:
    warehouse = _warehouse(met_images=OURS)
    assert ownership.drop_table(warehouse, TABLE, "anyone") is True


def test_a_sweep_removes_what_is_ours_and_names_the_rest() -> None:
    warehouse = _warehouse(met_images=OURS, notes={}, staging=OURS, others=OTHER_STACK)
    warehouse.tables_there["my-project.elsewhere.met_images"] = OURS
    warehouse.models_there = {"my-project.d.ours": OURS, "my-project.d.theirs": {}}
    assert ownership.sweep(warehouse, "my-project", "d") == ["model theirs", "table notes", "table others"]
    assert set(warehouse.tables_there) == {
        "my-project.d.notes",
        "my-project.d.others",
        "my-project.elsewhere.met_images",
    }
    assert set(warehouse.models_there) == {"my-project.d.theirs"}


def test_many_things_are_named_in_one_line() -> None:
    assert describe(["a", "b"]) == "a, b"
    assert describe(list(range(12)), limit=3) == "0, 1, 2 and 9 more"
