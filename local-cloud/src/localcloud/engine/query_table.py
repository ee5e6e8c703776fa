"""The query table of VECTOR_SEARCH: what is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlglot import exp

from localcloud.engine import pass_through, vectors
from localcloud.engine.check import Check
from localcloud.engine.ctes import with_visible
from localcloud.engine.duckdb_types import quote
from localcloud.engine.run import Run
from localcloud.engine.translate import Duck
from localcloud.engine.vectors import Floats, Places
from localcloud.googlesql.names import Name
from localcloud.googlesql.types import Columns, Type

VECTOR = Type("FLOAT64", array=True)


@dataclass(frozen=True)
class QueryTable:
    """A query that was found valid, the columns of its answer, and which of them is searched with."""

    resolved: Any
    columns: Columns
    column: str
    stored: Name | None
    """The table of the store that it picks rows of, with the column as it is there; None for any other query."""


@dataclass(frozen=True)
class Queries:
    """Its rows: the vectors, and a scratch table with all columns and `__ordinal`, where these are asked for."""

    vectors: Floats
    ordinals: Places
    """The place of each vector's row in the table; rows without a vector are left out."""
    table: str | None


def prepare(check: Check, node: Any, given: str | None, base: str) -> QueryTable:
    """The query table of the call at `node`. `given`: query_column_to_search; `base`: column_to_search. Raises
    ApiError."""
    argument = node.this.args["query_table"]
    query = exp.select("*").from_(argument.copy()) if isinstance(argument, exp.Table) else argument.this
    name = pass_through.table_read(check, node, query) if pass_through.is_simple(query) else None
    known = pass_through.columns(check, query, name) if name else None
    resolved = check.resolved(with_visible(query, node))
    if known is not None:
        check.bind_later(resolved)
    columns = known or check.columns(check.duck(resolved))
    column = _column(check, node, columns, given, base)
    return QueryTable(resolved, columns, column, name if known and pass_through.passes(query, column) else None)


def read(run: Run, query: QueryTable, *, whole: bool) -> Queries:
    """Its rows now. `whole`: other columns than the vectors are asked for, too."""
    if not whole and query.stored and (remembered := run.remembered(query.stored, query.column)) is not None:
        # DuckDB would read two thousand vectors to give one of them.
        rows = run.execute(run.duck(pass_through.row_ids(query.resolved))).fetchnumpy()["r"]
        found = remembered.of(rows)
        return Queries(found, np.arange(len(found)), None)
    duck = run.duck(query.resolved)
    if not whole:
        only = f"SELECT {quote(query.column)} AS v FROM ({duck.sql})"
        return _collected(run, Duck(only, duck.values), query.column, None)
    counted = f"SELECT *, row_number() OVER () - 1 AS __ordinal FROM ({duck.sql})"
    table = run.scratch_of(Duck(counted, duck.values))
    return _collected(run, Duck(f"SELECT {quote(query.column)} AS v FROM {table}"), query.column, table)


def _collected(run: Run, duck: Duck, column: str, table: str | None) -> Queries:
    found = vectors.collected(run.execute(duck).fetchnumpy()["v"], column)
    return Queries(found.vectors.astype(np.float64), found.positions, table)


def _column(check: Check, node: Any, columns: Columns, given: str | None, base: str) -> str:
    """The named column, else the one called like the base's, else the only one of the right type."""
    fitting = [name for name, kind in columns if kind == VECTOR]
    wanted = given or base
    for name in fitting:
        if name.lower() == wanted.lower():
            return name
    if given is None and len(fitting) == 1:
        return fitting[0]
    if given is None:
        raise check.text.invalid("query_column_to_search must be specified", node)
    raise check.text.invalid(f"Column {wanted} of type ARRAY<FLOAT64> not found in the query table", node)
