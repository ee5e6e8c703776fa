"""Object tables (contract section 4): the objects of a bucket as rows, listed at each query or from a kept listing.

With `metadataCacheMode` MANUAL the listing is the one that BQ.REFRESH_EXTERNAL_METADATA_CACHE made; with AUTOMATIC it
is made anew by the first query after `_REFRESH_SECONDS`. Both only while `maxStaleness` is not 0.
"""

from __future__ import annotations

import json
from typing import Any

from sqlglot import exp

from localcloud.core.errors import invalid_query
from localcloud.core.ports import Cloud, ObjectInfo
from localcloud.core.store import Document, Store, Transaction
from localcloud.engine import catalog
from localcloud.engine.check import Check
from localcloud.engine.run import Run
from localcloud.googlesql import types
from localcloud.googlesql.names import Name, full_name
from localcloud.googlesql.types import Columns, Type

_STRING, _INT64, _JSON = Type("STRING"), Type("INT64"), Type("JSON")
_PAIR = Type("STRUCT", (("name", _STRING), ("value", _STRING)), array=True)
_REF = Type("STRUCT", (("uri", _STRING), ("version", _STRING), ("authorizer", _STRING), ("details", _JSON)))
COLUMNS: Columns = (
    ("uri", _STRING),
    ("generation", _INT64),
    ("content_type", _STRING),
    ("size", _INT64),
    ("md5_hash", _STRING),
    ("updated", Type("TIMESTAMP")),
    ("metadata", _PAIR),
    ("ref", _REF),
)
OBJECT_SCHEMA = types.rest_schema(COLUMNS)
"""The fixed REST schema of every object table."""
_LISTED: Columns = (
    ("uri", _STRING),
    ("generation", _INT64),
    ("content_type", _STRING),
    ("size", _INT64),
    ("md5_hash", _STRING),
    ("updated", _INT64),
    ("metadata", _STRING),
)
#: Choice within the documented 30 to 60 minutes.
_REFRESH_SECONDS = 1800.0


def source(check: Check, name: Name, document: Document) -> str:
    """The scratch view that shows the object table as it is now."""

    def fill(run: Run, table: str) -> None:
        rows = objects(run.store, run.cloud, name, document)
        run.fill(table, list(zip(*rows, strict=True)), "c0, c1, c2, c3, c4, c5, c6")

    return check.view(_select(check.computed(_LISTED, fill), document))


def transform(check: Check, node: exp.Table) -> str:
    """EXTERNAL_OBJECT_TRANSFORM(TABLE t, ['SIGNED_URL']): the object table and a column `signed_url`."""
    arguments = node.this.expressions
    kinds = [one.name.upper() for one in arguments[1].expressions] if len(arguments) == 2 else []
    if kinds != ["SIGNED_URL"]:
        raise check.text.invalid("EXTERNAL_OBJECT_TRANSFORM takes a table and ['SIGNED_URL']", node)
    name = full_name(arguments[0], check.statement)
    document = catalog.table(check.store, name, check.statement.location)
    if document["type"] != "EXTERNAL":
        raise check.text.invalid(f"Table {name.shown} is not an object table", node)
    shown = source(check, name, document)

    def fill(run: Run, table: str) -> None:
        run.fill(table, list(zip(*_signed(run, document, shown), strict=True)), "c0, c1")

    signed = check.computed((("uri", _STRING), ("signed_url", _STRING)), fill)
    return check.view(f"SELECT o.*, s.signed_url FROM {shown} AS o JOIN {signed} AS s USING (uri)")


def objects(store: Store, cloud: Cloud, name: Name, document: Document) -> list[tuple[Any, ...]]:
    """The rows of the table: listed now, or kept by its metadata cache.

    Choice: until its first refresh a cache is by-passed.
    """
    configuration = document["externalDataConfiguration"]
    mode = configuration.get("metadataCacheMode", "")
    if mode in ("AUTOMATIC", "MANUAL") and not _is_zero(document.get("maxStaleness", "0")):
        kept = store.get("object_cache", str(name))
        now = cloud.clock.time()
        if kept and (mode == "MANUAL" or now - kept["refreshed"] < _REFRESH_SECONDS):
            return [tuple(row) for row in kept["rows"]]
        rows = listed(cloud, document)
        if mode == "AUTOMATIC":
            with store.transaction() as change:
                keep(change, cloud, name, rows)
        return rows
    return listed(cloud, document)


def keep(change: Transaction, cloud: Cloud, name: Name, rows: list[tuple[Any, ...]]) -> None:
    """Remember a listing as the metadata cache."""
    change.put("object_cache", str(name), {"refreshed": cloud.clock.time(), "rows": rows})


def check_uris(uris: Any) -> None:
    """Raises ApiError 400 unless each is gs://bucket/pattern with at most one `*`."""
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise invalid_query("Option uris must be an array of strings")
    if not uris:
        raise invalid_query("Option uris must name at least one URI")
    for uri in uris:
        bucket, _, pattern = uri.removeprefix("gs://").partition("/")
        if not uri.startswith("gs://") or not bucket or "*" in bucket or not pattern:
            raise invalid_query(f"Invalid source URI: {uri} must be gs://<bucket>/<pattern>")
        if uri.count("*") > 1:
            raise invalid_query(f"Invalid source URI: {uri} has more than one wildcard")


def connection_of(document: Document) -> tuple[str, str, str]:
    """(project, location, name) of an object table's connection."""
    text = str(document["externalDataConfiguration"]["connectionId"])
    if text.startswith("projects/"):
        parts = text.split("/")
        return parts[1], parts[3], parts[5]
    project, location, name = text.rsplit(".", 2)
    return project, location, name


def listed(cloud: Cloud, document: Document) -> list[tuple[Any, ...]]:
    """The rows of the listing now, as `_LISTED` says. Raises ApiError when the connection may not list the bucket."""
    found: dict[str, ObjectInfo] = {}
    member = cloud.connection_member(*connection_of(document))
    for uri in document["externalDataConfiguration"]["sourceUris"]:
        bucket, _, pattern = uri.removeprefix("gs://").partition("/")
        prefix, star, suffix = pattern.partition("*")
        cloud.check_colocated(bucket, str(document["location"]))
        for item in cloud.list_objects(member, bucket, prefix):
            if item.name == pattern or (star and item.name.endswith(suffix) and len(item.name) >= len(prefix + suffix)):
                found[item.uri] = item
    return [_row(item) for item in found.values()]


def _row(item: ObjectInfo) -> tuple[Any, ...]:
    pairs = [{"name": name, "value": value} for name, value in sorted(item.metadata.items())]
    updated = round(item.updated.timestamp() * 1_000_000)
    metadata = json.dumps(pairs) if pairs else ""
    return (item.uri, item.generation, item.content_type, item.size, item.md5_hash, updated, metadata)


def _select(table: str, document: Document) -> str:
    authorizer = ".".join(connection_of(document)).replace("'", "''")
    details = (
        "json_object('gcs_metadata', json_object('content_type', content_type, 'md5_hash', md5_hash, 'size', size,"
        " 'updated', updated))"
    )
    return (
        "SELECT uri, generation, content_type, size, md5_hash, make_timestamptz(updated) AS updated,"
        f' CASE WHEN metadata = \'\' THEN [] ELSE from_json(metadata, \'[{{"name":"VARCHAR","value":"VARCHAR"}}]\') END'
        " AS metadata,"
        " struct_pack(uri := uri, version := CAST(generation AS VARCHAR),"
        f" authorizer := '{authorizer}', details := {details}) AS ref FROM {table}"
    )


def _signed(run: Run, document: Document, shown: str) -> list[tuple[str, str]]:
    member = run.cloud.connection_member(*connection_of(document))
    signed = []
    for (uri,) in run.cursor.execute(f"SELECT uri FROM {shown}").fetchall():
        bucket, _, path = uri.removeprefix("gs://").partition("/")
        signed.append((uri, run.cloud.signed_url(member, bucket, path)))
    return signed


def _is_zero(staleness: str) -> bool:
    """Whether an INTERVAL in its canonical form `Y-M D H:M:S` is none at all."""
    return not any(character in "123456789" for character in staleness)
