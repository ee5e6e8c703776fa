"""What was paid for: how many vectors have arrived in a table of embeddings since it was made.

The number is a label of that table, so it is where the vectors are, costs nothing to read, and goes when they go. It
counts every vector once, also those of images that were deleted or changed since. It is raised when a staging table has
been merged and before it is dropped; the label says which one that was, so that a run that dies in between counts
nothing twice. Not in it: vectors of a job that died before its staging table was written, and the texts of searches.

    image-search-paid: 335_0123456789abcdef        images, and the end of the staging table's name
"""

from __future__ import annotations

from imagesearch.errors import StatementFailed
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.sql import Identifier

LABEL = "image-search-paid"
_ATTEMPTS = 3


def images(warehouse: Warehouse, embeddings: Identifier) -> int:
    """Vectors that have arrived in the table so far; 0 when it is gone."""
    return _read(warehouse, embeddings)[0]


def counted(warehouse: Warehouse, embeddings: Identifier) -> str:
    """The end of the name of the staging table that was counted last."""
    return _read(warehouse, embeddings)[1]


def add(warehouse: Warehouse, embeddings: Identifier, staging: Identifier, number: int) -> None:
    """Count the `number` of vectors of a staging table; doing it twice in a row changes nothing.

    Raises StatementFailed when others keep changing the table's description at the same time.
    """
    suffix = _suffix(staging)
    for attempt in range(1, _ATTEMPTS + 1):
        paid, last = _read(warehouse, embeddings)
        if last == suffix or not number:
            break
        try:
            warehouse.label_table(embeddings, {LABEL: f"{paid + number}_{suffix}"})
            break
        except StatementFailed as error:  # somebody else changed it, or our answer was lost: look again
            if error.reason != "conditionNotMet" or attempt == _ATTEMPTS:
                raise


def is_counted(staging: Identifier, last: str) -> bool:
    """Whether `last` is the end of this staging table's name."""
    return _suffix(staging) == last


def _suffix(staging: Identifier) -> str:
    return staging.parts[-1].rsplit("_", 1)[-1]


def _read(warehouse: Warehouse, embeddings: Identifier) -> tuple[int, str]:
    table = warehouse.table(embeddings)
    number, _, suffix = str((table.labels if table else {}).get(LABEL, "")).partition("_")
    return int(number or 0), suffix
