"""INSERT, UPDATE, DELETE, MERGE, TRUNCATE (S/dml-syntax)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from localcloud.core.errors import invalid_query
from localcloud.core.ports import Outcome
from localcloud.core.store import Transaction
from localcloud.engine import catalog, coverage, functions, query, relations, sqlglot_tree
from localcloud.engine.check import Check
from localcloud.engine.duckdb_types import quote
from localcloud.engine.plan import Plan, dml
from localcloud.engine.run import Run
from localcloud.engine.translate import Duck
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, path_name
from localcloud.googlesql.syntax import Path
from localcloud.googlesql.syntax_statements import Delete, Insert, Merge, Truncate, Update

_Counts = tuple[int, int, int]
"""Rows inserted, updated, deleted."""


def insert(check: Check, node: Insert) -> Plan:
    """INSERT [INTO] t [(columns)] VALUES … | query."""
    name, columns = _target(check, node.table)
    listed = [column.text for column in node.columns] if node.columns is not None else [known for known, _ in columns]
    if node.query is not None:
        source = functions.served(sqlglot_tree.query(node.query), check.text)
        query.name_anonymous_columns(source)
    else:
        source = functions.served(sqlglot_tree.rows(node.rows), check.text)
    given = check.duck(check.resolved(source))
    check.check_types(given)
    into = ", ".join(quote(column) for column in listed)
    statement = Duck(f"INSERT INTO {catalog.data(name)} ({into}) {given.sql}", given.values)

    def change(run: Run, transaction: Transaction) -> _Counts:
        return _count(run, statement, transaction), 0, 0

    return _plan(check, "INSERT", name, columns, change)


def update(check: Check, node: Update) -> Plan:
    """UPDATE t SET … [FROM …] WHERE …."""
    name, columns = _target(check, node.table)
    tree = functions.served(sqlglot_tree.update(node), check.text)
    _put_target(tree, name)
    _bare_columns(tree.expressions)
    statement = check.duck(check.resolved(tree))
    matches = _matches(check, tree, name) if node.tables is not None else None

    def change(run: Run, transaction: Transaction) -> _Counts:
        if matches is not None:
            row = run.execute(matches, transaction.sql).fetchone()
            if row and row[0]:
                raise invalid_query("UPDATE/MERGE must match at most one source row for each target row")
        return 0, _count(run, statement, transaction), 0

    return _plan(check, "UPDATE", name, columns, change, statement)


def delete(check: Check, node: Delete) -> Plan:
    """DELETE FROM t WHERE …."""
    name, columns = _target(check, node.table)
    tree = functions.served(sqlglot_tree.delete(node), check.text)
    _put_target(tree, name)
    statement = check.duck(check.resolved(tree))

    def change(run: Run, transaction: Transaction) -> _Counts:
        return 0, 0, _count(run, statement, transaction)

    return _plan(check, "DELETE", name, columns, change, statement)


def merge(check: Check, node: Merge) -> Plan:
    """MERGE [INTO] t USING source ON … WHEN …, all forms."""
    name, columns = _target(check, node.table)
    tree = functions.served(sqlglot_tree.merge(node), check.text)
    _put_target(tree, name)
    check.resolved(tree)
    _complete_inserts(check, tree, columns)
    _bare_columns([e for when in tree.args["whens"].expressions for e in when.args["then"].expressions or []])
    translated = check.duck(tree)
    statement = Duck(f"{translated.sql} RETURNING merge_action", translated.values)

    def change(run: Run, transaction: Transaction) -> _Counts:
        done = Counter(row[0] for row in run.execute(statement, transaction.sql).fetchall())
        return done["INSERT"], done["UPDATE"], done["DELETE"]

    return _plan(check, "MERGE", name, columns, change, translated)


def truncate(check: Check, node: Truncate) -> Plan:
    """TRUNCATE TABLE t."""
    name, columns = _target(check, node.table)
    statement = Duck(f"DELETE FROM {catalog.data(name)}")

    def change(run: Run, transaction: Transaction) -> _Counts:
        return 0, 0, _count(run, statement, transaction)

    return _plan(check, "TRUNCATE_TABLE", name, columns, change)


def _plan(
    check: Check,
    statement_type: str,
    name: Name,
    columns: types.Columns,
    change: Callable[[Run, Transaction], _Counts],
    checked: Duck | None = None,
) -> Plan:
    if checked is not None:
        check.execute(Duck(f"EXPLAIN {checked.sql}", checked.values))

    def apply(run: Run, transaction: Transaction) -> Outcome:
        catalog.table(transaction, name, check.statement.location)
        coverage.before_change(run, transaction, name)
        inserted, updated, deleted = change(run, transaction)
        if inserted or updated:
            query.empty_arrays(transaction, catalog.data(name), columns)
        run.hold_documents()
        if inserted or updated or deleted:
            _changed(run, transaction, name)
            coverage.after_change(run, transaction, name, inserted + updated)
        return dml(statement_type, run.statistics.body(), inserted, updated, deleted)

    return Plan(statement_type, apply, target=name)


def _changed(run: Run, transaction: Transaction, name: Name) -> None:
    catalog.touch(transaction, name, run.clock)
    document = transaction.get("table", str(name))
    if document is not None:
        document["lastModifiedTime"] = str(run.clock.millis())
        transaction.put("table", str(name), document)


def _target(check: Check, path: Path) -> tuple[Name, types.Columns]:
    name = path_name(path, check.statement)
    document = catalog.table(check.store, name, check.statement.location)
    if document["type"] != "TABLE":
        raise invalid_query(f"DML is not supported on {name.shown}, which is of type {document['type']}")
    check.count_bytes(name)
    return name, types.columns_of(document["schema"])


def _put_target(tree: exp.Update | exp.Delete | exp.Merge, name: Name) -> None:
    tree.set("this", relations.physical(name, tree.this.alias or name.table))


def _bare_columns(assignments: list[Any]) -> None:
    """DuckDB wants the assigned column without its table."""
    for assignment in assignments:
        if isinstance(assignment, exp.EQ) and isinstance(assignment.this, exp.Column):
            assignment.this.set("table", None)


def _complete_inserts(check: Check, tree: exp.Merge, columns: types.Columns) -> None:
    """Every INSERT lists its columns; INSERT ROW takes the source's columns by position."""
    for when in tree.args["whens"].expressions:
        then = when.args["then"]
        if not isinstance(then, exp.Insert) or isinstance(then.this, exp.Tuple):
            continue
        listed = [exp.column(exp.to_identifier(name, quoted=True)) for name, _ in columns]
        if then.args.get("expression") is None:
            using = tree.args["using"]
            found = check.columns(check.duck(exp.select("*").from_(using.copy())))
            values = [exp.column(exp.to_identifier(name, quoted=True), table=using.alias_or_name) for name, _ in found]
            then.set("expression", exp.Tuple(expressions=values))
        then.set("this", exp.Tuple(expressions=listed))


def _matches(check: Check, tree: Any, name: Name) -> Duck:
    """Counts target rows that several source rows would update."""
    target = relations.physical(name, tree.this.alias)
    sources = [exp.Join(this=tree.args["from_"].this.copy())]
    row = exp.Column(this=exp.to_identifier("rowid"), table=exp.to_identifier(tree.this.alias, quoted=True))
    inner = exp.Select(expressions=[row], joins=sources, from_=exp.From(this=target), where=tree.args["where"].copy())
    inner = inner.group_by(row.copy()).having("COUNT(*) > 1")
    return check.duck(exp.select("COUNT(*)").from_(inner.subquery("multiple")))


def _count(run: Run, statement: Duck, transaction: Transaction) -> int:
    row = run.execute(statement, transaction.sql).fetchone()
    return int(row[0]) if row else 0
