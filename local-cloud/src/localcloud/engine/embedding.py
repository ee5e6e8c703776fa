"""AI.GENERATE_EMBEDDING (contract, "1. AI.GENERATE_EMBEDDING"): a table function that pays for every row of its input.

MODEL m, input            input is an object table (pictures), or has a column `content`: STRING text, ObjectRef picture
[STRUCT(… AS output_dimensionality)]
-> embedding, status, [video_start_sec, video_end_sec | statistics], the input's columns
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from localcloud.core.errors import Unsupported
from localcloud.core.ports import Embedding, ImageInput
from localcloud.core.quotas import ENDPOINTS
from localcloud.engine import catalog
from localcloud.engine.check import Check
from localcloud.engine.connections import Connection
from localcloud.engine.ctes import with_visible
from localcloud.engine.duckdb_types import quote
from localcloud.engine.run import Run
from localcloud.engine.translate import Duck
from localcloud.googlesql.analysis.table_functions import output_columns
from localcloud.googlesql.names import full_name
from localcloud.googlesql.types import Columns, Type

_CHUNK = 64
"""Rows handed to the endpoint at once, so that cancelling takes effect between them."""
_ABOVE_QUOTA = "A retryable error occurred: the maximum size quota per query has reached"
#: Choice: neither the contract nor Google's documentation says what a row without content gets.
_NO_CONTENT = "INVALID_ARGUMENT: content is NULL"
_VECTOR = Type("FLOAT64", array=True)


@dataclass(frozen=True)
class _Model:
    """A remote model, and where it runs."""

    endpoint: str
    project: str
    location: str
    connection: Connection


@dataclass(frozen=True)
class _Input:
    """The rows to embed, in a scratch table: the input's columns and `ordinal`."""

    table: str
    columns: Columns
    kind: str
    """`objects`, `text` or `refs`"""


def generate(check: Check, node: exp.Table) -> str:
    """The scratch table with the function's output. Raises ApiError for what the analyzer would refuse."""
    call = node.this
    model = _model(check, call.this)
    dimension = _dimension(check, call.args.get("params_struct"), model)
    given = _input(check, node, call.expression)
    output = output_columns(model.endpoint, given.columns, text=given.kind == "text")
    return check.computed(output, lambda run, table: _embed(run, model, dimension, given, table), pays=True)


def _model(check: Check, node: exp.Table) -> _Model:
    name = full_name(node, check.statement)
    document = catalog.model(check.store, name, check.statement.location)
    remote = document["remoteModelInfo"]
    endpoint = str(remote["endpoint"]).rpartition("/")[2]
    if endpoint not in ENDPOINTS:
        raise Unsupported(f"embedding with the endpoint {endpoint}")
    return _Model(endpoint, name.project, check.statement.location, Connection.parse(str(remote["connection"])))


def _dimension(check: Check, options: exp.Expr | None, model: _Model) -> int:
    allowed = ENDPOINTS[model.endpoint].dimensions
    if options is None:
        return allowed[0]
    if not isinstance(options, exp.Struct):
        raise check.text.invalid("The third argument of AI.GENERATE_EMBEDDING must be a STRUCT", options)
    dimension = allowed[0]
    for option in options.expressions:
        name = option.this.name.lower() if isinstance(option, exp.PropertyEQ) else option.alias_or_name.lower()
        if name in ("start_second", "end_second", "interval_seconds"):
            raise check.text.unsupported(f"{name}: videos", option)
        if name != "output_dimensionality":
            raise check.text.invalid(f"Invalid option name {name} for AI.GENERATE_EMBEDDING", options)
        dimension = check.constant(option.expression)
    if dimension not in allowed:
        shown = ", ".join(str(one) for one in sorted(allowed))
        raise check.text.invalid(
            f"output_dimensionality {dimension} is not supported by {model.endpoint}; supported values are {shown}",
            options,
        )
    return int(dimension)


# The input


def _input(check: Check, node: exp.Table, argument: exp.Table | exp.Subquery) -> _Input:
    objects = _object_table(check, argument)
    query = exp.select("*").from_(argument.copy()) if isinstance(argument, exp.Table) else argument.this
    resolved = check.resolved(with_visible(query, node))
    duck = check.duck(resolved)
    columns = check.columns(duck)
    content = next((kind for name, kind in columns if name.lower() == "content"), None)
    if content is None and objects is None:
        raise check.text.invalid(
            "Invalid table-valued function AI.GENERATE_EMBEDDING: Column content is not found in the input data", node
        )
    if content is None:
        _check_object_query(check, argument)
        if not {"uri", "generation"} <= {name for name, _ in columns}:
            raise check.text.unsupported("an object-table input that leaves out uri or generation", node)
    kind = "objects" if content is None else _content_kind(check, content, node)
    numbered = Duck(f"SELECT *, row_number() OVER () - 1 FROM ({duck.sql})", duck.values)
    ordinal = ("__ordinal", Type("INT64"))
    table = check.computed((*columns, ordinal), lambda run, table: run.insert(table, numbered))
    return _Input(table, columns, kind)


def _content_kind(check: Check, content: Type, node: exp.Table) -> str:
    if content == Type("STRING"):
        return "text"
    if content.kind == "STRUCT" and not content.array and {"uri", "version"} <= {name for name, _ in content.fields}:
        return "refs"
    raise check.text.invalid(
        f"Invalid type of column content: expected STRING or ObjectRef, found {content.sql()}", node
    )


def _object_table(check: Check, argument: exp.Table | exp.Subquery) -> exp.Table | None:
    """The path of the object table that the argument reads directly, or None."""
    path: exp.Expr | None = argument
    if isinstance(argument, exp.Subquery):
        clause = argument.this.args.get("from_")
        path = clause.this if clause else None
    if not isinstance(path, exp.Table) or isinstance(path.this, exp.Func):
        return None
    if len(path.parts) == 1 and check.statement.default_dataset is None:
        return None
    document = check.store.get("table", str(full_name(path, check.statement)))
    return path if document and document["type"] == "EXTERNAL" else None


def _check_object_query(check: Check, argument: exp.Table | exp.Subquery) -> None:
    """Only WHERE, ORDER BY and LIMIT (contract, "1. AI.GENERATE_EMBEDDING")."""
    if isinstance(argument, exp.Table):
        return
    query = argument.this
    allowed = {"expressions", "from_", "where", "order", "limit", "kind"}
    present = {name for name, value in query.args.items() if value} - allowed
    if present or not isinstance(query, exp.Select) or any(c.find(exp.AggFunc, exp.Func) for c in query.expressions):
        raise check.text.invalid(
            "A query over an object table in AI.GENERATE_EMBEDDING may only have WHERE, ORDER BY and LIMIT",
            argument,
        )
    where = query.args.get("where")
    if where is not None and where.find(exp.Select):
        # Choice: contract, "1. AI.GENERATE_EMBEDDING" leaves open whether the service takes it.
        raise check.text.unsupported("a subquery in the WHERE of an object-table input", where)


# The rows


def _embed(run: Run, model: _Model, dimension: int, given: _Input, table: str) -> None:
    member = run.cloud.connection_member(*model.connection)
    inputs = _inputs(run, given)
    quota = run.cloud.rows_per_job(model.endpoint, model.location)
    results = run.scratch((("ordinal", Type("INT64")), ("embedding", _VECTOR), ("status", Type("STRING"))))
    failed: list[str] = []
    for start in range(0, len(inputs), _CHUNK):
        run.stop_if_cancelled()
        chunk = inputs[start : start + _CHUNK]
        asked = [one for place, one in enumerate(chunk, start) if place < quota and one is not None]
        answers = iter(_ask(run, model, member, asked, dimension))
        rows = [_answer(one, place < quota, answers) for place, one in enumerate(chunk, start)]
        _keep(run, results, start, rows)
        failed += [row.status for row in rows if row.status]
    run.stop_if_cancelled()
    _join(run, model, given, results, table)
    run.statistics.embedding.append(
        {
            "functionName": "AI.GENERATE_EMBEDDING",
            "prompt": "",
            "numProcessedRows": str(len(inputs)),
            "errorStats": {"errors": _samples(failed), "numFailedRows": str(len(failed))},
        }
    )


def _ask(run: Run, model: _Model, member: str, asked: list[str | ImageInput], dimension: int) -> list[Embedding]:
    if not asked:
        return []
    statement, cloud = run.statement, run.cloud
    return cloud.embed(member, model.project, model.location, model.endpoint, asked, dimension, statement.cancelled)


def _answer(one: str | ImageInput | None, in_quota: bool, answers: Iterator[Embedding]) -> Embedding:
    if not in_quota:
        return Embedding(None, _ABOVE_QUOTA)
    return Embedding(None, _NO_CONTENT) if one is None else next(answers)


def _inputs(run: Run, given: _Input) -> list[str | ImageInput | None]:
    chosen = {"text": "content, NULL", "refs": "content.uri, content.version", "objects": "uri, generation"}[given.kind]
    rows = run.cursor.execute(f"SELECT {chosen} FROM {given.table} ORDER BY __ordinal").fetchall()
    if given.kind == "text":
        return [row[0] for row in rows]
    return [None if uri is None else ImageInput(uri, int(made) if made else None) for uri, made in rows]


def _keep(run: Run, results: str, start: int, rows: list[Embedding]) -> None:
    embedded = [(place, row.vector.tolist()) for place, row in enumerate(rows, start) if row.vector is not None]
    failed = [(place, row.status) for place, row in enumerate(rows, start) if row.vector is None]
    run.fill(results, list(zip(*embedded, strict=True)), "c0, c1, ''")
    run.fill(results, list(zip(*failed, strict=True)), "c0, NULL, c1")


def _join(run: Run, model: _Model, given: _Input, results: str, table: str) -> None:
    output = output_columns(model.endpoint, given.columns, text=given.kind == "text")
    own = {"embedding": "r.embedding", "status": "r.status", "statistics": "CAST('{}' AS JSON)"}
    own |= {"video_start_sec": "NULL", "video_end_sec": "NULL"}
    inputs = {name for name, _ in given.columns}
    listed = ", ".join(f"i.{quote(name)}" if name in inputs else own[name] for name, _ in output)
    run.cursor.execute(
        f"INSERT INTO {table} SELECT {listed} FROM {given.table} i JOIN {results} r ON r.ordinal = i.__ordinal"
        " ORDER BY r.ordinal"
    )


def _samples(failed: list[str]) -> list[str]:
    """At most five different errors of at most 100 characters (contract, "1. AI.GENERATE_EMBEDDING")."""
    return [text[:100] for text in dict.fromkeys(failed)][:5]
