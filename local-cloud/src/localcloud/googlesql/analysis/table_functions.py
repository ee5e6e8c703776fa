"""Table functions: what they take and give.

Sources: contract, "1. AI.GENERATE_EMBEDDING", "4. Object tables", "6. Vector indexes" and "7. VECTOR_SEARCH".

What only the engine can know, a dimension that an endpoint does not offer for instance, is checked there.
"""

from __future__ import annotations

from typing import NoReturn

from localcloud.core.errors import invalid_query
from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.analysis.expressions import resolve
from localcloud.googlesql.analysis.scopes import Clause, Ctes, Relation, Scope, relation
from localcloud.googlesql.analysis.values import FLOAT64, STRING
from localcloud.googlesql.syntax import QueryValue, TableArgument, TableFunction
from localcloud.googlesql.types import Columns, Type

_GEMINI = "gemini-embedding-2-preview"
_VECTOR = Type("FLOAT64", array=True)
_SERVED: dict[str, tuple[str, ...]] = {
    "AI.GENERATE_EMBEDDING": (),
    "EXTERNAL_OBJECT_TRANSFORM": (),
    "VECTOR_INDEX.STATISTICS": (),
    "VECTOR_SEARCH": ("query_column_to_search", "top_k", "distance_type", "options"),
}
"""Served table functions, and the arguments that may be named."""
_UNSERVED = ("AI", "ML", "APPENDS", "CHANGES", "EXTERNAL_QUERY", "GAP_FILL", "RANGE_SESSIONIZE")
"""Table functions that BigQuery has and the local cloud lacks, by what their names begin with."""


def resolve_table_function(context: Context, node: TableFunction, ctes: Ctes) -> Relation:
    """What a table function gives. Raises ApiError for one that is not known or not served."""
    name = ".".join(part.text.upper() for part in node.function)
    if name not in _SERVED:
        _raise_unknown(context, name, node)
    _check_names(context, name, node)
    for argument in node.arguments:
        if argument.value is not None and argument.kind == "":
            resolve(context, argument.value, Clause(f"argument of {name}", Scope(), without_tables=True))
    if name == "AI.GENERATE_EMBEDDING":
        return _generate_embedding(context, node, ctes)
    if name == "VECTOR_SEARCH":
        return _vector_search(context, node, ctes)
    if name == "VECTOR_INDEX.STATISTICS":
        if [argument.kind for argument in node.arguments] != ["TABLE"]:
            raise context.invalid("VECTOR_INDEX.STATISTICS takes one table", node)
        return relation([("drift", FLOAT64)])
    return _external_object_transform(context, node, ctes)


def _check_names(context: Context, name: str, node: TableFunction) -> None:
    for argument in node.arguments:
        if name == "VECTOR_SEARCH" and argument.name == "query_value":
            raise context.unsupported("VECTOR_SEARCH with query_value", argument)
        if argument.name and argument.name not in _SERVED[name]:
            raise context.invalid(
                f"Named argument {argument.name} not found in signature for call to function {name}", argument
            )


def _raise_unknown(context: Context, name: str, node: TableFunction) -> NoReturn:
    if name.partition(".")[0] in _UNSERVED:
        raise context.unsupported(f"the table function {name}", node)
    raise context.invalid(f"Table-valued function not found: {'.'.join(part.text for part in node.function)}", node)


def _argument_rows(context: Context, argument: TableArgument, ctes: Ctes) -> Relation:
    """What an argument that is a table or a query gives."""
    if argument.kind == "TABLE":
        known = ctes.known.get(argument.path[0].key) if len(argument.path) == 1 else None
        return known or relation(context.catalog.table(argument.path))
    if not isinstance(argument.value, QueryValue):
        raise context.invalid("Expected TABLE or a query in brackets", argument)
    return context.subquery(argument.value.query, None, ctes)


def _generate_embedding(context: Context, node: TableFunction, ctes: Ctes) -> Relation:
    if len(node.arguments) not in (2, 3) or node.arguments[0].kind != "MODEL":
        raise context.invalid("AI.GENERATE_EMBEDDING takes a model, a table or query, and a STRUCT of options", node)
    model, rows = node.arguments[:2]
    given = tuple(_argument_rows(context, rows, ctes).kinds())
    text = any(name.lower() == "content" and kind == STRING for name, kind in given)
    return relation(output_columns(context.catalog.model(model.path), given, text=text))


def _vector_search(context: Context, node: TableFunction, ctes: Ctes) -> Relation:
    tables = [argument for argument in node.arguments if argument.kind in ("TABLE", "QUERY")]
    if len(tables) != 2 or len(node.arguments) > 7 or tables != [node.arguments[0], *node.arguments[2:3]]:
        raise context.invalid("VECTOR_SEARCH takes a base table, the name of its column, and a query table", node)
    base, query = (tuple(_argument_rows(context, argument, ctes).kinds()) for argument in tables)
    return relation([("query", Type("STRUCT", query)), ("base", Type("STRUCT", base)), ("distance", FLOAT64)])


def _external_object_transform(context: Context, node: TableFunction, ctes: Ctes) -> Relation:
    tables = [argument for argument in node.arguments if argument.kind == "TABLE"]
    if len(tables) != 1:
        raise context.invalid("EXTERNAL_OBJECT_TRANSFORM takes a table and ['SIGNED_URL']", node)
    return relation([*_argument_rows(context, tables[0], ctes).kinds(), ("signed_url", STRING)])


def output_columns(endpoint: str, given: Columns, *, text: bool) -> Columns:
    """The columns of the answer to an input with the columns `given`. Raises ApiError when two would have one name."""
    head: Columns = (("embedding", _VECTOR), ("status", Type("STRING")))
    if endpoint == _GEMINI:
        head = (("embedding", _VECTOR), ("statistics", Type("JSON")), ("status", Type("STRING")))
    elif not text:
        head += (("video_start_sec", Type("INT64")), ("video_end_sec", Type("INT64")))
    taken = {name.lower() for name, _ in head}
    for name, _ in given:
        if name.lower() in taken:
            # Choice: the documentation does not say what an input column of this name becomes.
            raise invalid_query(f"Duplicate column name {name} in the output of AI.GENERATE_EMBEDDING")
    if text:
        content = [column for column in given if column[0].lower() == "content"]
        return head + tuple(content + [column for column in given if column not in content])
    return head + given
