"""SELECT: the answer's columns, and the table that keeps it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlglot import exp

from localcloud.core.errors import Unsupported, duplicate, invalid, invalid_query, not_found
from localcloud.core.ports import Outcome
from localcloud.core.store import Document, Transaction
from localcloud.engine import catalog, functions, sqlglot_tree
from localcloud.engine.check import Check
from localcloud.engine.duckdb_types import duckdb_type, quote
from localcloud.engine.plan import Plan
from localcloud.engine.run import Run
from localcloud.engine.translate import Duck
from localcloud.googlesql import types
from localcloud.googlesql.names import Name
from localcloud.googlesql.syntax import Query

_UNNAMED = "\x1f"


def prepare(check: Check, node: Query) -> Plan:
    """SELECT into an anonymous table, or into the job's destination."""
    query, columns = resolved_query(check, functions.served(sqlglot_tree.query(node), check.text))
    schema = types.rest_schema(columns)
    destination = check.statement.destination
    if destination is not None:
        return _into(check, query, columns, destination)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        table = (catalog.RESULTS, uuid.uuid4().hex)
        rows = keep(run, transaction, f'{catalog.RESULTS}."{table[1]}"', columns, query)
        return Outcome("SELECT", schema, table, rows, run.statistics.body())

    return Plan("SELECT", apply, schema)


def resolved_query(check: Check, tree: Any) -> tuple[Duck, types.Columns]:
    """DuckDB's form of a query and the columns of its answer. Raises ApiError for columns of one name."""
    _using_first(tree)
    name_anonymous_columns(tree)
    duck = check.duck(check.resolved(tree))
    columns = _answer(check, duck)
    seen: set[str] = set()
    for name, _ in columns:
        if name.lower() in seen:
            raise invalid_query(f"Duplicate column names in the result are not supported. Found duplicate(s): {name}")
        seen.add(name.lower())
    return duck, columns


def name_anonymous_columns(tree: Any) -> None:
    """f0_, f1_, … for the columns of each query that have no name; inside others one that no statement can spell."""
    for select in tree.find_all(exp.Select):
        inner = select is not tree and not isinstance(select.parent, exp.SetOperation) and not select.args.get("kind")
        number = 0
        for place, column in enumerate(select.expressions):
            if isinstance(column, (exp.Alias, exp.Column, exp.Star)) or _named_field(column):
                continue
            name = exp.to_identifier(f"{_UNNAMED if inner else ''}f{number}_", quoted=True)
            select.expressions[place].replace(exp.Alias(this=column.copy(), alias=name))
            number += 1


def _answer(check: Check, duck: Duck) -> types.Columns:
    """The columns that the analyzer found, those without a name counted; DuckDB's types differ where it knows fewer."""
    check.bind_later(duck)
    assert check.answer is not None
    number, shown = 0, []
    for name, kind in check.answer:
        if not name:
            name, number = f"f{number}_", number + 1
        shown.append((name, types.with_field_names(kind)))
    return tuple(shown)


def _using_first(tree: Any) -> None:
    """`*` begins with the columns of USING, those of the last join first; DuckDB leaves them in their places."""
    for select in tree.find_all(exp.Select):
        named = [one for join in reversed(select.args.get("joins") or []) for one in join.args.get("using") or []]
        stars = [one for one in select.expressions if isinstance(one, exp.Star)]
        if not named or not stars:
            continue
        (star,) = stars[:1]
        taken = {one.name.lower() for one in star.args.get("except_") or []}
        taken |= {one.alias.lower() for one in star.args.get("replace") or []}
        columns = {one.name.lower(): one for one in named if one.name.lower() not in taken}
        left_out = [exp.to_identifier(one.name, quoted=True) for one in columns.values()]
        star.set("except_", [*(star.args.get("except_") or []), *left_out])
        first = [exp.column(exp.to_identifier(one.name, quoted=True)) for one in columns.values()]
        place = select.expressions.index(star)
        select.set("expressions", [*select.expressions[:place], *first, *select.expressions[place:]])


def check_named(check: Check, tree: Any) -> None:
    """Raises ApiError when a table made of the query would have a column without a name."""
    first = tree
    while isinstance(first, (exp.SetOperation, exp.Subquery)):
        first = first.this
    for place, column in enumerate(first.expressions, 1):
        if not (isinstance(column, (exp.Alias, exp.Column, exp.Star)) or _named_field(column)):
            raise check.text.invalid(f"CREATE TABLE columns must be named, but column {place} has no name", column)


def keep(run: Run, transaction: Transaction, table: str, columns: types.Columns, query: Duck) -> int:
    """Make a DuckDB table of `columns`, fill it in the answer's order; NULL arrays become empty ones. Rows kept."""
    if not columns:
        raise invalid_query("A query must have at least one column")
    listed = ", ".join(f"{quote(name)} {duckdb_type(kind)}" for name, kind in columns)
    transaction.sql.execute(f"CREATE TABLE {table} ({listed})")
    inserted = run.execute(Duck(f"INSERT INTO {table} {query.sql}", query.values), transaction.sql).fetchone()
    empty_arrays(transaction, table, columns)
    return int(inserted[0]) if inserted else 0


def empty_arrays(transaction: Transaction, table: str, columns: types.Columns) -> None:
    """A NULL array is stored as an empty one (contract, "0. Facts that shape the design", item 5)."""
    for name, kind in columns:
        if kind.array:
            column = quote(name)
            transaction.sql.execute(f"UPDATE {table} SET {column} = [] WHERE {column} IS NULL")


def _named_field(column: Any) -> bool:
    return isinstance(column, exp.Dot) and isinstance(column.expression, (exp.Identifier, exp.Star))


def _into(check: Check, query: Duck, columns: types.Columns, reference: dict[str, str]) -> Plan:
    statement = check.statement
    name = Name(reference["projectId"], reference["datasetId"], reference["tableId"])
    catalog.dataset(check.store, name, statement.location)
    schema = types.rest_schema(columns)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        existing = transaction.get("table", str(name))
        disposition = statement.write_disposition or "WRITE_EMPTY"
        if existing is None and statement.create_disposition == "CREATE_NEVER":
            raise not_found(f"Not found: Table {name.shown}")
        if existing is not None and existing["type"] != "TABLE":
            raise invalid(f"{name.shown} is not a table that can be written to")
        size = catalog.table_size(check.store, name.project, name.dataset, name.table)
        if existing is not None and disposition == "WRITE_EMPTY" and size[0]:
            raise duplicate(f"Already Exists: Table {name.shown}")
        if existing is not None and disposition == "WRITE_APPEND":
            raise Unsupported("writeDisposition WRITE_APPEND (INSERT … SELECT does it)")
        document = catalog.table_document(name, schema, run.clock, statement.location)
        rows = write_table(run, transaction, name, document, query)
        table = (name.parent, name.table)
        return Outcome("SELECT", schema, table, rows, run.statistics.body(), destination=dict(reference))

    return Plan("SELECT", apply, schema, name)


def write_table(run: Run, transaction: Transaction, name: Name, document: Document, query: Duck) -> int:
    """Make, or replace, a table by the answer of a query, which may read the old one. Rows written."""
    columns = types.columns_of(document["schema"])
    catalog.check_columns(document["schema"]["fields"])
    catalog.refuse_twin(transaction, name)
    catalog.create_dataset_data(transaction, name.project, name.dataset)
    staging = f'{quote(name.parent)}."{uuid.uuid4().hex}"'
    rows = keep(run, transaction, staging, columns, query)
    run.hold_documents()
    catalog.drop_table(transaction, name.project, name.dataset, name.table)
    transaction.sql.execute(f"ALTER TABLE {staging} RENAME TO {quote(name.table)}")
    transaction.put("table", str(name), document)
    catalog.touch(transaction, name, run.clock)
    return rows
