"""A dataset of the program for Google's own analyzer: tables, the remote model, BigQuery's table-valued functions.

ZetaSQL (the parser, analyzer and reference evaluator of GoogleSQL) type-checks a statement against a catalog. Tables
that statements make are learned from those statements: `Catalog.run` analyses one and keeps the table it creates, so a
later statement is checked against what the earlier one really makes. ZetaSQL knows nothing of BigQuery's table-valued
functions; their output schemas follow here from their arguments, call by call, with the rules of these functions that a
type system cannot express (docs/bigquery-contract.md#1-aigenerate_embedding, docs/bigquery-contract.md#4-object-tables,
docs/bigquery-contract.md#7-vector_search).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import zetasql.types as z
from zetasql.api import Analyzer, CatalogBuilder, Parser, TVFBuilder
from zetasql.core.exceptions import ZetaSQLError

from localcloud.testing.zetasql import Columns, array, scalar, spelled, struct

OBJECT_TABLE_INPUT = {"uri", "generation", "content_type", "size", "md5_hash", "updated", "metadata", "ref"}


class Refused(Exception):
    """The analyzer, or a rule of one of BigQuery's functions, refuses the statement."""


def _spelled(columns: Mapping[str, z.Type]) -> list[tuple[str, str]]:
    return [(name, spelled(kind)) for name, kind in columns.items()]


STRING, INT64, FLOAT64, TIMESTAMP, JSON = map(scalar, ("STRING", "INT64", "FLOAT64", "TIMESTAMP", "JSON"))
VECTOR = array(FLOAT64)
LABELS = array(struct({"key": STRING, "value": STRING}))
OBJECT_REF = struct({"uri": STRING, "version": STRING, "authorizer": STRING, "details": JSON})
OBJECTS: Columns = {
    "uri": STRING,
    "generation": INT64,
    "content_type": STRING,
    "size": INT64,
    "md5_hash": STRING,
    "updated": TIMESTAMP,
    "metadata": array(struct({"name": STRING, "value": STRING})),
    "ref": OBJECT_REF,
}
"""An object table (docs/bigquery-contract.md#4-object-tables)."""
VECTOR_INDEXES: Columns = {
    "index_catalog": STRING,
    "index_schema": STRING,
    "table_name": STRING,
    "index_name": STRING,
    "index_status": STRING,
    "creation_time": TIMESTAMP,
    "last_modification_time": TIMESTAMP,
    "last_refresh_time": TIMESTAMP,
    "disable_time": TIMESTAMP,
    "disable_reason": STRING,
    "ddl": STRING,
    "coverage_percentage": INT64,
    "unindexed_row_count": INT64,
    "total_logical_bytes": INT64,
    "total_storage_bytes": INT64,
}
"""INFORMATION_SCHEMA.VECTOR_INDEXES (docs/bigquery-contract.md#6-vector-indexes)."""
OPTIONS: Columns = {
    "description": STRING,
    "labels": LABELS,
    "endpoint": STRING,
    "index_type": STRING,
    "distance_type": STRING,
    "ivf_options": STRING,
    "tree_ah_options": STRING,
}
"""Every option that a statement of ours may give, with its type."""


def _language() -> z.LanguageOptions:
    language = z.LanguageOptions.maximum_features()
    language.product_mode = z.ProductMode.PRODUCT_EXTERNAL
    language.supported_statement_kinds = None
    return language


_LANGUAGE = _language()
_ANSWERS: dict[Hashable, Any] = {}
"""Resolved statements by what was asked: statements of several tests are the same, and each takes ZetaSQL 60 ms."""


def parse(statement: str) -> Any:
    """The syntax tree of one statement. Raises Refused for what is not GoogleSQL."""
    try:
        return Parser(_LANGUAGE).parse_statement(statement)
    except ZetaSQLError as error:
        raise Refused(str(error)) from None


class Catalog:
    """One dataset: what is in it, and the check of statements against it."""

    def __init__(self, dataset: str, *, model: str, connection: str, endpoint: str) -> None:
        self._dataset = dataset
        self._model = model
        self._connection = connection
        self._endpoint = endpoint
        self.tables: dict[str, Columns] = {}

    def run(self, statement: str, parameters: Mapping[str, z.Type] | None = None) -> Any:
        """Analyze a statement and, where it creates a table, have that table from now on. The resolved statement.

        Raises Refused.
        """
        resolved = self.analyze(statement, parameters)
        if columns := getattr(resolved, "column_definition_list", None):
            (name,) = resolved.name_path
            self.tables[name] = {column.name: column.type for column in columns}
        return resolved

    def analyze(self, statement: str, parameters: Mapping[str, z.Type] | None = None) -> Any:
        """Analyze a statement, its functions given their schemas. Raises Refused."""
        given = dict(parameters or {})
        functions: dict[str, Columns] = {}
        for call in _calls(parse(statement)):
            name, columns = self._output(call, statement, given, functions)
            if _spelled(functions.setdefault(name, columns)) != _spelled(columns):
                raise Refused(f"two calls of {name} with different outputs: this catalog holds one schema for each")
        return self._analyze(statement, given, functions)

    def columns(self, query: str, parameters: Mapping[str, z.Type] | None = None) -> Columns:
        """The columns of a query's result. Raises Refused."""
        return {column.name: column.column.type for column in self.analyze(query, parameters).output_column_list}

    def _analyze(self, statement: str, parameters: Mapping[str, z.Type], functions: Mapping[str, Columns]) -> Any:
        """The resolved statement, which nobody may change: the same question has the same answer. Raises Refused."""
        tables = {name: columns for name, columns in self.tables.items() if name in statement}
        shapes = [tuple((name, *_spelled(columns)) for name, columns in many.items()) for many in (tables, functions)]
        asked = (statement, self._dataset, self._model, self._connection, *_spelled(parameters), *shapes)
        if asked not in _ANSWERS:
            _ANSWERS[asked] = self._ask(statement, parameters, functions)
        return _ANSWERS[asked]

    def _ask(self, statement: str, parameters: Mapping[str, z.Type], functions: Mapping[str, Columns]) -> Any:
        options = z.AnalyzerOptions(
            language_options=_LANGUAGE,
            query_parameters=[z.AnalyzerOptions.QueryParameter(name=n, type=t) for n, t in parameters.items()],
            allowed_hints_and_options=_allowed_options(),
        )
        try:
            return Analyzer(options, self._simple_catalog(statement, functions)).analyze_statement(statement)
        except ZetaSQLError as error:
            raise Refused(str(error)) from None

    def _simple_catalog(self, statement: str, functions: Mapping[str, Columns]) -> z.SimpleCatalog:
        """The catalog as ZetaSQL takes it, no larger than the statement needs."""
        root = _catalog("root", _LANGUAGE)
        root.table = [_table(name, columns) for name, columns in self.tables.items() if name in statement]
        root.model = [z.SimpleModel(name=self._model, input=[], output=[])]
        root.connection = [z.SimpleConnection(name=self._connection)]
        information_schema = _catalog("INFORMATION_SCHEMA")
        information_schema.table = [_table("VECTOR_INDEXES", VECTOR_INDEXES)]
        dataset = _catalog(self._dataset)
        dataset.catalog = [information_schema]
        catalogs = {name: _catalog(name) for name in ("AI", "VECTOR_INDEX")}
        root.catalog = [dataset, *catalogs.values()]
        for name, columns in functions.items():
            *path, last = name.split(".")
            catalog = catalogs[path[0]] if path else root
            catalog.add_table_valued_function(_function(name, last, columns))
        return root

    def _output(
        self, call: z.ASTTVF, statement: str, parameters: Mapping[str, z.Type], functions: Mapping[str, Columns]
    ) -> tuple[str, Columns]:
        """Name and output columns of a call. Calls inside its arguments are in `functions` already."""
        name = ".".join(part.id_string for part in call.name.names).upper()
        inputs = [
            self._relation(argument, statement, parameters, functions)
            for argument in call.argument_entries
            if argument.table_clause or isinstance(argument.expr, z.ASTExpressionSubquery)
        ]
        if name == "AI.GENERATE_EMBEDDING":
            self._check_embedding_call(call, statement)
            return name, self._embedded(*inputs)
        if name == "VECTOR_SEARCH":
            _check_search_call(call, *inputs)
            base, query = inputs
            return name, {"query": struct(query), "base": struct(base), "distance": FLOAT64}
        if name == "EXTERNAL_OBJECT_TRANSFORM":
            (objects,) = inputs
            return name, {**objects, "signed_url": STRING}
        if name == "VECTOR_INDEX.STATISTICS":
            return name, {"drift": FLOAT64}
        raise Refused(f"{name} is not one of BigQuery's table-valued functions that this program uses")

    def _relation(
        self,
        argument: z.ASTTVFArgument,
        statement: str,
        parameters: Mapping[str, z.Type],
        functions: Mapping[str, Columns],
    ) -> Columns:
        """Columns of an argument that is `TABLE t` or a query."""
        query = f"SELECT * FROM {_text(argument.table_clause.table_path, statement)}" if argument.table_clause else ""
        query = query or _text(argument.expr.query, statement)
        outputs = self._analyze(query, parameters, functions).output_column_list
        return {column.name: column.column.type for column in outputs}

    def _embedded(self, given: Columns) -> Columns:
        """Output of AI.GENERATE_EMBEDDING over an input (docs/bigquery-contract.md#1-aigenerate_embedding)."""
        content = given.get("content")
        if content is None and not set(given) >= OBJECT_TABLE_INPUT:
            raise Refused("AI.GENERATE_EMBEDDING takes an object table, or a query with a column named content")
        if content is not None and spelled(content) not in ("STRING", spelled(OBJECT_REF)):
            raise Refused(f"content must be STRING or an ObjectRef, not {spelled(content)}")
        if self._endpoint.startswith("gemini-embedding"):
            return {"embedding": VECTOR, "statistics": JSON, "status": STRING, **given}
        if content is not None and spelled(content) == "STRING":
            rest = {name: kind for name, kind in given.items() if name != "content"}
            return {"embedding": VECTOR, "status": STRING, "content": content, **rest}
        return {"embedding": VECTOR, "status": STRING, "video_start_sec": INT64, "video_end_sec": INT64, **given}

    def _check_embedding_call(self, call: z.ASTTVF, statement: str) -> None:
        """No named arguments, known options, and over an object table only WHERE, ORDER BY and LIMIT."""
        for argument in call.argument_entries:
            if isinstance(argument.expr, z.ASTNamedArgument):
                raise Refused("AI.GENERATE_EMBEDDING takes no named arguments")
            if isinstance(argument.expr, z.ASTStructConstructorWithKeyword):
                given = {member.alias.identifier.id_string for member in argument.expr.fields if member.alias}
                known = {"start_second", "end_second", "interval_seconds", "output_dimensionality"}
                if len(given) != len(argument.expr.fields) or given - known:
                    raise Refused(f"options of AI.GENERATE_EMBEDDING are {sorted(known)}, not {sorted(given)}")
            if isinstance(argument.expr, z.ASTExpressionSubquery):
                self._check_object_table_query(argument.expr.query, statement)

    def _check_object_table_query(self, query: z.ASTQuery, statement: str) -> None:
        paths = [
            _text(node, statement).strip("`") for node in _nodes(query) if isinstance(node, z.ASTTablePathExpression)
        ]
        objects = [path for path in paths if _spelled(self.tables.get(path, {})) == _spelled(OBJECTS)]
        content = any(
            column.alias and column.alias.identifier.id_string == "content" for column in _first_select(query).columns
        )
        if not objects or content:
            return
        select = query.query_expr
        plain = isinstance(select, z.ASTSelect) and isinstance(
            select.from_clause.table_expression, z.ASTTablePathExpression
        )
        clauses = (query.with_clause, *(getattr(select, key, None) for key in ("group_by", "having", "qualify")))
        if not plain or any(clauses):
            raise Refused("over an object table only WHERE, ORDER BY and LIMIT are allowed")


def _check_search_call(call: z.ASTTVF, base: Columns, query: Columns) -> None:
    """Vectors on both sides, distance_type given, a plain base query, sensible options.

    The rules: docs/bigquery-contract.md#02-distance_type and docs/bigquery-contract.md#7-vector_search.
    """
    literals = [_string(a.expr) for a in call.argument_entries if isinstance(a.expr, z.ASTStringLiteral)]
    for side, column in zip((base, query), literals, strict=False):
        if column not in side or spelled(side[column]) != spelled(VECTOR):
            raise Refused(f"VECTOR_SEARCH: {column!r} is not a column of vectors; there are {sorted(side)}")
    named = {
        a.expr.name.id_string: a.expr.expr for a in call.argument_entries if isinstance(a.expr, z.ASTNamedArgument)
    }
    if "distance_type" not in named or _string(named["distance_type"]) not in ("EUCLIDEAN", "COSINE", "DOT_PRODUCT"):
        raise Refused("VECTOR_SEARCH: distance_type must be given, and be EUCLIDEAN, COSINE or DOT_PRODUCT")
    options = json.loads(_string(named["options"])) if "options" in named else {}
    if options.keys() - {"use_brute_force", "fraction_lists_to_search"} or len(options) > 1:
        raise Refused(f"VECTOR_SEARCH: options {options} are unknown, or exclude one another")
    argument = call.argument_entries[0].expr
    if isinstance(argument, z.ASTExpressionSubquery):
        select = argument.query.query_expr
        clauses = (argument.query.order_by, argument.query.limit_offset, argument.query.with_clause)
        if not isinstance(select, z.ASTSelect) or any((*clauses, select.group_by, select.having, select.qualify)):
            raise Refused("VECTOR_SEARCH: the base query may have SELECT, FROM and WHERE only")


def _allowed_options() -> z.AllowedHintsAndOptions:
    options = [z.AllowedHintsAndOptions.Option(name=name, type=kind) for name, kind in OPTIONS.items()]
    return z.AllowedHintsAndOptions(disallow_unknown_options=True, option=options)


def _catalog(name: str, builtins: z.LanguageOptions | None = None) -> z.SimpleCatalog:
    builder = CatalogBuilder(name)
    if builtins:
        builder.with_builtin_functions(z.ZetaSQLBuiltinFunctionOptions(language_options=builtins))
    return builder.build()


def _table(name: str, columns: Columns) -> z.SimpleTable:
    members = [z.SimpleColumn(name=column, type=kind, is_writable_column=True) for column, kind in columns.items()]
    return z.SimpleTable(name=name, column=members)


_KINDS = z.SignatureArgumentKind
_NAMING = z.FunctionEnums.NamedArgumentKind
_SIGNATURES: dict[str, list[tuple[str, Any, bool, Any]]] = {
    "AI.GENERATE_EMBEDDING": [
        ("model", _KINDS.ARG_TYPE_MODEL, True, _NAMING.POSITIONAL_ONLY),
        ("input", _KINDS.ARG_TYPE_RELATION, True, _NAMING.POSITIONAL_ONLY),
        ("options", _KINDS.ARG_STRUCT_ANY, False, _NAMING.POSITIONAL_ONLY),
    ],
    "VECTOR_SEARCH": [
        ("base", _KINDS.ARG_TYPE_RELATION, True, _NAMING.POSITIONAL_ONLY),
        ("column_to_search", STRING, True, _NAMING.POSITIONAL_ONLY),
        ("query", _KINDS.ARG_TYPE_RELATION, True, _NAMING.POSITIONAL_ONLY),
        ("query_column_to_search", STRING, False, _NAMING.POSITIONAL_OR_NAMED),
        ("top_k", INT64, False, _NAMING.NAMED_ONLY),
        ("distance_type", STRING, False, _NAMING.NAMED_ONLY),
        ("options", STRING, False, _NAMING.NAMED_ONLY),
    ],
    "VECTOR_INDEX.STATISTICS": [("input", _KINDS.ARG_TYPE_RELATION, True, _NAMING.POSITIONAL_ONLY)],
    "EXTERNAL_OBJECT_TRANSFORM": [
        ("input", _KINDS.ARG_TYPE_RELATION, True, _NAMING.POSITIONAL_ONLY),
        ("transforms", array(STRING), True, _NAMING.POSITIONAL_ONLY),
    ],
}
"""Arguments of each function: name, type or kind, whether required, how it is given."""


def _function(full_name: str, name: str, columns: Columns) -> z.TableValuedFunction:
    function = TVFBuilder(name).set_output_schema(list(columns.items())).build()
    cardinality = z.FunctionEnums.ArgumentCardinality
    function.signature.argument = [
        z.FunctionArgumentType(
            kind=_KINDS.ARG_TYPE_FIXED if isinstance(kind, z.Type) else kind,
            type=kind if isinstance(kind, z.Type) else None,
            num_occurrences=-1,
            options=z.FunctionArgumentTypeOptions(
                argument_name=argument,
                cardinality=cardinality.REQUIRED if required else cardinality.OPTIONAL,
                named_argument_kind=naming,
            ),
        )
        for argument, kind, required, naming in _SIGNATURES[full_name]
    ]
    return function


def _nodes(node: Any) -> Iterator[Any]:
    """The nodes of a syntax tree, innermost first."""
    for member in fields(node):
        value = getattr(node, member.name)
        for child in value if isinstance(value, list) else [value]:
            if is_dataclass(child) and type(child).__name__.startswith("AST"):
                yield from _nodes(child)
    yield node


def _calls(tree: Any) -> list[z.ASTTVF]:
    """Calls of table-valued functions, innermost first."""
    return [node for node in _nodes(tree) if isinstance(node, z.ASTTVF)]


def _first_select(query: z.ASTQuery) -> z.ASTSelectList:
    """The select list that names a query's columns."""
    return next(node for node in _nodes(query) if isinstance(node, z.ASTSelectList))


def _text(node: Any, statement: str) -> str:
    """The part of the statement that a node was parsed from."""
    place = node.parse_location_range
    return statement.encode()[place.start : place.end].decode()


def _string(literal: z.ASTStringLiteral) -> str:
    return "".join(part.string_value for part in literal.components)
