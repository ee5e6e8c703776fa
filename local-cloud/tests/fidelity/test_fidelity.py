"""docs/fidelity.md is what the tests say, and its examples are what it says of them."""

from __future__ import annotations

import ast
import re

import pytest

from localcloud.core.errors import ApiError, Unsupported
from tests.conftest import PROJECT_FOLDER
from tests.fidelity.report import PAGE, rendered, served
from tests.fidelity.statements import KINDS, Kind
from tests.sql.conftest import SmallCloud, Warehouse, cloud, warehouse

__all__ = ["cloud", "warehouse"]

AGAIN = "run python -m tests.fidelity.report"


@pytest.fixture
def stocked(warehouse: Warehouse, cloud: SmallCloud) -> Warehouse:
    """What the examples are about."""
    cloud.add("a.jpg")
    objects = "OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://demo-images/*']"
    for statement in (
        "CREATE TABLE d.t AS SELECT id FROM UNNEST([1, 2]) AS id",
        "CREATE TABLE d.vectors AS SELECT 1 AS id, [1.0, 2.0] AS e",
        "CREATE TABLE d.many AS SELECT id, [CAST(id AS FLOAT64), 1.0] AS e FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS id",
        f"CREATE EXTERNAL TABLE d.images WITH CONNECTION `us.c` {objects})",
        f"CREATE EXTERNAL TABLE d.cached WITH CONNECTION `us.c` {objects}, metadata_cache_mode = 'MANUAL',"
        " max_staleness = INTERVAL 1 HOUR)",
        "CREATE MODEL d.m REMOTE WITH CONNECTION `us.c` OPTIONS (endpoint = 'multimodalembedding@001')",
    ):
        warehouse.run(statement)
    return warehouse


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_of_statement_is_what_the_page_says(kind: Kind, stocked: Warehouse) -> None:
    if kind.status != "refused":
        stocked.run(kind.example)
        return
    with pytest.raises(ApiError) as refused:
        stocked.run(kind.example)
    assert isinstance(refused.value, Unsupported), refused.value
    assert refused.value.message.startswith("Unsupported by the local cloud: ")


def test_the_page_has_every_method_that_is_served_and_every_kind_of_statement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    methods = page.split("<!-- methods -->")[1].split("<!-- /methods -->")[0]
    shown_by = dict(re.findall(r"^\| `([\w.]+)` \| supported \| `([^`]+)` \|$", methods, re.MULTILINE))
    assert set(shown_by) == served(), AGAIN
    assert page == rendered(shown_by), AGAIN


def test_every_test_that_the_page_names_is_there() -> None:
    for file, name in re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE.read_text(encoding="utf-8")):
        tree = ast.parse((PROJECT_FOLDER / "tests" / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"
