"""tables.* and tabledata.list over HTTP (https://cloud.google.com/bigquery/docs/reference/rest/v2/tables).

Documents: kind `table`, name `project.dataset.table`, body the REST resource; rows are in DuckDB (engine/). Two
kinds can be inserted: plain tables with a schema, and object tables (docs/bigquery-contract.md, "4. Object tables").
Counts of rows and bytes are read, never stored.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.apis.bigquery.access import Access
from localcloud.apis.bigquery.object_tables import object_table
from localcloud.apis.bigquery.resources import merged, revised
from localcloud.apis.bigquery.row_pages import envelope, read, window
from localcloud.core.errors import Unsupported, duplicate, invalid, not_found
from localcloud.core.ports import Cloud, Engine
from localcloud.core.store import Document
from localcloud.engine.catalog import check_columns, create_table_data, drop_table, refuse_twin, table_size
from localcloud.googlesql.names import Name
from localcloud.googlesql.types import from_field
from localcloud.http.context import Context, json_of
from localcloud.http.rest import (
    check_labels,
    check_match,
    check_reference,
    etag,
    flag,
    page,
    partial_json,
    refuse_unknown,
)

_PATH = "/bigquery/v2/projects/{project}/datasets/{dataset}/tables"
_WRITABLE = ("description", "friendlyName", "labels")
_CREATABLE = (*_WRITABLE, "schema", "externalDataConfiguration", "maxStaleness")
_STORAGE_STATS = ("numRows", "numBytes", "numLongTermBytes", "numTotalLogicalBytes", "numActiveLogicalBytes")
_MODES = ("NULLABLE", "REQUIRED", "REPEATED")
#: Answered by the service; clients send them back in an update.
_READ_ONLY = (
    *("kind", "etag", "id", "selfLink", "tableReference", "type", "location", "creationTime", "lastModifiedTime"),
    *_STORAGE_STATS,
)


def routes(context: Context, access: Access, engine: Engine, cloud: Cloud) -> list[Route]:
    """insert, list, get, patch, update, delete; tabledata.list."""
    handlers = _Handlers(context, access, engine, cloud)
    one = f"{_PATH}/{{table}}"
    return [
        Route(_PATH, handlers.insert, methods=["POST"]),
        Route(_PATH, handlers.list, methods=["GET"]),
        Route(one, handlers.get, methods=["GET"]),
        Route(one, handlers.patch, methods=["PATCH"]),
        Route(one, handlers.update, methods=["PUT"]),
        Route(one, handlers.delete, methods=["DELETE"]),
        Route(f"{one}/data", handlers.rows, methods=["GET"]),
    ]


class _Handlers:
    def __init__(self, context: Context, access: Access, engine: Engine, cloud: Cloud) -> None:
        self._context = context
        self._store = context.store
        self._access = access
        self._engine = engine
        self._cloud = cloud

    def insert(self, request: Request) -> Response:
        self._access.to_dataset(request, "bigquery.tables.create")
        body, names = json_of(request), request.path_params
        table = (body.get("tableReference") or {}).get("tableId") or ""
        check_reference(body.get("tableReference"), names)
        _check(body, table)
        with self._store.control, self._store.transaction() as change:
            dataset = self._dataset(request)
            name = f"{names['project']}.{names['dataset']}.{table}"
            if change.get("table", name):
                raise duplicate(f"Already Exists: Table {names['project']}:{names['dataset']}.{table}")
            refuse_twin(change, Name(names["project"], names["dataset"], table))
            resource = self._new(names["project"], names["dataset"], table, body, dataset["location"])
            change.put("table", name, resource)
            if resource["type"] == "TABLE":
                create_table_data(
                    change, names["project"], names["dataset"], table, resource["schema"], self._context.clock
                )
        return partial_json(request, self._answer(resource))

    def list(self, request: Request) -> Response:
        self._access.to_dataset(request, "bigquery.tables.list")
        self._dataset(request)
        found = self._store.list("table", f"{request.path_params['project']}.{request.path_params['dataset']}.")
        chosen, token = page(found, request)
        names = ("kind", "id", "tableReference", "type", "labels", "friendlyName", "creationTime")
        items = [{name: d[name] for name in names if name in d} for d in chosen]
        answer = {"kind": "bigquery#tableList", "etag": etag({"tables": items}), "totalItems": len(found)}
        return partial_json(request, answer | {"tables": items} | ({"nextPageToken": token} if token else {}))

    def get(self, request: Request) -> Response:
        self._access.to_table(request, "bigquery.tables.get")
        answer = self._answer(self._found(request))
        if request.query_params.get("view") == "BASIC":
            answer = {name: value for name, value in answer.items() if name not in _STORAGE_STATS}
        if "schema" in answer:
            answer["schema"] = _selected(answer["schema"], request.query_params.get("selectedFields", ""))
        return partial_json(request, answer)

    def patch(self, request: Request) -> Response:
        return self._change(request, partial=True)

    def update(self, request: Request) -> Response:
        return self._change(request, partial=False)

    def delete(self, request: Request) -> Response:
        self._access.to_table(request, "bigquery.tables.delete")
        with self._store.control, self._store.transaction() as change:
            self._found(request)
            names = request.path_params
            drop_table(change, names["project"], names["dataset"], names["table"])
        return Response(status_code=204)

    def rows(self, request: Request) -> Response:
        self._access.to_table(request, "bigquery.tables.getData")
        wanted = window(dict(request.query_params))
        found = self._found(request)
        if found["type"] != "TABLE":
            raise invalid(f"Cannot list a table of type {found['type']}.")
        data = f"{request.path_params['project']}.{request.path_params['dataset']}", request.path_params["table"]
        total = self._engine.count(data)
        schema = _selected(found["schema"], request.query_params.get("selectedFields", ""))
        answer = {"kind": "bigquery#tableDataList", "etag": etag(found), "totalRows": str(total)}
        rows = read(self._engine, data, schema, total, wanted)
        body = envelope(answer, rows, request.query_params.get("fields", ""))
        return Response(body, media_type="application/json")

    def _change(self, request: Request, *, partial: bool) -> Response:
        self._access.to_table(request, "bigquery.tables.update")
        if flag(request, "autodetect_schema"):
            raise Unsupported("parameter 'autodetect_schema'")
        body = json_of(request)
        check_reference(body.get("tableReference"), request.path_params)
        refuse_unknown(body, (*_CREATABLE, *_READ_ONLY), "table")
        check_labels(body.get("labels") or {})
        with self._store.control, self._store.transaction() as change:
            found = self._found(request)
            check_match(request, etag(found))
            _refuse_redefinition(found, body)
            changed = revised(found, body, _WRITABLE, partial=partial)
            changed["lastModifiedTime"] = str(self._context.clock.millis())
            names = request.path_params
            name = f"{names['project']}.{names['dataset']}.{names['table']}"
            if found["type"] == "EXTERNAL" and not (partial and "externalDataConfiguration" not in body):
                changed = self._redefined(found, changed, body, partial=partial)
                change.delete("object_cache", name)
            change.put("table", name, changed)
        return partial_json(request, self._answer(changed))

    def _redefined(self, found: Document, changed: Document, body: Document, *, partial: bool) -> Document:
        """An object table over other objects, or through another connection: what it lists changes with it."""
        given = body.get("externalDataConfiguration") or {}
        staleness = body.get("maxStaleness") or (found.get("maxStaleness") if partial else None)
        if partial:
            given = merged(found["externalDataConfiguration"], given)
        wanted = {"externalDataConfiguration": given, "maxStaleness": staleness}
        kept = {name: value for name, value in changed.items() if name != "maxStaleness"}
        return kept | object_table(wanted, found["location"], self._context, self._cloud)

    def _dataset(self, request: Request) -> Document:
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        found = self._store.get("dataset", f"{project}.{dataset}")
        if found is None:
            raise not_found(f"Not found: Dataset {project}:{dataset}")
        return found

    def _found(self, request: Request) -> Document:
        self._dataset(request)
        project, dataset, table = (request.path_params[name] for name in ("project", "dataset", "table"))
        if "$" in table or "@" in table:
            raise Unsupported(f"table decorators: {table}")
        found = self._store.get("table", f"{project}.{dataset}.{table}")
        if found is None:
            raise not_found(f"Not found: Table {project}:{dataset}.{table}")
        return found

    def _new(self, project: str, dataset: str, table: str, body: Document, location: str) -> Document:
        now = str(self._context.clock.millis())
        path = f"projects/{project}/datasets/{dataset}/tables/{table}"
        plain = {name: body[name] for name in _WRITABLE if body.get(name)}
        resource = {
            "kind": "bigquery#table",
            "id": f"{project}:{dataset}.{table}",
            "selfLink": f"{self._context.url}/bigquery/v2/{path}",
            "tableReference": {"projectId": project, "datasetId": dataset, "tableId": table},
            "creationTime": now,
            "lastModifiedTime": now,
            "location": location,
            **merged({}, plain),
        }
        if "externalDataConfiguration" in body:
            return resource | object_table(body, location, self._context, self._cloud)
        if body.get("maxStaleness"):
            raise Unsupported("table field 'maxStaleness' of a table that is no object table")
        given = (body.get("schema") or {}).get("fields") or []
        return resource | {"type": "TABLE", "schema": {"fields": _columns(given)}}

    def _answer(self, resource: Document) -> Document:
        answer = resource | {"etag": etag(resource)}
        if resource["type"] != "TABLE":
            return answer
        reference = resource["tableReference"]
        rows, size = table_size(self._store, reference["projectId"], reference["datasetId"], reference["tableId"])
        return answer | {"numRows": str(rows), "numBytes": str(size), "numLongTermBytes": "0"}


def _check(body: Document, table: str) -> None:
    if not re.fullmatch(r"[\w -]{1,1024}", table) or "\n" in table:
        raise invalid(
            f'Invalid table ID "{table}". Table IDs must be alphanumeric (plus underscores) and must be at most 1024 '
            "characters long. Also, Table decorators cannot be used."
        )
    refuse_unknown(body, (*_CREATABLE, *_READ_ONLY), "table")
    check_labels(body.get("labels") or {})


def _columns(fields: list[Document]) -> list[Document]:
    """The columns of a table or of a record. Raises ApiError."""
    check_columns(fields)
    return [_column(field) for field in fields]


def _column(field: Document) -> Document:
    """A column as the service answers it: INTEGER for INT64, a mode always. Raises ApiError."""
    refuse_unknown(field, ("name", "type", "mode", "description", "fields"), "column")
    mode = str(field.get("mode") or "NULLABLE").upper()
    if mode not in _MODES:
        raise invalid(f"Invalid value for mode: {field['mode']} is not a valid value")
    column = from_field(field | {"mode": mode}).field(str(field.get("name", "")))
    column["mode"] = mode
    if field.get("description"):
        column["description"] = field["description"]
    if column["type"] == "RECORD" and not field.get("fields"):
        raise invalid(f"Field {field['name']} is type RECORD but has no schema")
    if field.get("fields"):
        column["fields"] = _columns(field["fields"])
    return column


def _refuse_redefinition(found: Document, body: Document) -> None:
    """The schema changes only by SQL here; clients send it back unchanged."""
    sent = dict(body)
    if (body.get("schema") or {}).get("fields"):
        sent["schema"] = {"fields": _columns(body["schema"]["fields"])}
    fixed = ("schema",) if found["type"] == "EXTERNAL" else ("schema", "externalDataConfiguration", "maxStaleness")
    for name in fixed:
        if sent.get(name) is not None and not _covers(found.get(name), sent[name]):
            raise Unsupported(f"updating table field {name!r}")


def _covers(known: object, sent: object) -> bool:
    """Whether everything in `sent` is in `known`."""
    if isinstance(sent, dict):
        return isinstance(known, dict) and all(_covers(known.get(name), value) for name, value in sent.items())
    if isinstance(sent, list):
        return isinstance(known, list) and len(known) == len(sent) and all(map(_covers, known, sent))
    return bool(known == sent) or (known is None and sent in ("", "NULLABLE", "NONE"))


def _selected(schema: Document, names: str) -> Document:
    if not names:
        return schema
    fields = {field["name"].lower(): field for field in schema["fields"]}
    try:
        return {"fields": [fields[name.strip().lower()] for name in names.split(",")]}
    except KeyError as missing:
        if "." in missing.args[0]:
            raise Unsupported(f"selectedFields {missing}: a part of a column") from None
        raise invalid(f"Invalid field name {missing}.") from None
