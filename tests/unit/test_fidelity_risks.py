"""docs/fidelity-risks.md has an entry for every statement, every call and every resource, and no others."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from imagesearch.gcp.bigquery import Warehouse

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs/fidelity-risks.md").read_text(encoding="utf-8")
ASKS = re.compile(
    r"requests\.(get|post)\(|AuthorizedSession\(|\.urlopen\(|\bclient\.request\(|[^.]\bClient\(|self\._send\("
)
"""Requests to services other than through BigQuery's client; gcp/rest.py sends others' requests."""


def rows(table: str) -> dict[str, list[str]]:
    """The rows between <!-- table --> and <!-- /table -->, by their first cell."""
    text = PAGE.split(f"<!-- {table} -->")[1].split(f"<!-- /{table} -->")[0]
    lines = [line for line in text.strip().splitlines()[2:] if line]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    names = [row[0].strip("`") for row in cells]
    assert len(names) == len(set(names)), "every entry once"
    return dict(zip(names, [row[1:] for row in cells], strict=True))


def methods() -> set[str]:
    """Warehouse's public methods: all of them ask the service."""
    return {f"Warehouse.{name}" for name, _ in inspect.getmembers(Warehouse, inspect.isfunction) if name[0] != "_"}


def resources() -> set[str]:
    """Every resource and data source of the gcp provider that components/ names."""
    sources = [path.read_text(encoding="utf-8") for path in (CHECKOUT / "components").glob("*.py")]
    return {name for source in sources for name in re.findall(r"gcp\.(\w+\.\w+)\(", source)}


def test_every_statement_has_an_entry() -> None:
    assert set(rows("statements")) == {path.stem for path in (CHECKOUT / "queries").glob("*.sql")}


def test_every_method_that_calls_bigquery_has_an_entry() -> None:
    assert {name for name in rows("calls") if name.startswith("Warehouse.")} == methods()


def test_every_other_call_of_a_service_has_an_entry_that_names_what_is_there() -> None:
    named = {name for name in rows("calls") if not name.startswith("Warehouse.")}
    modules = {name.rpartition(".")[0] for name in named}
    for name in named:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"imagesearch.{module}"), function)), name
    package = CHECKOUT / "imagesearch"
    asking = {
        ".".join(path.relative_to(package).with_suffix("").parts)
        for path in package.rglob("*.py")
        if ASKS.search(path.read_text(encoding="utf-8"))
    }
    assert asking - {"gcp.rest", "stacks.stack_file"} == modules


def test_every_resource_of_the_provider_has_an_entry() -> None:
    assert set(rows("resources")) == resources()


@pytest.mark.parametrize("table", ["statements", "calls", "resources"])
def test_every_entry_says_what_is_assumed_by_whom_and_what_happens_otherwise(table: str) -> None:
    for name, cells in rows(table).items():
        assert len(cells) == 3 and all(cells), name
