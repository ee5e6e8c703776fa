"""VECTOR_SEARCH (contract section 7): query STRUCT, base STRUCT, distance FLOAT64."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlglot import exp

from localcloud.bigquery.sql import catalog, coverage, types, vectors
from localcloud.bigquery.sql.ctes import visible_ctes, with_visible
from localcloud.bigquery.sql.names import Name, full_name
from localcloud.bigquery.sql.session import Session
from localcloud.bigquery.sql.translate import Duck
from localcloud.bigquery.sql.types import Columns, Type

_VECTOR = Type("FLOAT64", array=True)
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


def vector_search(session: Session, node: Any) -> str:
    """The scratch table with the function's output."""
    call = _call(session, node)
    queries, query_columns = _queries(session, node, call)
    base = _base(session, node, call)
    output: Columns = (
        ("query", Type("STRUCT", query_columns)),
        ("base", Type("STRUCT", base.columns)),
        ("distance", Type("FLOAT64")),
    )
    table = session.scratch(output)
    if session.empty:
        return table
    query_column = _query_column(session, node, call, query_columns)
    session.cursor.begin()  # one snapshot: the vectors, the filter and the rows belong together
    try:
        _search(session, node, call, base, (queries, query_column, query_columns), table)
    except BaseException:
        session.cursor.rollback()
        raise
    session.cursor.commit()
    return table


# Arguments


def _call(session: Session, node: Any) -> _Call:
    call = node.this
    given: dict[str, Any] = {}
    for spelled, argument in call.args.items():
        name = spelled.lower()
        if isinstance(argument, exp.Kwarg) and name not in _ARGUMENTS:
            raise session.text.invalid(
                f"Named argument {name} not found in signature for call to function VECTOR_SEARCH", node
            )
        if name in _ARGUMENTS and argument is not None:
            given[name] = session.constant(argument.expression if isinstance(argument, exp.Kwarg) else argument)
    top_k = given.get("top_k", 10)
    if not isinstance(top_k, int) or not 1 <= top_k <= _MAX_TOP_K:
        raise session.text.invalid(f"top_k must be between 1 and {_MAX_TOP_K}", node)
    distance = given.get("distance_type")
    if distance is not None and str(distance).upper() not in vectors.DISTANCES:
        raise session.text.invalid(f"Unsupported distance_type {distance}", node)
    brute_force, fraction = _options(session, given.get("options"), node)
    return _Call(
        column=str(session.constant(call.args["column_to_search"])),
        query_column=given.get("query_column_to_search"),
        top_k=top_k,
        distance=str(distance).upper() if distance else None,
        brute_force=brute_force,
        fraction=fraction,
    )


def _options(session: Session, text: Any, node: Any) -> tuple[bool, float | None]:
    try:
        given = json.loads(str(text)) if text is not None else {}
        fraction = given.get("fraction_lists_to_search")
        fraction = None if fraction is None else float(fraction)
    except (ValueError, TypeError, AttributeError) as error:
        raise session.text.invalid(f"Invalid options of VECTOR_SEARCH: {text}", node) from error
    brute_force = given.get("use_brute_force", False)
    if set(given) - {"use_brute_force", "fraction_lists_to_search"} or not isinstance(brute_force, bool):
        raise session.text.invalid(f"Invalid options of VECTOR_SEARCH: {text}", node)
    if fraction is not None and brute_force:
        raise session.text.invalid("fraction_lists_to_search and use_brute_force cannot be specified together", node)
    if fraction is not None and not 0 < fraction <= 1:
        raise session.text.invalid("fraction_lists_to_search must be in (0, 1]", node)
    return brute_force, fraction


def _queries(session: Session, node: Any, call: _Call) -> tuple[str, Columns]:
    argument = node.this.args["query_table"]
    query = exp.select("*").from_(argument.copy()) if isinstance(argument, exp.Table) else argument.this
    duck = session.duck(session.resolved(with_visible(query, node)))
    columns = session.columns(duck)
    _query_column(session, node, call, columns)
    table = session.scratch((*columns, ("__ordinal", Type("INT64"))))
    if not session.empty:
        session.execute(Duck(f"INSERT INTO {table} SELECT *, row_number() OVER () - 1 FROM ({duck.sql})", duck.values))
    return table, columns


def _query_column(session: Session, node: Any, call: _Call, columns: Columns) -> str:
    """The named column, else the one called like the base's, else the only one of the right type."""
    fitting = [name for name, kind in columns if kind == _VECTOR]
    wanted = call.query_column or call.column
    for name in fitting:
        if name.lower() == wanted.lower():
            return name
    if call.query_column is None and len(fitting) == 1:
        return fitting[0]
    if call.query_column is None:
        raise session.text.invalid("query_column_to_search must be specified", node)
    raise session.text.invalid(f"Column {wanted} of type ARRAY<FLOAT64> not found in the query table", node)


# The base


def _base(session: Session, node: Any, call: _Call) -> _Base:
    argument = node.this.this
    select = argument.this if isinstance(argument, exp.Subquery) else exp.select("*").from_(argument.copy())
    if not isinstance(select, exp.Select) or {k for k, v in select.args.items() if v} - {
        "expressions",
        "from_",
        "where",
    }:
        raise session.text.invalid("The base query of VECTOR_SEARCH may only have SELECT, FROM and WHERE", node)
    where = select.args.get("where")
    filtered = frozenset(column.name.lower() for column in where.find_all(exp.Column)) if where else frozenset()
    if call.column.lower() in filtered:
        raise session.text.invalid(f"The base query of VECTOR_SEARCH cannot filter on the column {call.column}", node)
    name = _stored(session, node, select)
    if name is None or not _passes(select, call.column):
        return _computed(session, node, call, select)
    resolved = session.resolved(with_visible(select, node))
    columns = session.columns(session.duck(resolved))
    _check_column(session, node, call, columns)
    source = resolved.args["from_"].this
    row = exp.column(exp.to_identifier("rowid"), table=exp.to_identifier(source.alias, quoted=True))
    chosen, kept = resolved.copy(), resolved.copy()
    chosen.set("where", None)
    chosen.append("expressions", exp.alias_(row, "__row"))
    kept.set("expressions", [exp.alias_(row, "r")])
    return _Base(
        table=catalog.data(name),
        column=types.quote(call.column),
        columns=columns,
        select=session.duck(chosen),
        where=session.duck(kept) if where else None,
        name=name,
        filtered_columns=filtered,
    )


def _stored(session: Session, node: Any, select: Any) -> Name | None:
    """The table with rows of its own that the base query reads directly, or None."""
    path = select.args["from_"].this if select.args.get("from_") else None
    if not isinstance(path, exp.Table) or isinstance(path.this, exp.Func):
        return None
    ctes = {cte.alias.lower() for cte in visible_ctes(node)}
    if len(path.parts) == 1 and (path.name.lower() in ctes or session.statement.default_dataset is None):
        return None
    name = full_name(path, session.statement)
    document = session.store.get("table", str(name))
    return name if document and document["type"] == "TABLE" else None


def _passes(select: Any, column: str) -> bool:
    """Whether the table's column comes out of the base query as it is."""
    for expression in select.expressions:
        if isinstance(expression, exp.Star) and not any(
            expression.args.get(a) for a in ("except_", "replace", "rename")
        ):
            return True
        if isinstance(expression, exp.Column) and (expression.name.lower() == column.lower() or expression.is_star):
            return True
    return False


def _computed(session: Session, node: Any, call: _Call, select: Any) -> _Base:
    """A base that is no table is computed first; it has no index."""
    duck = session.duck(session.resolved(with_visible(select, node)))
    columns = session.columns(duck)
    _check_column(session, node, call, columns)
    table = session.scratch(columns)
    if not session.empty:
        session.execute(Duck(f"INSERT INTO {table} {duck.sql}", duck.values))
    chosen = Duck(f"SELECT *, rowid AS __row FROM {table}")
    return _Base(table, types.quote(call.column), columns, chosen, None, None, frozenset())


def _check_column(session: Session, node: Any, call: _Call, columns: Columns) -> None:
    kinds = [kind for name, kind in columns if name.lower() == call.column.lower()]
    if not kinds:
        raise session.text.invalid(f"Column {call.column} not found in the base table of VECTOR_SEARCH", node)
    if kinds[0] != _VECTOR:
        raise session.text.invalid(
            f"Column {call.column} of the base table must be of type ARRAY<FLOAT64>, found {kinds[0].sql()}", node
        )


# The search


def _search(session: Session, node: Any, call: _Call, base: _Base, query: tuple[str, str, Columns], table: str) -> None:
    cursor = session.cursor
    queries, query_column, query_columns = query
    matrix = session.matrix(base.table, base.column, base.name)
    wanted = vectors.read(cursor, queries, types.quote(query_column))
    allowed = None
    if base.where is not None:
        allowed = np.flatnonzero(np.isin(matrix.rowids, session.execute(base.where).fetchnumpy()["r"]))
    found = _neighbours(session, call, base, matrix, wanted.vectors.astype(np.float64), allowed)
    hit = found.rows >= 0
    if not hit.any():
        return
    query_places = np.repeat(wanted.positions, hit.sum(axis=1))
    base_rows = matrix.rowids[found.rows[hit]]
    hits = _hits(session, query_places, base_rows, found.distances[hit])
    left, right = _packed(node, "query", "q", query_columns), _packed(node, "base", "b", base.columns)
    # A list of constants is pushed into the scan, so that only these rows are read.
    listed = ", ".join(str(row) for row in np.unique(base_rows)) if len(base_rows) <= _FEW else f"SELECT r FROM {hits}"
    chosen = f"SELECT * FROM ({base.select.sql}) WHERE __row IN ({listed})"
    session.execute(
        Duck(
            f"INSERT INTO {table} SELECT {left}, {right}, h.d FROM {hits} h(q, r, d)"
            f" JOIN {queries} q ON q.__ordinal = h.q JOIN ({chosen}) b ON b.__row = h.r ORDER BY h.q, h.d",
            base.select.values,
        )
    )


def _packed(node: Any, struct: str, alias: str, columns: Columns) -> str:
    """The STRUCT of a row. Fields that the query around never names stay NULL, so that their columns are not read."""
    used = _used_fields(node.find_ancestor(exp.Select), struct, node.alias.lower())
    parts = (
        f"{types.quote(name)} := "
        + (f"{alias}.{types.quote(name)}" if used is None or name.lower() in used else f"CAST(NULL AS {kind.duckdb()})")
        for name, kind in columns
    )
    return f"struct_pack({', '.join(parts)})"


def _used_fields(select: Any, struct: str, alias: str) -> set[str] | None:
    """Lower-case names of the fields that a query takes from the STRUCT; None when it takes it whole."""
    used: set[str] = set()
    if any(isinstance(star.parent, exp.Select) for star in select.find_all(exp.Star)):
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


def _hits(session: Session, queries: Any, rows: Any, distances: Any) -> str:
    """A source of (query, row, distance). Few of them are constants: registering arrays costs more than they do."""
    if len(rows) > _FEW:
        table = session.scratch((("q", Type("INT64")), ("r", Type("INT64")), ("d", Type("FLOAT64"))))
        session.fill(table, [queries, rows, distances], "c0, c1, c2")
        return table
    found = zip(queries.tolist(), rows.tolist(), distances.tolist(), strict=True)
    return "(VALUES " + ", ".join(f"({q}, {r}, '{d!r}'::DOUBLE)" for q, r, d in found) + ")"


def _neighbours(
    session: Session, call: _Call, base: _Base, matrix: vectors.Matrix, queries: vectors.Floats, allowed: Any
) -> vectors.Neighbours:
    usage = coverage.usage(session, base.name, call.column, brute_force=call.brute_force)
    session.statistics.search.append(usage.statistics)
    distance = call.distance or (usage.distance if usage.lists else "EUCLIDEAN")
    if usage.lists and usage.distance != distance:
        usage = usage.unused("OTHER_REASON", "The index was made for another distance type.")
        session.statistics.search[-1] = usage.statistics
    if not usage.lists:
        return vectors.nearest(matrix, queries, call.top_k, distance, allowed)
    covered = max(len(matrix.vectors) - usage.unindexed, 0)
    pre_filter = allowed if allowed is not None and base.filtered_columns <= usage.stored else None
    candidates = coverage.candidates(session, usage, matrix, covered, queries, call.top_k, call.fraction, pre_filter)
    rest = np.arange(covered, len(matrix.vectors))
    both = []
    for few, query in zip(candidates, queries, strict=True):
        new = vectors.nearest(matrix, query[None, :], call.top_k, distance, rest).rows[0]
        both.append(np.concatenate([few, new]))
    found = vectors.ranked(matrix, queries, both, call.top_k, distance)
    return found if allowed is None else _filtered(found, allowed)


def _filtered(found: vectors.Neighbours, allowed: Any) -> vectors.Neighbours:
    """A filter on columns that the index does not store acts after the search (contract section 7)."""
    return vectors.Neighbours(np.where(np.isin(found.rows, allowed), found.rows, -1), found.distances)
