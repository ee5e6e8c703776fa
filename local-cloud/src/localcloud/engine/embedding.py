"""AI.GENERATE_EMBEDDING (contract section 1): a table function that pays for every row of its input.

MODEL m, input            input is an object table (pictures), or has a column `content`: STRING text, ObjectRef picture
[STRUCT(… AS output_dimensionality)]
-> embedding, status, [video_start_sec, video_end_sec | statistics], the input's columns
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from localcloud.core.errors import Unsupported
from localcloud.core.ports import Embedding, ImageInput
from localcloud.core.quotas import ENDPOINTS
from localcloud.core.store import Document
from localcloud.engine import catalog
from localcloud.engine.ctes import with_visible
from localcloud.engine.duckdb_types import quote
from localcloud.engine.session import Session
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
    connection: tuple[str, str, str]
    """(project, location, name)"""


@dataclass(frozen=True)
class _Input:
    """The rows to embed, in a scratch table: the input's columns and `ordinal`."""

    table: str
    columns: Columns
    kind: str
    """`objects`, `text` or `refs`"""


def generate(session: Session, node: Any) -> str:
    """The scratch table with the function's output. Raises ApiError for what the analyzer would refuse."""
    call = node.this
    model = _model(session, call.this)
    dimension = _dimension(session, call.args.get("params_struct"), model)
    given = _input(session, node, call.expression)
    table = session.scratch(output_columns(model.endpoint, given.columns, text=given.kind == "text"))
    if session.empty:
        return table
    _embed(session, model, dimension, given, table)
    return table


def _model(session: Session, node: Any) -> _Model:
    name = full_name(node, session.statement)
    document = catalog.model(session.store, name, session.statement.location)
    remote = document["remoteModelInfo"]
    endpoint = str(remote["endpoint"]).rpartition("/")[2]
    if endpoint not in ENDPOINTS:
        raise Unsupported(f"embedding with the endpoint {endpoint}")
    return _Model(endpoint, name.project, session.statement.location, connection_parts(document))


def connection_parts(model: Document) -> tuple[str, str, str]:
    """(project, location, name) of a model's connection, in either of the two forms that REST knows."""
    text = str(model["remoteModelInfo"]["connection"])
    if text.startswith("projects/"):
        parts = text.split("/")
        return parts[1], parts[3], parts[5]
    project, location, name = text.rsplit(".", 2)
    return project, location, name


def _dimension(session: Session, options: Any, model: _Model) -> int:
    allowed = ENDPOINTS[model.endpoint].dimensions
    if options is None:
        return allowed[0]
    if not isinstance(options, exp.Struct):
        raise session.text.invalid("The third argument of AI.GENERATE_EMBEDDING must be a STRUCT", options)
    dimension = allowed[0]
    for option in options.expressions:
        name = option.this.name.lower() if isinstance(option, exp.PropertyEQ) else option.alias_or_name.lower()
        if name in ("start_second", "end_second", "interval_seconds"):
            raise session.text.unsupported(f"{name}: videos", option)
        if name != "output_dimensionality":
            raise session.text.invalid(f"Invalid option name {name} for AI.GENERATE_EMBEDDING", options)
        dimension = session.constant(option.expression)
    if dimension not in allowed:
        shown = ", ".join(str(one) for one in sorted(allowed))
        raise session.text.invalid(
            f"output_dimensionality {dimension} is not supported by {model.endpoint}; supported values are {shown}",
            options,
        )
    return int(dimension)


# The input


def _input(session: Session, node: Any, argument: Any) -> _Input:
    objects = _object_table(session, argument)
    query = exp.select("*").from_(argument.copy()) if isinstance(argument, exp.Table) else argument.this
    resolved = session.resolved(with_visible(query, node))
    duck = session.duck(resolved)
    columns = session.columns(duck)
    content = next((kind for name, kind in columns if name.lower() == "content"), None)
    if content is None and objects is None:
        raise session.text.invalid(
            "Invalid table-valued function AI.GENERATE_EMBEDDING: Column content is not found in the input data", node
        )
    if content is None:
        _check_object_query(session, argument)
        if not {"uri", "generation"} <= {name for name, _ in columns}:
            raise session.text.unsupported("an object-table input that leaves out uri or generation", node)
    kind = "objects" if content is None else _content_kind(session, content, node)
    table = session.scratch((*columns, ("__ordinal", Type("INT64"))))
    if not session.empty:
        numbered = f"SELECT *, row_number() OVER () - 1 FROM ({duck.sql})"
        session.execute(type(duck)(f"INSERT INTO {table} {numbered}", duck.values))
    return _Input(table, columns, kind)


def _content_kind(session: Session, content: Type, node: Any) -> str:
    if content == Type("STRING"):
        return "text"
    if content.kind == "STRUCT" and not content.array and {"uri", "version"} <= {name for name, _ in content.fields}:
        return "refs"
    raise session.text.invalid(
        f"Invalid type of column content: expected STRING or ObjectRef, found {content.sql()}", node
    )


def _object_table(session: Session, argument: Any) -> Any:
    """The path of the object table that the argument reads directly, or None."""
    path = argument
    if isinstance(argument, exp.Subquery):
        clause = argument.this.args.get("from_")
        path = clause.this if clause else None
    if not isinstance(path, exp.Table) or isinstance(path.this, exp.Func):
        return None
    if len(path.parts) == 1 and session.statement.default_dataset is None:
        return None
    document = session.store.get("table", str(full_name(path, session.statement)))
    return path if document and document["type"] == "EXTERNAL" else None


def _check_object_query(session: Session, argument: Any) -> None:
    """Only WHERE, ORDER BY and LIMIT (contract section 1)."""
    if isinstance(argument, exp.Table):
        return
    query = argument.this
    allowed = {"expressions", "from_", "where", "order", "limit", "kind"}
    present = {name for name, value in query.args.items() if value} - allowed
    if present or not isinstance(query, exp.Select) or any(c.find(exp.AggFunc, exp.Func) for c in query.expressions):
        raise session.text.invalid(
            "A query over an object table in AI.GENERATE_EMBEDDING may only have WHERE, ORDER BY and LIMIT",
            argument,
        )
    where = query.args.get("where")
    if where is not None and where.find(exp.Select):
        # Choice: contract section 1 leaves open whether the service takes it.
        raise session.text.unsupported("a subquery in the WHERE of an object-table input", where)


# The rows


def _embed(session: Session, model: _Model, dimension: int, given: _Input, table: str) -> None:
    member = session.cloud.connection_member(*model.connection)
    inputs = _inputs(session, given)
    quota = session.cloud.rows_per_job(model.endpoint, model.location)
    results = session.scratch((("ordinal", Type("INT64")), ("embedding", _VECTOR), ("status", Type("STRING"))))
    failed: list[str] = []
    for start in range(0, len(inputs), _CHUNK):
        session.stop_if_cancelled()
        chunk = inputs[start : start + _CHUNK]
        asked = [one for place, one in enumerate(chunk, start) if place < quota and one is not None]
        answers = iter(_ask(session, model, member, asked, dimension))
        rows = [_answer(one, place < quota, answers) for place, one in enumerate(chunk, start)]
        _keep(session, results, start, rows)
        failed += [row.status for row in rows if row.status]
    session.stop_if_cancelled()
    _join(session, model, given, results, table)
    session.statistics.embedding.append(
        {
            "functionName": "AI.GENERATE_EMBEDDING",
            "prompt": "",
            "numProcessedRows": str(len(inputs)),
            "errorStats": {"errors": _samples(failed), "numFailedRows": str(len(failed))},
        }
    )


def _ask(
    session: Session, model: _Model, member: str, asked: list[str | ImageInput], dimension: int
) -> list[Embedding]:
    if not asked:
        return []
    statement, cloud = session.statement, session.cloud
    return cloud.embed(member, model.project, model.location, model.endpoint, asked, dimension, statement.cancelled)


def _answer(one: str | ImageInput | None, in_quota: bool, answers: Any) -> Embedding:
    if not in_quota:
        return Embedding(None, _ABOVE_QUOTA)
    return Embedding(None, _NO_CONTENT) if one is None else next(answers)


def _inputs(session: Session, given: _Input) -> list[str | ImageInput | None]:
    chosen = {"text": "content, NULL", "refs": "content.uri, content.version", "objects": "uri, generation"}[given.kind]
    rows = session.cursor.execute(f"SELECT {chosen} FROM {given.table} ORDER BY __ordinal").fetchall()
    if given.kind == "text":
        return [row[0] for row in rows]
    return [None if uri is None else ImageInput(uri, int(made) if made else None) for uri, made in rows]


def _keep(session: Session, results: str, start: int, rows: list[Embedding]) -> None:
    for good in (True, False):
        places = [place for place, row in enumerate(rows) if (row.vector is not None) == good]
        ordinals = [start + place for place in places]
        if good:
            vectors = [[float(x) for x in rows[place].vector] for place in places]  # type: ignore[union-attr]
            session.fill(results, [ordinals, vectors], "c0, c1, ''")
        else:
            session.fill(results, [ordinals, [rows[place].status for place in places]], "c0, NULL, c1")


def _join(session: Session, model: _Model, given: _Input, results: str, table: str) -> None:
    output = output_columns(model.endpoint, given.columns, text=given.kind == "text")
    own = {"embedding": "r.embedding", "status": "r.status", "statistics": "CAST('{}' AS JSON)"}
    own |= {"video_start_sec": "NULL", "video_end_sec": "NULL"}
    inputs = {name for name, _ in given.columns}
    listed = ", ".join(f"i.{quote(name)}" if name in inputs else own[name] for name, _ in output)
    session.cursor.execute(
        f"INSERT INTO {table} SELECT {listed} FROM {given.table} i JOIN {results} r ON r.ordinal = i.__ordinal"
        " ORDER BY r.ordinal"
    )


def _samples(failed: list[str]) -> list[str]:
    """At most five different errors of at most 100 characters (contract section 1)."""
    return [text[:100] for text in dict.fromkeys(failed)][:5]
