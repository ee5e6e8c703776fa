"""Object tables: the objects of a bucket as rows, listed at each query or from its metadata cache.

Source: contract, "4. Object tables".

With `metadataCacheMode` MANUAL the listing is the one that BQ.REFRESH_EXTERNAL_METADATA_CACHE made; with AUTOMATIC it
is made again by the first query after `_REFRESH_SECONDS`. Both only while `maxStaleness` is not 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlglot import exp

from localcloud.core.errors import invalid_query
from localcloud.core.ports import Cloud, ObjectInfo
from localcloud.core.store import Document, Store, Transaction
from localcloud.engine import catalog
from localcloud.engine.check import Check
from localcloud.engine.connections import Connection
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


class ListedObject(NamedTuple):
    """One object of a bucket, as SQL sees it: a row of `_LISTED`. A tuple, since a query may list ten thousand."""

    uri: str
    generation: int
    content_type: str
    size: int
    md5_hash: str
    updated: int
    """Microseconds since the epoch."""
    metadata: str
    """JSON of the pairs; empty without any."""

    @classmethod
    def of(cls, item: ObjectInfo) -> ListedObject:
        """The row of an object of the storage service."""
        pairs = [{"name": name, "value": value} for name, value in sorted(item.metadata.items())]
        updated = round(item.updated.timestamp() * 1_000_000)
        metadata = json.dumps(pairs) if pairs else ""
        return cls(item.uri, item.generation, item.content_type, item.size, item.md5_hash, updated, metadata)


@dataclass(frozen=True)
class Listing:
    """The metadata cache of an object table: the store's `object_cache` document of its name."""

    refreshed: float
    """Seconds since the epoch."""
    rows: tuple[ListedObject, ...]

    @classmethod
    def from_document(cls, document: Document) -> Listing:
        """The listing that a document of the store holds."""
        return cls(document["refreshed"], tuple(ListedObject(*row) for row in document["rows"]))

    def document(self) -> Document:
        """The document of the store."""
        return {"refreshed": self.refreshed, "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True)
class ObjectTable:
    """What defines the rows of an object table: parts of its `table` document."""

    name: Name
    location: str
    uris: tuple[str, ...]
    connection: Connection
    cache: str
    """AUTOMATIC or MANUAL where its listing may be cached, else empty."""

    @classmethod
    def from_document(cls, name: Name, document: Document) -> ObjectTable:
        """The object table that a REST resource describes."""
        configuration = document["externalDataConfiguration"]
        cached = not _is_zero(document.get("maxStaleness", "0"))
        return cls(
            name=name,
            location=str(document["location"]),
            uris=tuple(configuration["sourceUris"]),
            connection=Connection.parse(str(configuration["connectionId"])),
            cache=str(configuration.get("metadataCacheMode", "")) if cached else "",
        )


def source(check: Check, table: ObjectTable) -> str:
    """The scratch view that shows the object table as it is now."""

    def fill(run: Run, scratch: str) -> None:
        _fill(run, scratch, objects(run.store, run.cloud, table))

    return check.view(_select(check.computed(_LISTED, fill), table.connection))


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
    table = ObjectTable.from_document(name, document)
    shown = source(check, table)

    def fill(run: Run, scratch: str) -> None:
        run.fill(scratch, list(zip(*_signed(run, table.connection, shown), strict=True)), "c0, c1")

    signed = check.computed((("uri", _STRING), ("signed_url", _STRING)), fill)
    return check.view(f"SELECT o.*, s.signed_url FROM {shown} AS o JOIN {signed} AS s USING (uri)")


def objects(store: Store, cloud: Cloud, table: ObjectTable) -> Sequence[ListedObject]:
    """The rows of the table: listed now, or from its metadata cache.

    Choice: until its first refresh a cache is by-passed.
    """
    if table.cache not in ("AUTOMATIC", "MANUAL"):
        return listed(cloud, table)
    document = store.get("object_cache", str(table.name))
    if document is not None:
        listing = Listing.from_document(document)
        if table.cache == "MANUAL" or cloud.clock.time() - listing.refreshed < _REFRESH_SECONDS:
            return listing.rows
    rows = listed(cloud, table)
    if table.cache == "AUTOMATIC":
        with store.transaction() as change:
            keep(change, cloud, table.name, rows)
    return rows


def keep(change: Transaction, cloud: Cloud, name: Name, rows: Sequence[ListedObject]) -> None:
    """Put a listing into the metadata cache."""
    change.put("object_cache", str(name), Listing(cloud.clock.time(), tuple(rows)).document())


def check_uris(uris: object) -> None:
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


def listed(cloud: Cloud, table: ObjectTable) -> list[ListedObject]:
    """The objects that match now. Raises ApiError when the connection may not list the bucket."""
    found: dict[str, ListedObject] = {}
    member = cloud.connection_member(*table.connection)
    for uri in table.uris:
        bucket, _, pattern = uri.removeprefix("gs://").partition("/")
        prefix, star, suffix = pattern.partition("*")
        cloud.check_colocated(bucket, table.location)
        for item in cloud.list_objects(member, bucket, prefix):
            if item.name == pattern or (star and item.name.endswith(suffix) and len(item.name) >= len(prefix + suffix)):
                row = ListedObject.of(item)
                found[row.uri] = row
    return list(found.values())


def _fill(run: Run, scratch: str, rows: Sequence[ListedObject]) -> None:
    run.fill(scratch, list(zip(*rows, strict=True)), "c0, c1, c2, c3, c4, c5, c6")


def _select(table: str, connection: Connection) -> str:
    authorizer = ".".join(connection).replace("'", "''")
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


def _signed(run: Run, connection: Connection, shown: str) -> list[tuple[str, str]]:
    member = run.cloud.connection_member(*connection)
    signed = []
    for (uri,) in run.cursor.execute(f"SELECT uri FROM {shown}").fetchall():
        bucket, _, path = uri.removeprefix("gs://").partition("/")
        signed.append((uri, run.cloud.signed_url(member, bucket, path)))
    return signed


def _is_zero(staleness: str) -> bool:
    """Whether an INTERVAL in its canonical form `Y-M D H:M:S` is none at all."""
    return not any(character in "123456789" for character in staleness)
