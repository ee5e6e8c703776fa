"""The corpus: each statement gives what the documentation promises, and what Google's reference evaluator gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.core.errors import ApiError
from localcloud.core.store import Store
from tests.sql.conftest import SmallCloud, Warehouse
from tests.sql.corpus import Case, cases, tables
from tests.sql.reference import Reference, Refused

CASES = pytest.mark.parametrize("case", cases(), ids=lambda case: case.title)
HERE = {"default_dataset": ("p", "d")}


@pytest.fixture(scope="module")
def kept() -> Iterator[Warehouse]:
    """A warehouse for statements that change nothing."""
    yield from _warehouse()


@pytest.fixture(scope="module")
def reference() -> Reference:
    made = Reference()
    for table, query in tables().items():
        made.make(table, query)
    return made


@CASES
def test_a_statement_gives_what_the_documentation_promises(case: Case, kept: Warehouse) -> None:
    if case.is_query:
        _check(case, kept)
        return
    for fresh in _warehouse():
        _check(case, fresh)


@CASES
def test_googles_analyzer_agrees_on_what_is_a_statement(case: Case, reference: Reference) -> None:
    if case.error and case.error[0] == 501:
        return
    if case.error and "more than one" not in case.error[1] and "at most one" not in case.error[1]:
        with pytest.raises(Refused):
            reference.rows(case.text, case.parameters) if case.is_query else _must_be_refused(case, reference)
        return
    reference.takes(case.text.rstrip().rstrip(";"), case.parameters)


@pytest.mark.parametrize(
    "case", [case for case in cases() if case.is_query and not case.error], ids=lambda case: case.title
)
def test_googles_evaluator_gives_the_same_rows(case: Case, kept: Warehouse, reference: Reference) -> None:
    try:
        given = reference.rows(case.text, case.parameters)
    except Refused as error:
        assert "UNIMPLEMENTED" in str(error)
        return
    ours = kept.rows(case.text, *case.parameters, **_mode(case))
    assert _comparable(ours) == _comparable(given)


def test_there_are_enough_statements_and_each_shows_something_else() -> None:
    assert len({case.text for case in cases()}) == len(cases()) >= 150
    assert all(case.rows or case.error or case.asked for case in cases())


def _warehouse() -> Iterator[Warehouse]:
    store = Store()
    warehouse = Warehouse(store, SmallCloud())
    for table, query in tables().items():
        warehouse.run(f"CREATE TABLE {table} AS\n{query}", **HERE)
    yield warehouse
    store.close()


def _check(case: Case, warehouse: Warehouse) -> None:
    if case.error:
        with pytest.raises(ApiError) as error:
            warehouse.run(case.text, *case.parameters, **_mode(case))
        assert error.value.code == case.error[0]
        assert case.error[1] in error.value.message
        return
    outcome = warehouse.run(case.text, *case.parameters, **_mode(case))
    if case.asked:
        outcome = warehouse.run(case.asked, **HERE)
    assert outcome.result_table is not None
    found = warehouse.engine.rows(outcome.result_table, outcome.schema, 0, 1000)
    shown = tuple(
        " | ".join(_shown(cell["v"], field) for cell, field in zip(row["f"], outcome.schema["fields"], strict=True))
        for row in found
    )
    assert shown == case.rows


def _mode(case: Case) -> dict[str, Any]:
    positional = case.parameters and "name" not in case.parameters[0]
    return {**HERE, **({"parameter_mode": "POSITIONAL"} if positional else {})}


def _must_be_refused(case: Case, reference: Reference) -> None:
    """Catalogs differ in what exists; everything else is the analyzer's."""
    if (case.error and case.error[0] in (404, 409)) or "must have a WHERE" in (case.error or (0, ""))[1]:
        raise Refused("a matter of what there is")
    reference.takes(case.text, case.parameters)


def _shown(value: Any, field: dict[str, Any]) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"[{', '.join(_shown(item['v'], field) for item in value)}]"
    if isinstance(value, dict):
        pairs = zip(value["f"], field["fields"], strict=True)
        return f"({', '.join(_shown(cell['v'], inner) for cell, inner in pairs)})"
    if field["type"] == "TIMESTAMP":
        return str(datetime.fromtimestamp(int(value) / 1_000_000, UTC).replace(tzinfo=None))
    return str(value)


def _comparable(value: Any) -> Any:
    """Numbers as numbers, so that the last digit of a function does not matter; a NULL array is an empty one."""
    if isinstance(value, (list, tuple)):
        return [_comparable(item) for item in value] or None
    try:
        return pytest.approx(float(value), rel=1e-12) if isinstance(value, str) else value
    except ValueError:
        return value
