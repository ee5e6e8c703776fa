"""Documents that a home holds already: they are read and written with the keys that they have."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.engine.connections import Connection
from localcloud.engine.objects import Listing, ObjectTable
from localcloud.engine.vector_index import VectorIndex
from localcloud.googlesql.names import Name

INDEX: dict[str, Any] = {
    "name": "i",
    "column": "embedding",
    "options": {"index_type": "IVF", "ivf_options": '{"num_lists": 7}', "own": {"num_lists": 7}},
    "stored": ["kind"],
    "created": 1.0,
    "altered": 2.0,
    "trained": 2.0,
    "changed": None,
    "refreshed": None,
    "unindexed": 0,
    "ddl": "CREATE VECTOR INDEX i ON d.many(embedding)",
    "sizes": [3, 4],
}
LISTING: dict[str, Any] = {
    "refreshed": 5.0,
    "rows": [["gs://b/a.jpg", 1, "image/jpeg", 10, "md5==", 1_767_323_045_000_000, ""]],
}
TABLE: dict[str, Any] = {
    "type": "EXTERNAL",
    "location": "US",
    "maxStaleness": "0-0 0 1:0:0",
    "externalDataConfiguration": {
        "sourceUris": ["gs://b/*"],
        "connectionId": "projects/p/locations/us/connections/c",
        "metadataCacheMode": "MANUAL",
    },
}


def test_a_vector_index_is_written_as_it_was_read() -> None:
    index = VectorIndex.from_document(INDEX)
    assert (index.options.distance, index.options.lists(1_000), index.stored, index.sizes) == (
        "EUCLIDEAN",
        7,
        ("kind",),
        (3, 4),
    )
    assert index.document() == INDEX


def test_a_listing_is_written_as_it_was_read() -> None:
    listing = Listing.from_document(LISTING)
    assert listing.rows[0].uri == "gs://b/a.jpg"
    assert listing.document() == LISTING


@pytest.mark.parametrize("connection", ["p.us.c", "projects/p/locations/us/connections/c"])
def test_an_object_table_is_read_from_its_resource(connection: str) -> None:
    configuration = TABLE["externalDataConfiguration"] | {"connectionId": connection}
    name = Name("p", "d", "images")
    table = ObjectTable.from_document(name, TABLE | {"externalDataConfiguration": configuration})
    assert table == ObjectTable(name, "US", ("gs://b/*",), Connection("p", "us", "c"), "MANUAL")


def test_a_table_without_staleness_has_no_cache() -> None:
    table = ObjectTable.from_document(Name("p", "d", "images"), TABLE | {"maxStaleness": "0-0 0 0:0:0"})
    assert table.cache == ""
