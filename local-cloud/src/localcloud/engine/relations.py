"""The FROM clause: names and table functions become DuckDB tables.

`d.t`                              rows of the table, or its objects listed now (objects.py)
d.INFORMATION_SCHEMA.X             information_schema.py
AI.GENERATE_EMBEDDING(…)           embedding.py
VECTOR_SEARCH(…)                   search.py
VECTOR_INDEX.STATISTICS(TABLE t)   indexes.py
EXTERNAL_OBJECT_TRANSFORM(TABLE t, ['SIGNED_URL'])   objects.py
UNNEST(array)                      unnest.py
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.engine import catalog, embedding, indexes, information_schema, objects, search, unnest
from localcloud.engine.check import Check
from localcloud.engine.ctes import visible_ctes
from localcloud.googlesql.names import Name, full_name, parts_of
from localcloud.googlesql.positions import start


def resolve(check: Check, tree: Any) -> Any:
    """Put DuckDB tables in the place of every source in `tree`, which is changed; returns it. Raises ApiError."""
    # As they stand in the text, so that what a CTE names is there; arrays last, since they are columns of the others.
    for node in sorted(_sources(tree), key=lambda node: (isinstance(node, exp.Unnest), start(node) or 0)):
        if isinstance(node, exp.Unnest):
            unnest.replace(check, node)
        elif isinstance(node.this, exp.Func):
            _put(node, _function(check, node), node.alias)
        elif not node.meta.get("resolved") and not _is_cte(node):
            _put(node, _table(check, node), node.alias or node.this.name.rpartition(".")[2])
    return tree


def physical(name: Name, alias: str) -> Any:
    """The DuckDB table with the rows of a BigQuery table."""
    return _resolved(
        exp.Table(this=_quoted(name.table), db=_quoted(name.parent), alias=exp.TableAlias(this=_quoted(alias)))
    )


def scratch_table(name: str) -> Any:
    """A scratch table as a source."""
    return _resolved(exp.to_table(name, dialect="duckdb"))


def _resolved(table: Any) -> Any:
    table.meta["resolved"] = True
    return table


def _quoted(name: str) -> Any:
    return exp.to_identifier(name, quoted=True)


def _sources(tree: Any) -> list[Any]:
    found = []
    inside_function = lambda node: isinstance(node, exp.Table) and isinstance(node.this, exp.Func)  # noqa: E731
    for node in tree.walk(prune=inside_function):
        unnested = isinstance(node, exp.Unnest) and isinstance(node.parent, (exp.From, exp.Join, exp.Table, exp.Merge))
        if unnested or isinstance(node, exp.Table):
            found.append(node)
    return found


def _is_cte(node: Any) -> bool:
    return not node.args.get("db") and node.name.lower() in {cte.alias.lower() for cte in visible_ctes(node)}


def _put(node: Any, source: Any, alias: str) -> None:
    if alias:
        source.set("alias", exp.TableAlias(this=_quoted(alias)))
    source.set("joins", node.args.get("joins"))
    node.replace(source)


def _table(check: Check, node: Any) -> Any:
    parts = parts_of(node)
    if len(parts) > 1 and parts[-1].upper().startswith("INFORMATION_SCHEMA."):
        return scratch_table(information_schema.view(check, node))
    name = full_name(node, check.statement)
    document = catalog.table(check.store, name, check.statement.location)
    if document["type"] == "TABLE":
        check.count_bytes(name)
        return physical(name, name.table)
    if document["type"] == "EXTERNAL":
        return scratch_table(objects.source(check, objects.ObjectTable.from_document(name, document)))
    raise check.text.unsupported(f"reading a {document['type']}", node)


def _function(check: Check, node: Any) -> Any:
    called = node.this
    space = node.args["db"].name.upper() if node.args.get("db") else ""
    if isinstance(called, exp.GenerateEmbedding) and space == "AI":
        return scratch_table(embedding.generate(check, node))
    if isinstance(called, exp.VectorSearch) and not space:
        return scratch_table(search.vector_search(check, node))
    function = f"{space}.{called.name if isinstance(called, exp.Anonymous) else called.sql_name()}".strip(".").upper()
    if function == "EXTERNAL_OBJECT_TRANSFORM":
        return scratch_table(objects.transform(check, node))
    if function == "VECTOR_INDEX.STATISTICS":
        return scratch_table(indexes.statistics(check, node))
    if space in ("AI", "ML") or not isinstance(called, exp.Anonymous):
        raise check.text.unsupported(f"the table function {function}", node)
    raise check.text.invalid(f"Table-valued function not found: {called.name}", node)
