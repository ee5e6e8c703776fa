"""DDL of tables, models and schemas (contract sections 3 and 4; S/data-definition-language)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as replace_fields
from typing import Any

from sqlglot import exp

from localcloud.core.errors import ApiError, Unsupported, duplicate, invalid_query
from localcloud.core.ports import Outcome
from localcloud.core.store import Document, Store, Transaction
from localcloud.engine import catalog, objects, options, query
from localcloud.engine.check import Check
from localcloud.engine.commands import Call, CreateExternalTable, DropExternalTable
from localcloud.engine.duckdb_types import from_tree
from localcloud.engine.plan import Plan, ddl
from localcloud.engine.run import Run
from localcloud.engine.session import Session
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, check_new, full_name

_DEFAULT_CONNECTION = "__default_cloudresource_connection__"


def create(check: Check, tree: Any) -> Plan:
    """CREATE TABLE … and CREATE MODEL …; everything else is refused by name."""
    kind = str(tree.args.get("kind") or "").upper()
    if kind == "MODEL":
        return _create_model(check, tree)
    if kind != "TABLE":
        raise check.text.unsupported(f"CREATE {kind}", tree)
    if isinstance(tree.this, exp.Schema) and tree.expression is None:
        return _create_table(check, tree)
    return _create_table_as(check, tree)


def drop(check: Check, tree: Any) -> Plan:
    """DROP TABLE, DROP MODEL, DROP SCHEMA."""
    kind = str(tree.args.get("kind") or "").upper()
    if kind == "SCHEMA":
        return _drop_schema(check, tree)
    if kind not in ("TABLE", "MODEL"):
        raise check.text.unsupported(f"DROP {kind}", tree)
    node = tree.args["tables"][0] if tree.args.get("tables") else tree.this
    return _drop(check, kind, full_name(node, check.statement), bool(tree.args.get("exists")))


def drop_external_table(check: Check, command: DropExternalTable) -> Plan:
    """DROP EXTERNAL TABLE."""
    return _drop(check, "EXTERNAL", full_name(command.table, check.statement), command.exists)


def alter(check: Check, tree: Any) -> Plan:
    """ALTER TABLE t SET OPTIONS (…)."""
    actions = tree.args.get("actions") or []
    if (
        str(tree.args.get("kind") or "").upper() != "TABLE"
        or len(actions) != 1
        or not isinstance(actions[0], exp.AlterSet)
    ):
        raise check.text.unsupported("ALTER other than ALTER TABLE … SET OPTIONS", tree)
    properties = actions[0].find(exp.Properties)
    fields = options.resource_fields(check, options.listed(properties))
    name = full_name(tree.this, check.statement)
    if not tree.args.get("exists"):
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


def create_external_table(check: Check, command: CreateExternalTable) -> Plan:
    """CREATE EXTERNAL TABLE over objects (contract section 4)."""
    name = check_new(full_name(command.table, check.statement))
    given = command.options
    options.only(given, ("object_metadata", "uris", "max_staleness", "metadata_cache_mode", "description", "labels"))
    if options.value(check, given["object_metadata"]) != "SIMPLE" if "object_metadata" in given else True:
        raise Unsupported("external tables that are no object tables (object_metadata must be 'SIMPLE')")
    uris = options.value(check, given["uris"]) if "uris" in given else []
    objects.check_uris(uris)
    configuration: Document = {"sourceUris": uris, "objectMetadata": "SIMPLE", "autodetect": False}
    if "metadata_cache_mode" in given:
        configuration["metadataCacheMode"] = options.value(check, given["metadata_cache_mode"])
    extra: dict[str, Any] = {field: given[field] for field in ("description", "labels") if field in given}
    fields = options.resource_fields(check, extra)
    if "max_staleness" in given:
        fields["maxStaleness"] = options.staleness(given["max_staleness"])
    _check_cache(configuration, fields)

    connection = check.defer(lambda run: ".".join(_connection(run, command.connection, name)))

    def make(run: Run, transaction: Transaction) -> None:
        configuration["connectionId"] = connection.result
        document = catalog.table_document(name, objects.OBJECT_SCHEMA, run.clock, _location(run, name))
        document |= {"type": "EXTERNAL", "externalDataConfiguration": configuration, **fields}
        transaction.put("table", str(name), document)

    return _creation(check, "CREATE_EXTERNAL_TABLE", "EXTERNAL", name, command.replace, command.exists, make)


def call(check: Check, command: Call) -> Plan:
    """CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('p.d.t') (contract section 4)."""
    if command.procedure != "BQ.REFRESH_EXTERNAL_METADATA_CACHE" or len(command.arguments) != 1:
        raise Unsupported(f"CALL {command.procedure} with {len(command.arguments)} arguments")
    name = full_name(exp.to_table(command.arguments[0], dialect="bigquery"), check.statement)
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


def _create_table(check: Check, tree: Any) -> Plan:
    name = check_new(full_name(tree.this.this, check.statement))
    fields = [_column(check, column) for column in tree.this.expressions]
    extra = options.resource_fields(check, _table_options(check, tree))

    def make(run: Run, transaction: Transaction) -> None:
        clock = run.clock
        document = catalog.table_document(name, {"fields": fields}, clock, _location(check, name), extra)
        catalog.create_table_data(transaction, name.project, name.dataset, name.table, document["schema"], clock)
        transaction.put("table", str(name), document)

    replace, exists = bool(tree.args.get("replace")), bool(tree.args.get("exists"))
    return _creation(check, "CREATE_TABLE", "TABLE", name, replace, exists, make)


def _create_table_as(check: Check, tree: Any) -> Plan:
    if tree.expression is None:
        raise check.text.unsupported("CREATE TABLE without columns or a query", tree)
    if isinstance(tree.this, exp.Schema):
        raise check.text.unsupported("CREATE TABLE with columns AS a query", tree)
    name = check_new(full_name(tree.this, check.statement))
    replace, exists = bool(tree.args.get("replace")), bool(tree.args.get("exists"))
    _taken(check, "TABLE", name, replace, exists)
    extra = options.resource_fields(check, _table_options(check, tree))
    if exists and check.store.get("table", str(name)):
        return _skipped("CREATE_TABLE_AS_SELECT", name)
    query.check_named(check, tree.expression)
    duck, columns = query.resolved_query(check, tree.expression)
    schema = types.rest_schema(columns)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        operation = _taken(check, "TABLE", name, replace, exists, transaction)
        if operation == "SKIP":
            return ddl("CREATE_TABLE_AS_SELECT", operation, ddlTargetTable=name.reference())
        document = catalog.table_document(name, schema, run.clock, _location(check, name), extra)
        query.write_table(run, transaction, name, document, duck)
        done = ddl("CREATE_TABLE_AS_SELECT", operation, run.statistics.body(), ddlTargetTable=name.reference())
        return replace_fields(done, schema=schema, destination=name.reference())

    return Plan("CREATE_TABLE_AS_SELECT", apply, schema, name)


def _column(check: Check, node: Any) -> dict[str, Any]:
    if not isinstance(node, exp.ColumnDef) or node.args.get("kind") is None:
        raise check.text.unsupported(f"the table element {node.sql('bigquery')[:60]}", node)
    kind = from_tree(node.args["kind"])
    field = kind.field(node.name)
    for constraint in node.args.get("constraints") or []:
        if isinstance(constraint.kind, exp.NotNullColumnConstraint) and not constraint.kind.args.get("allow_null"):
            if kind.array:
                raise check.text.invalid("NOT NULL cannot be specified for an ARRAY column", node)
            field["mode"] = "REQUIRED"
        elif isinstance(constraint.kind, exp.Properties):
            given = options.listed(constraint.kind)
            options.only(given, ("description",))
            field["description"] = options.value(check, given["description"])
        else:
            raise check.text.unsupported(f"the column constraint {constraint.sql('bigquery')[:60]}", node)
    return field


def _table_options(check: Check, tree: Any) -> dict[str, Any]:
    properties = tree.args.get("properties")
    for prop in properties.expressions if properties else []:
        if type(prop) is not exp.Property:
            raise check.text.unsupported(f"CREATE TABLE with {prop.sql('bigquery')[:40]}", tree)
    if tree.args.get("clone") or (isinstance(tree.expression, exp.Table)):
        raise check.text.unsupported("CREATE TABLE LIKE, COPY and CLONE", tree)
    return options.listed(properties)


def _check_cache(configuration: Document, fields: Document) -> None:
    mode, given = configuration.get("metadataCacheMode"), fields.get("maxStaleness")
    if mode not in (None, "AUTOMATIC", "MANUAL"):
        raise invalid_query(f"Invalid value for metadata_cache_mode: {mode}")
    if mode and given is None:
        raise invalid_query("metadata_cache_mode needs max_staleness")


# Models


def _create_model(check: Check, tree: Any) -> Plan:
    name = check_new(full_name(tree.this, check.statement))
    properties = tree.args["properties"].expressions if tree.args.get("properties") else []
    remote = [prop for prop in properties if isinstance(prop, exp.RemoteWithConnectionModelProperty)]
    given = {prop.name.lower(): prop.args["value"] for prop in properties if type(prop) is exp.Property}
    if not remote or tree.expression is not None or set(given) != {"endpoint"}:
        raise check.text.unsupported("CREATE MODEL other than REMOTE WITH CONNECTION and OPTIONS (ENDPOINT = …)", tree)
    endpoint = str(options.value(check, given["endpoint"]))
    path = remote[0].this
    default = path.name.upper() == "DEFAULT" and not path.args.get("db")

    document = check.defer(lambda run: _model_document(run, name, endpoint, None if default else path))

    def make(run: Run, transaction: Transaction) -> None:
        transaction.put("model", str(name), document.result)

    replace, exists = bool(tree.args.get("replace")), bool(tree.args.get("exists"))
    return _creation(check, "CREATE_MODEL", "MODEL", name, replace, exists, make)


def _model_document(run: Run, name: Name, endpoint: str, path: Any) -> Document:
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


def _drop_schema(check: Check, tree: Any) -> Plan:
    node = tree.args["tables"][0] if tree.args.get("tables") else tree.this
    parts = [part.name for part in node.parts]
    project, dataset = (check.statement.project, parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    name = Name(project, dataset, "")
    reference = {"projectId": project, "datasetId": dataset}
    exists, cascade = bool(tree.args.get("exists")), bool(tree.args.get("cascade"))
    if not exists:
        catalog.dataset(check.store, name, check.statement.location)

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        if transaction.get("dataset", name.parent) is None:
            return ddl("DROP_SCHEMA", "SKIP", ddlTargetDataset=reference)
        held = transaction.list("table", f"{name.parent}.") + transaction.list("model", f"{name.parent}.")
        if held and not cascade:
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
    replace: bool,
    exists: bool,
    make: Callable[[Run, Transaction], None],
) -> Plan:
    _taken(check, kind, name, replace, exists)
    target = {} if kind == "MODEL" else {"ddlTargetTable": name.reference()}

    def apply(run: Run, transaction: Transaction) -> Outcome:
        run.hold_documents()
        operation = _taken(check, kind, name, replace, exists, transaction)
        if operation != "SKIP":
            if kind != "MODEL":
                catalog.refuse_twin(transaction, name)
                catalog.drop_table(transaction, name.project, name.dataset, name.table)
            make(run, transaction)
        return ddl(statement_type, operation, **target)

    return Plan(statement_type, apply, target=name)


def _taken(
    check: Check, kind: str, name: Name, replace: bool, exists: bool, transaction: Transaction | None = None
) -> str:
    """CREATE, REPLACE or SKIP for a TABLE, EXTERNAL or MODEL. Raises ApiError duplicate; 404 without the dataset."""
    source = transaction or check.store
    catalog.dataset(source, name, check.statement.location)
    if replace and exists:
        raise invalid_query("CREATE statements cannot have both OR REPLACE and IF NOT EXISTS")
    found = source.get("model" if kind == "MODEL" else "table", str(name))
    if found is None:
        return "CREATE"
    if replace and kind != "MODEL":
        _check_type(name, found, kind)
    if replace:
        return "REPLACE"
    if exists:
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


def _connection(run: Run, path: Any, name: Name) -> tuple[str, str, str]:
    """(project, location, name) of the named connection, or of the default one of the dataset's location.

    Raises ApiError when it is not there or in another location than the dataset (contract section 5).
    """
    location = _location(run, name)
    if path is None:
        parts = [name.project, location.lower(), _DEFAULT_CONNECTION]
    else:
        parts = [part for whole in path.parts for part in whole.name.split(".")]
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
