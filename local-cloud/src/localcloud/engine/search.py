"""VECTOR_SEARCH (contract, "7. VECTOR_SEARCH"): query STRUCT, base STRUCT, distance FLOAT64."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlglot import exp

from localcloud.engine import catalog, coverage, pass_through, query_table, vectors
from localcloud.engine.check import Check
from localcloud.engine.ctes import with_visible
from localcloud.engine.duckdb_types import duckdb_type, quote
from localcloud.engine.query_table import QueryTable
from localcloud.engine.run import Run
from localcloud.engine.translate import Duck
from localcloud.googlesql import types
from localcloud.googlesql.names import Name
from localcloud.googlesql.types import Columns, Type

_ARGUMENTS = ("query_column_to_search", "top_k", "distance_type", "options")
_MAX_TOP_K = 10_000
_FEW = 1_000


@dataclass(frozen=True)
class _Call:
    """The constant arguments."""

    column: str
    query_column: str | None
    top_k: int
    distance: str | None
    brute_force: bool
    fraction: float | None


@dataclass(frozen=True)
class _Used:
    """Which fields of the function's STRUCTs the query around it names, in lower case; None for all of them."""

    query: set[str] | None
    base: set[str] | None


@dataclass(frozen=True)
class _Base:
    """What is searched: a table and which of its rows. `row` is the column that tells rows apart.

    `select` is a DuckDB query for the columns of the `base` STRUCT and `__row`, which `WHERE __row IN …` may follow.
    """

    table: str
    column: str
    columns: Columns
    select: Duck
    where: Duck | None
    """Query for the `__row` of the rows that the filter keeps; None without a filter."""
    name: Name | None
    """The table in the store; None for what was computed."""
    filtered_columns: frozenset[str]


def vector_search(check: Check, node: exp.Table) -> str:
    """The scratch table with the function's output."""
    call = _call(check, node)
    query = query_table.prepare(check, node, call.query_column, call.column)
    base = _base(check, node, call)
    output: Columns = (
        ("query", Type("STRUCT", query.columns)),
        ("base", Type("STRUCT", base.columns)),
        ("distance", Type("FLOAT64")),
    )
    around = node.find_ancestor(exp.Select)
    used = _Used(*(_used_fields(around, struct, node.alias.lower()) for struct in ("query", "base")))

    def fill(run: Run, table: str) -> None:
        with run.snapshot():  # the vectors, the filter and the rows belong together
            _search(run, call, base, query, used, table)

    return check.computed(output, fill)


# Arguments


def _call(check: Check, node: exp.Table) -> _Call:
    call = node.this
    given: dict[str, Any] = {}
    for spelled, argument in call.args.items():
        name = spelled.lower()
        if isinstance(argument, exp.Kwarg) and name not in _ARGUMENTS:
            raise check.text.invalid(
                f"Named argument {name} not found in signature for call to function VECTOR_SEARCH", node
            )
        if name in _ARGUMENTS and argument is not None:
            given[name] = check.constant(argument.expression if isinstance(argument, exp.Kwarg) else argument)
    top_k = given.get("top_k", 10)
    if not isinstance(top_k, int) or not 1 <= top_k <= _MAX_TOP_K:
        raise check.text.invalid(f"top_k must be between 1 and {_MAX_TOP_K}", node)
    distance = given.get("distance_type")
    if distance is not None and str(distance).upper() not in vectors.DISTANCES:
        raise check.text.invalid(f"Unsupported distance_type {distance}", node)
    brute_force, fraction = _options(check, given.get("options"), node)
    return _Call(
        column=str(check.constant(call.args["column_to_search"])),
        query_column=given.get("query_column_to_search"),
        top_k=top_k,
        distance=str(distance).upper() if distance else None,
        brute_force=brute_force,
        fraction=fraction,
    )


def _options(check: Check, text: object, node: exp.Table) -> tuple[bool, float | None]:
    try:
        given = json.loads(str(text)) if text is not None else {}
        fraction = given.get("fraction_lists_to_search")
        fraction = None if fraction is None else float(fraction)
    except (ValueError, TypeError, AttributeError) as error:
        raise check.text.invalid(f"Invalid options of VECTOR_SEARCH: {text}", node) from error
    brute_force = given.get("use_brute_force", False)
    if set(given) - {"use_brute_force", "fraction_lists_to_search"} or not isinstance(brute_force, bool):
        raise check.text.invalid(f"Invalid options of VECTOR_SEARCH: {text}", node)
    if fraction is not None and brute_force:
        raise check.text.invalid("fraction_lists_to_search and use_brute_force cannot be specified together", node)
    if fraction is not None and not 0 < fraction <= 1:
        raise check.text.invalid("fraction_lists_to_search must be in (0, 1]", node)
    return brute_force, fraction


# The base


def _base(check: Check, node: exp.Table, call: _Call) -> _Base:
    argument = node.this.this
    select = argument.this if isinstance(argument, exp.Subquery) else exp.select("*").from_(argument.copy())
    if not pass_through.is_simple(select):
        raise check.text.invalid("The base query of VECTOR_SEARCH may only have SELECT, FROM and WHERE", node)
    where = select.args.get("where")
    filtered = frozenset(column.name.lower() for column in where.find_all(exp.Column)) if where else frozenset()
    if call.column.lower() in filtered:
        raise check.text.invalid(f"The base query of VECTOR_SEARCH cannot filter on the column {call.column}", node)
    name = pass_through.table_read(check, node, select)
    if name is None or not pass_through.passes(select, call.column):
        return _computed(check, node, call, select)
    if where is None and pass_through.is_whole(*select.expressions[:1]) and len(select.expressions) == 1:
        columns = types.columns_of(catalog.table(check.store, name, check.statement.location)["schema"])
        _check_column(check, node, call, columns)
        check.count_bytes(name)
        every = Duck(f"SELECT *, rowid AS __row FROM {catalog.data(name)}")
        return _Base(catalog.data(name), call.column, columns, every, None, name, filtered)
    known = pass_through.columns(check, select, name)
    resolved = check.resolved(with_visible(select, node))
    if known is not None:
        check.bind_later(resolved)
    columns = known or check.columns(check.duck(resolved))
    _check_column(check, node, call, columns)
    chosen = resolved.copy()
    chosen.set("where", None)
    chosen.append("expressions", exp.alias_(pass_through.row_id(resolved), "__row"))
    return _Base(
        table=catalog.data(name),
        column=call.column,
        columns=columns,
        select=check.duck(chosen),
        where=check.duck(pass_through.row_ids(resolved)) if where else None,
        name=name,
        filtered_columns=filtered,
    )


def _computed(check: Check, node: exp.Table, call: _Call, select: exp.Select) -> _Base:
    """A base that is no table is computed first; it has no index."""
    duck = check.duck(check.resolved(with_visible(select, node)))
    columns = check.columns(duck)
    _check_column(check, node, call, columns)
    table = check.computed(columns, lambda run, table: run.insert(table, duck))
    chosen = Duck(f"SELECT *, rowid AS __row FROM {table}")
    return _Base(table, call.column, columns, chosen, None, None, frozenset())


def _check_column(check: Check, node: exp.Table, call: _Call, columns: Columns) -> None:
    kinds = [kind for name, kind in columns if name.lower() == call.column.lower()]
    if not kinds:
        raise check.text.invalid(f"Column {call.column} not found in the base table of VECTOR_SEARCH", node)
    if kinds[0] != query_table.VECTOR:
        raise check.text.invalid(
            f"Column {call.column} of the base table must be of type ARRAY<FLOAT64>, found {kinds[0].sql()}", node
        )


# The search


def _search(run: Run, call: _Call, base: _Base, query: QueryTable, used: _Used, table: str) -> None:
    """Put the neighbours into the scratch table of the function's output."""
    matrix = run.matrix(base.table, base.column, base.name)
    queries = query_table.read(run, query, whole=used.query is None or bool(used.query))
    allowed = None
    if base.where is not None:
        allowed = np.flatnonzero(np.isin(matrix.rowids, run.execute(base.where).fetchnumpy()["r"]))
    found = _neighbours(run, call, base, matrix, queries.vectors, allowed)
    hit = found.rows >= 0
    if not hit.any():
        return
    base_rows = matrix.rowids[found.rows[hit]]
    hits = _hits(run, np.repeat(queries.ordinals, hit.sum(axis=1)), base_rows, found.distances[hit])
    left, right = _packed(used.query, "q", query.columns), _packed(used.base, "b", base.columns)
    joined = f" JOIN {queries.table} q ON q.__ordinal = h.q" if queries.table else ""
    run.insert(
        table,
        Duck(
            # DuckDB pushes the ids of few rows into the scan, so that only these are read.
            f"SELECT {left} AS query, {right} AS base, h.d AS distance FROM {hits.sql} h(q, r, d){joined}"
            f" JOIN ({base.select.sql}) b ON b.__row = h.r ORDER BY h.q, h.d",
            base.select.values | hits.values,
        ),
    )


def _packed(used: set[str] | None, alias: str, columns: Columns) -> str:
    """The STRUCT of a row. Fields that the query around never names stay NULL, so that their columns are not read."""
    parts = (
        f"{quote(name)} := "
        + ("CAST(" + (f"{alias}.{quote(name)}" if used is None or name.lower() in used else "NULL"))
        + f" AS {duckdb_type(kind)})"
        for name, kind in columns
    )
    return f"struct_pack({', '.join(parts)})"


def _used_fields(select: exp.Select | None, struct: str, alias: str) -> set[str] | None:
    """Lower-case names of the fields that a query takes from the STRUCT; None when it takes it whole."""
    used: set[str] = set()
    if select is None or any(isinstance(star.parent, exp.Select) for star in select.find_all(exp.Star)):
        return None
    for column in select.find_all(exp.Column):
        parts = [part.name.lower() for part in column.parts]
        if struct in parts:
            following = parts[parts.index(struct) + 1 :]
            if not following or following[0] in ("", "*"):
                return None
            used.add(following[0])
        elif parts == [alias]:
            return None
    return used


def _hits(run: Run, queries: vectors.Places, rows: vectors.Places, distances: vectors.Floats) -> Duck:
    """A source of (query, row, distance)."""
    if len(rows) > _FEW:
        table = run.scratch((("q", Type("INT64")), ("r", Type("INT64")), ("d", Type("FLOAT64"))))
        run.fill(table, [queries, rows, distances], "c0, c1, c2")
        return Duck(table)
    # Few of them are bound: registering arrays costs more than that.
    given = {"hit_queries": "BIGINT", "hit_rows": "BIGINT", "hit_distances": "DOUBLE"}
    listed = ", ".join(f"unnest(CAST(${name} AS {kind}[]))" for name, kind in given.items())
    values = (array.tolist() for array in (queries, rows, distances))
    return Duck(f"(SELECT {listed})", dict(zip(given, values, strict=True)))


def _neighbours(
    run: Run, call: _Call, base: _Base, matrix: vectors.Matrix, queries: vectors.Floats, allowed: vectors.Places | None
) -> vectors.Neighbours:
    usage = coverage.usage(run, base.name, call.column, brute_force=call.brute_force)
    run.statistics.search.append(usage.statistics)
    distance = call.distance or (usage.distance if usage.lists else "EUCLIDEAN")
    if usage.lists and usage.distance != distance:
        usage = usage.unused("OTHER_REASON", "The index was made for another distance type.")
        run.statistics.search[-1] = usage.statistics
    if not usage.lists:
        return vectors.nearest(matrix, queries, call.top_k, distance, allowed)
    covered = max(len(matrix.vectors) - usage.unindexed, 0)
    pre_filter = allowed if allowed is not None and base.filtered_columns <= usage.stored else None
    candidates = coverage.candidates(run, usage, matrix, covered, queries, call.top_k, call.fraction, pre_filter)
    rest = np.arange(covered, len(matrix.vectors))
    both = []
    for few, query in zip(candidates, queries, strict=True):
        new = vectors.nearest(matrix, query[None, :], call.top_k, distance, rest).rows[0]
        both.append(np.concatenate([few, new]))
    found = vectors.ranked(matrix, queries, both, call.top_k, distance)
    return found if allowed is None else _filtered(found, allowed)


def _filtered(found: vectors.Neighbours, allowed: vectors.Places) -> vectors.Neighbours:
    """A filter on columns that the index does not store acts after the search (contract, "7. VECTOR_SEARCH")."""
    return vectors.Neighbours(np.where(np.isin(found.rows, allowed), found.rows, -1), found.distances)
