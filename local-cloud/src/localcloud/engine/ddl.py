"""DDL of tables, models and schemas.

Sources: contract, "3. Remote models" and "4. Object tables"; S/data-definition-language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replace_fields
from typing import Any

from localcloud.core.errors import ApiError, Unsupported, duplicate, invalid_query
from localcloud.core.ports import Outcome
from localcloud.core.store import Document, Store, Transaction
from localcloud.engine import catalog, functions, objects, options, query, sqlglot_tree
from localcloud.engine.check import Check
from localcloud.engine.plan import Plan, ddl
from localcloud.engine.run import Run
from localcloud.engine.session import Session
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, check_new, name_of, path_name, path_parts, split_path
from localcloud.googlesql.syntax import Path, Query
from localcloud.googlesql.syntax_statements import (
    AlterTable,
    CallProcedure,
    ColumnDefinition,
    Create,
    CreateExternalTable,
    CreateModel,
    CreateTable,
    Drop,
)
from localcloud.googlesql.type_names import type_of

_DEFAULT_CONNECTION = "__default_cloudresource_connection__"


def drop(check: Check, node: Drop) -> Plan:
    """DROP TABLE, DROP EXTERNAL TABLE, DROP MODEL, DROP SCHEMA."""
    if node.kind == "SCHEMA":
        return _drop_schema(check, node)
    kind = node.kind.removesuffix(" TABLE")
    return _drop(check, kind, path_name(node.path, check.statement), node.exists)


def alter_table(check: Check, node: AlterTable) -> Plan:
    """ALTER TABLE t SET OPTIONS (…)."""
    fields = options.resource_fields(check, options.listed(node.options))
    name = path_name(node.table, check.statement)
    if not node.exists:
        catalog.table(check.store, name, check.statement.location)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        document = transaction.get("table", str(name))
        if document is None:
            return ddl("ALTER_TABLE", "SKIP", ddlTargetTable=name.reference())
        for field, given in fields.items():
            document[field] = given
            if given is None:
                del document[field]
        document["lastModifiedTime"] = str(run.clock.millis())
        transaction.put("table", str(name), document)
        return ddl("ALTER_TABLE", "ALTER", ddlTargetTable=name.reference())

    return Plan("ALTER_TABLE", apply, target=name)


def create_external_table(check: Check, node: CreateExternalTable) -> Plan:
    """CREATE EXTERNAL TABLE over objects (contract, "4. Object tables")."""
    name = check_new(path_name(node.table, check.statement))
    given = options.listed(node.options)
    options.only(given, ("object_metadata", "uris", "max_staleness", "metadata_cache_mode", "description", "labels"))
    if options.value(check, given["object_metadata"]) != "SIMPLE" if "object_metadata" in given else True:
        raise Unsupported("external tables that are no object tables (object_metadata must be 'SIMPLE')")
    uris = options.value(check, given["uris"]) if "uris" in given else []
    objects.check_uris(uris)
    configuration: Document = {"sourceUris": uris, "objectMetadata": "SIMPLE", "autodetect": False}
    if "metadata_cache_mode" in given:
        configuration["metadataCacheMode"] = options.value(check, given["metadata_cache_mode"])
    described = {name: value for name, value in given.items() if name in ("description", "labels")}
    fields = options.resource_fields(check, described)
    if "max_staleness" in given:
        fields["maxStaleness"] = options.staleness(given["max_staleness"])
    _check_cache(configuration, fields)

    connection = check.defer(lambda run: ".".join(_connection(run, node.connection, name)))

    def make(run: Run, transaction: Transaction) -> None:
        configuration["connectionId"] = connection.result
        document = catalog.table_document(name, objects.OBJECT_SCHEMA, run.clock, _location(run, name))
        document |= {"type": "EXTERNAL", "externalDataConfiguration": configuration, **fields}
        transaction.put("table", str(name), document)

    return _creation(check, "CREATE_EXTERNAL_TABLE", "EXTERNAL", name, node, make)


def call(check: Check, node: CallProcedure) -> Plan:
    """CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('p.d.t') (contract, "4. Object tables")."""
    procedure = ".".join(path_parts(node.procedure)).upper()
    argument = options.value(check, node.arguments[0]) if len(node.arguments) == 1 else None
    if procedure != "BQ.REFRESH_EXTERNAL_METADATA_CACHE" or not isinstance(argument, str):
        raise Unsupported(f"CALL {procedure} with {len(node.arguments)} arguments")
    name = name_of(split_path(argument.replace("`", "")), check.statement)
    document = catalog.table(check.store, name, check.statement.location)
    if document.get("externalDataConfiguration", {}).get("metadataCacheMode") != "MANUAL":
        raise invalid_query(f"Table {name.shown} has no metadata cache that is refreshed by hand")

    table = objects.ObjectTable.from_document(name, document)
    rows = check.defer(lambda run: objects.listed(run.cloud, table))

    def apply(run: Run, transaction: Transaction) -> Outcome:
        objects.keep(transaction, run.cloud, name, rows.result)
        return Outcome("CALL", {}, None, 0, run.statistics.body())

    return Plan("CALL", apply, target=name)


# Tables


def create_table(check: Check, node: CreateTable) -> Plan:
    """CREATE TABLE, of columns or of a query's answer."""
    if node.query is not None and node.columns is None:
        return _create_table_as(check, node, node.query)
    if node.columns is None:
        raise check.text.unsupported("CREATE TABLE without columns or a query", node)
    if node.query is not None:
        raise check.text.unsupported("CREATE TABLE with columns AS a query", node)
    name = check_new(path_name(node.table, check.statement))
    fields = [_column(check, column) for column in node.columns]
    extra = options.resource_fields(check, options.listed(node.options))

    def make(run: Run, transaction: Transaction) -> None:
        clock = run.clock
        document = catalog.table_document(name, {"fields": fields}, clock, _location(check, name), extra)
        catalog.create_table_data(transaction, name.project, name.dataset, name.table, document["schema"], clock)
        transaction.put("table", str(name), document)

    return _creation(check, "CREATE_TABLE", "TABLE", name, node, make)


def _create_table_as(check: Check, node: CreateTable, asked: Query) -> Plan:
    name = check_new(path_name(node.table, check.statement))
    _taken(check, "TABLE", name, node)
    extra = options.resource_fields(check, options.listed(node.options))
    if node.exists and check.store.get("table", str(name)):
        return _skipped("CREATE_TABLE_AS_SELECT", name)
    tree = functions.served(sqlglot_tree.query(asked), check.text)
    query.check_named(check, tree)
    duck, columns = query.resolved_query(check, tree)
    schema = types.rest_schema(columns)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        operation = _taken(check, "TABLE", name, node, transaction)
        if operation == "SKIP":
            return ddl("CREATE_TABLE_AS_SELECT", operation, ddlTargetTable=name.reference())
        document = catalog.table_document(name, schema, run.clock, _location(check, name), extra)
        query.write_table(run, transaction, name, document, duck)
        done = ddl("CREATE_TABLE_AS_SELECT", operation, run.statistics.body(), ddlTargetTable=name.reference())
        return replace_fields(done, schema=schema, destination=name.reference())

    return Plan("CREATE_TABLE_AS_SELECT", apply, schema, name)


def _column(check: Check, node: ColumnDefinition) -> dict[str, Any]:
    kind = type_of(node.type, check.text)
    field = kind.field(node.name.text)
    if node.required and kind.array:
        raise check.text.invalid("NOT NULL cannot be specified for an ARRAY column", node)
    if node.required:
        field["mode"] = "REQUIRED"
    given = options.listed(node.options)
    options.only(given, ("description",))
    if "description" in given:
        field["description"] = options.value(check, given["description"])
    return field


def _check_cache(configuration: Document, fields: Document) -> None:
    mode, given = configuration.get("metadataCacheMode"), fields.get("maxStaleness")
    if mode not in (None, "AUTOMATIC", "MANUAL"):
        raise invalid_query(f"Invalid value for metadata_cache_mode: {mode}")
    if mode and given is None:
        raise invalid_query("metadata_cache_mode needs max_staleness")


# Models


def create_model(check: Check, node: CreateModel) -> Plan:
    """CREATE MODEL … REMOTE WITH CONNECTION …; every other model is refused by name."""
    name = check_new(path_name(node.model, check.statement))
    given = options.listed(node.options)
    if not node.remote or set(given) != {"endpoint"}:
        raise check.text.unsupported("CREATE MODEL other than REMOTE WITH CONNECTION and OPTIONS (ENDPOINT = …)", node)
    endpoint = str(options.value(check, given["endpoint"]))

    document = check.defer(lambda run: _model_document(run, name, endpoint, node.connection))

    def make(run: Run, transaction: Transaction) -> None:
        transaction.put("model", str(name), document.result)

    return _creation(check, "CREATE_MODEL", "MODEL", name, node, make)


def _model_document(run: Run, name: Name, endpoint: str, path: Path | None) -> Document:
    """The REST resource. Raises ApiError when the connection may not use the endpoint, or there is none such."""
    location, now = _location(run, name), str(run.clock.millis())
    owner, place, connected = _connection(run, path, name)
    member = run.cloud.connection_member(owner, place, connected)
    run.cloud.check_endpoint(member, name.project, location, endpoint)
    return {
        "modelReference": {"projectId": name.project, "datasetId": name.dataset, "modelId": name.table},
        "modelType": "MODEL_TYPE_UNSPECIFIED",
        "remoteModelInfo": {"endpoint": endpoint, "connection": f"{owner}.{place}.{connected}"},
        "creationTime": now,
        "lastModifiedTime": now,
        "location": location,
    }


# Schemas


def _drop_schema(check: Check, node: Drop) -> Plan:
    project, dataset = [check.statement.project, *path_parts(node.path)][-2:]
    name = Name(project, dataset, "")
    reference = {"projectId": project, "datasetId": dataset}
    if not node.exists:
        catalog.dataset(check.store, name, check.statement.location)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        if transaction.get("dataset", name.parent) is None:
            return ddl("DROP_SCHEMA", "SKIP", ddlTargetDataset=reference)
        held = transaction.list("table", f"{name.parent}.") + transaction.list("model", f"{name.parent}.")
        if held and not node.cascade:
            raise ApiError(400, "resourceInUse", f"Dataset {project}:{dataset} is still in use")
        catalog.drop_dataset_data(transaction, project, dataset)
        transaction.delete("dataset", name.parent)
        return ddl("DROP_SCHEMA", "DROP", ddlTargetDataset=reference)

    return Plan("DROP_SCHEMA", apply)


# What creation has in common


def _creation(
    check: Check,
    statement_type: str,
    kind: str,
    name: Name,
    node: Create,
    make: Callable[[Run, Transaction], None],
) -> Plan:
    _taken(check, kind, name, node)
    target = {} if kind == "MODEL" else {"ddlTargetTable": name.reference()}

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        operation = _taken(check, kind, name, node, transaction)
        if operation != "SKIP":
            if kind != "MODEL":
                catalog.refuse_twin(transaction, name)
                catalog.drop_table(transaction, name.project, name.dataset, name.table)
            make(run, transaction)
        return ddl(statement_type, operation, **target)

    return Plan(statement_type, apply, target=name)


def _taken(check: Check, kind: str, name: Name, node: Create, transaction: Transaction | None = None) -> str:
    """CREATE, REPLACE or SKIP for a TABLE, EXTERNAL or MODEL. Raises ApiError duplicate; 404 without the dataset."""
    source = transaction or check.store
    catalog.dataset(source, name, check.statement.location)
    if node.replace and node.exists:
        raise invalid_query("CREATE statements cannot have both OR REPLACE and IF NOT EXISTS")
    found = source.get("model" if kind == "MODEL" else "table", str(name))
    if found is None:
        return "CREATE"
    if node.replace and kind != "MODEL":
        _check_type(name, found, kind)
    if node.replace:
        return "REPLACE"
    if node.exists:
        return "SKIP"
    raise duplicate(f"Already Exists: {'Model' if kind == 'MODEL' else 'Table'} {name.shown}")


def _check_type(name: Name, found: Document, kind: str) -> None:
    if found["type"] != kind:
        raise invalid_query(
            f"{name.shown} is not allowed for this operation because it is currently a {found['type']}."
        )


def _skipped(statement_type: str, name: Name) -> Plan:
    return Plan(
        statement_type,
        lambda _run, _transaction: ddl(statement_type, "SKIP", ddlTargetTable=name.reference()),
        target=name,
    )


def _drop(check: Check, kind: str, name: Name, exists: bool) -> Plan:
    """Drop a TABLE, an EXTERNAL table or a MODEL."""
    statement_type = {"TABLE": "DROP_TABLE", "EXTERNAL": "DROP_EXTERNAL_TABLE", "MODEL": "DROP_MODEL"}[kind]
    target = {} if kind == "MODEL" else {"ddlTargetTable": name.reference()}
    look_up = catalog.model if kind == "MODEL" else catalog.table

    def operation(source: Store | Transaction) -> str:
        found = source.get("model" if kind == "MODEL" else "table", str(name))
        if found is None and not exists:
            look_up(source, name, check.statement.location)
        if found is not None and kind != "MODEL":
            _check_type(name, found, kind)
        return "SKIP" if found is None else "DROP"

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        done = operation(transaction)
        if done == "DROP" and kind == "MODEL":
            transaction.delete("model", str(name))
        elif done == "DROP":
            catalog.drop_table(transaction, name.project, name.dataset, name.table)
        return ddl(statement_type, done, **target)

    operation(check.store)
    return Plan(statement_type, apply, target=name)


def _location(session: Session, name: Name) -> str:
    return str(catalog.dataset(session.store, name, session.statement.location).get("location", "US"))


def _connection(run: Run, path: Path | None, name: Name) -> tuple[str, str, str]:
    """(project, location, name) of the named connection, or of the default one of the dataset's location.

    Raises ApiError when it is not there or in another location than the dataset (contract, "5. Connections").
    """
    location = _location(run, name)
    parts = [name.project, location.lower(), _DEFAULT_CONNECTION] if path is None else path_parts(path)
    if len(parts) == 2:
        parts = [run.statement.project, *parts]
    if len(parts) != 3:
        raise invalid_query(f"Invalid connection name {'.'.join(parts)}")
    if parts[1].lower() != location.lower():
        shown = ".".join(parts)
        raise invalid_query(
            f"Connection {shown} is in location {parts[1]}; dataset {name.parent} is in location {location}"
        )
    run.cloud.connection_member(parts[0], parts[1].lower(), parts[2])
    return parts[0], parts[1].lower(), parts[2]
