"""What the local cloud lacks of GoogleSQL is refused by name; only what GoogleSQL lacks is a syntax error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.core.errors import ApiError, Unsupported
from localcloud.core.store import Store
from localcloud.googlesql import grammar
from tests.sql.conftest import SmallCloud, Warehouse
from tests.sql.reference import Reference, Refused

HERE = Path(__file__).parent


def _unserved() -> list[tuple[str, str, bool]]:
    """(statement, what it is refused as, whether ZetaSQL reads it)."""
    read, *others = (HERE / "unserved.sql").read_text(encoding="utf-8").split("\n\n")
    lines = [(line, True) for line in read.splitlines()]
    lines += [(line, False) for part in others for line in part.splitlines()]
    parted = [(*line.rpartition(" -- "), known) for line, known in lines if not line.startswith("--")]
    return [(text, name, known) for text, _, name, known in parted]


NOT_GOOGLESQL = (HERE / "not_googlesql.sql").read_text(encoding="utf-8").splitlines()[1:]


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    store = Store()
    warehouse = Warehouse(store, SmallCloud())
    warehouse.run("CREATE TABLE d.t (x INT64, s STRING, v ARRAY<FLOAT64>)")
    yield warehouse
    store.close()


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.mark.parametrize(("text", "name"), [(text, name) for text, name, _ in _unserved()])
def test_what_is_not_served_is_refused_by_its_name(warehouse: Warehouse, text: str, name: str) -> None:
    with pytest.raises(Unsupported) as error:
        warehouse.run(text)
    assert error.value.message.startswith(f"Unsupported by the local cloud: {name}")


@pytest.mark.parametrize("text", [text for text, _, known in _unserved() if known])
def test_what_is_not_served_is_no_syntax_error_of_googlesql(reference: Reference, text: str) -> None:
    assert "Syntax error" not in _refusal(reference, text)


@pytest.mark.parametrize("text", NOT_GOOGLESQL)
def test_what_googlesql_does_not_have_is_a_syntax_error(reference: Reference, text: str) -> None:
    with pytest.raises(ApiError, match=r"^Syntax error: .* at \[\d+:\d+\]$") as error:
        grammar.read(text)
    assert (error.value.code, error.value.reason) == (400, "invalidQuery")
    assert "Syntax error" in _refusal(reference, text)


def _refusal(reference: Reference, text: str) -> str:
    try:
        reference.takes(text)
    except Refused as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("SELECT 1 FROM my-project.d.t", ["my-project", "d", "t"]),
        ("SELECT 1 FROM my-project-123.d.t", ["my-project-123", "d", "t"]),
        ("SELECT 1 FROM project-1a.d.t", ["project-1a", "d", "t"]),
        ("SELECT 1 FROM `my-project.d`.t", ["my-project.d", "t"]),
    ],
)
def test_a_project_may_have_dashes_and_digits(text: str, path: list[str]) -> None:
    tree = grammar.read(text)
    assert [part.text for part in tree.body.tables.path] == path  # type: ignore[union-attr]


def test_a_query_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ApiError, match=r"Query is too deeply nested at \[1:1\]"):
        grammar.read("SELECT " + "(" * 2_000 + "1" + ")" * 2_000)
