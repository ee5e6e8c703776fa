"""Which permissions a statement needs, by its first words, the tables it reads and the model it calls.

Source: the section "Required permissions" of each statement's page (S/data-definition-language, S/dml-syntax,
S/bigqueryml-syntax-create-remote-model-embedding-maas). Choice: the permission to read
tables is checked on the project as a whole, as access.py checks all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OR_REPLACE, _IF_EXISTS = r"(?:OR\s+REPLACE\s+)?", r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
_PATH = r"(?P<path>(?:`[^`]+`|[\w-]+)(?:\s*\.\s*(?:`[^`]+`|[\w-]+))*)"
#: How a statement begins, what it needs, and of what: the thing named, or what holds it.
_RULES = tuple(
    (re.compile(rf"\s*{begins}{_IF_EXISTS}{between}{_PATH}", re.IGNORECASE), permission, of)
    for begins, between, permission, of in (
        (rf"CREATE\s+{_OR_REPLACE}MODEL\s+", "", "bigquery.models.create", "dataset"),
        (r"DROP\s+MODEL\s+", "", "bigquery.models.delete", "table"),
        (rf"CREATE\s+{_OR_REPLACE}VECTOR\s+INDEX\s+", r"\S+\s+ON\s+", "bigquery.tables.createIndex", "table"),
        (r"ALTER\s+VECTOR\s+INDEX\s+", r"\S+\s+ON\s+", "bigquery.tables.createIndex", "table"),
        (r"DROP\s+VECTOR\s+INDEX\s+", r"\S+\s+ON\s+", "bigquery.tables.deleteIndex", "table"),
        (rf"CREATE\s+{_OR_REPLACE}(?:EXTERNAL\s+)?TABLE\s+", "", "bigquery.tables.create", "dataset"),
        (r"DROP\s+(?:EXTERNAL\s+)?TABLE\s+", "", "bigquery.tables.delete", "table"),
        (r"ALTER\s+TABLE\s+", "", "bigquery.tables.update", "table"),
        (r"CREATE\s+SCHEMA\s+", "", "bigquery.datasets.create", "project"),
        (r"ALTER\s+SCHEMA\s+", "", "bigquery.datasets.update", "schema"),
        (r"DROP\s+SCHEMA\s+", "", "bigquery.datasets.delete", "schema"),
        (r"(?:INSERT|MERGE)\s+(?:INTO\s+)?", "", "bigquery.tables.updateData", "table"),
        (r"(?:UPDATE|DELETE\s+FROM|DELETE|TRUNCATE\s+TABLE)\s+", "", "bigquery.tables.updateData", "table"),
    )
)
_REFRESH = re.compile(r"\s*CALL\s+BQ\s*\.\s*REFRESH_EXTERNAL_METADATA_CACHE\b", re.IGNORECASE)
_QUERY = re.compile(r"[\s(]*(?:SELECT|WITH|FROM|VALUES)\b", re.IGNORECASE)
_READS = re.compile(r"\b(?:SELECT|FROM|MERGE|UPDATE)\b", re.IGNORECASE)
_INDEX = re.compile(r"\s*(?:CREATE|DROP|ALTER)\b[^()]*?\bVECTOR\s+INDEX\b", re.IGNORECASE)


@dataclass(frozen=True)
class Demand:
    """One permission, on the project, or as the service words it, on a `dataset` or `table` by its path."""

    permission: str
    of: str = "project"
    path: tuple[str, ...] = ()


def demands(text: str, *, data: bool) -> Iterator[Demand]:
    """What the statement needs beside bigquery.jobs.create. `text` is without comments and strings; `data`: it names
    datasets that are there."""
    yield from _by_first_words(text)
    if re.search(r"\bWITH\s+CONNECTION\b", text, re.IGNORECASE):
        yield Demand("bigquery.connections.delegate")
    if re.search(r"\bAI\s*\.\s*GENERATE_EMBEDDING\s*\(", text, re.IGNORECASE):
        yield Demand("bigquery.models.getData")
    if data and _READS.search(text) and not _INDEX.match(text):
        yield Demand("bigquery.tables.getData")


def _by_first_words(text: str) -> Iterator[Demand]:
    for pattern, permission, of in _RULES:
        found = pattern.match(text)
        if found:
            path = tuple(part.strip() for part in found["path"].replace("`", "").split("."))
            path = path[:-1] if of == "dataset" else path
            yield Demand(permission, "dataset" if of == "schema" else of, path)
            return
    if _REFRESH.match(text):
        yield Demand("bigquery.tables.update")
    elif not _QUERY.match(text):
        yield Demand("bigquery.tables.updateData")
