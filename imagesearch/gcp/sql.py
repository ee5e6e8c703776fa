"""Statements: files in queries/ with `${placeholders}`, and the only place where identifiers become SQL text.

A placeholder takes an Identifier (validated and back-quoted), an int, a Text (a quoted string literal), or Labels.
Whatever people write freely (search texts, uris) never comes here: it travels as query parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

QUERIES = Path(__file__).resolve().parents[2] / "queries"

# Rules of the names: docs.cloud.google.com/bigquery/docs/datasets#dataset-naming, …/tables#table_naming (kept narrower:
# no Unicode, no dashes or spaces in tables), Google Cloud project ids with an optional domain prefix, connection ids.
_PROJECT = re.compile(r"(?:[a-z][a-z0-9.-]{0,61}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET = re.compile(r"\w{1,1024}", re.ASCII)
_TABLE = re.compile(r"\w{1,1024}", re.ASCII)
_CONNECTION = re.compile(r"[\w-]{1,256}", re.ASCII)
_LOCATION = re.compile(r"[A-Za-z]+(?:-[a-z]+\d+)?")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Identifier:
    """A name in SQL: `project.dataset`, `project.dataset.table`, `project.location.connection` or one word."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "`" + ".".join(self.parts) + "`"

    @property
    def path(self) -> str:
        """The name with dots and without quotes, as the client library takes it."""
        return ".".join(self.parts)

    @classmethod
    def parse(cls, path: str) -> Identifier:
        """The identifier whose `path` this is; it was validated when it was made."""
        return cls(tuple(path.split(".")))


def dataset_name(project: str, dataset: str) -> Identifier:
    """Raises ValueError when either is not an identifier."""
    return Identifier((_check(_PROJECT, project, "project id"), _check(_DATASET, dataset, "dataset id")))


def table_name(project: str, dataset: str, table: str) -> Identifier:
    """A table or a model. Raises ValueError when a part is not an identifier."""
    return Identifier((*dataset_name(project, dataset).parts, _check(_TABLE, table, "table name")))


def index_name(index: str) -> Identifier:
    """A vector index, which is named without its dataset. Raises ValueError."""
    return Identifier((_check(_TABLE, index, "index name"),))


def connection_name(project: str, location: str, connection: str) -> Identifier:
    """Raises ValueError when a part is not an identifier."""
    return Identifier(
        (
            _check(_PROJECT, project, "project id"),
            _check(_LOCATION, location, "location").lower(),
            _check(_CONNECTION, connection, "connection id"),
        )
    )


def _check(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(f"{value!r} is not a {what}: it must match {pattern.pattern}")
    return value


@dataclass(frozen=True)
class Text:
    """A string literal that is ours (an endpoint, an index type), not a person's."""

    value: str

    def __str__(self) -> str:
        return json.dumps(self.value, ensure_ascii=False)  # what JSON still escapes, GoogleSQL reads alike


@dataclass(frozen=True)
class Labels:
    """`labels` of OPTIONS: [('key', 'value'), …]. Raises ValueError for what is not a label."""

    values: Mapping[str, str]

    def __str__(self) -> str:
        pairs = [
            f"({Text(_check(_LABEL, key, 'label'))}, {Text(_check(_LABEL, value, 'label'))})"
            for key, value in sorted(self.values.items())
        ]
        return f"[{', '.join(pairs)}]"


Placeholder = Identifier | Text | Labels | int


@cache
def _template(name: str) -> Template:
    return Template((QUERIES / f"{name}.sql").read_text(encoding="utf-8"))


def without_comments(statement: str) -> str:
    """The statement without the lines that only comment on it."""
    return "\n".join(line for line in statement.splitlines() if not line.lstrip().startswith("--"))


def placeholders_of(name: str) -> frozenset[str]:
    """The placeholders of queries/`name`.sql."""
    return frozenset(_template(name).get_identifiers())


def render(name: str, **placeholders: Placeholder) -> str:
    """The text of queries/`name`.sql. Raises ValueError unless exactly its placeholders are given."""
    template = _template(name)
    expected = placeholders_of(name)
    if expected != set(placeholders):
        raise ValueError(f"queries/{name}.sql takes {sorted(expected)}, not {sorted(placeholders)}")
    return template.substitute({key: str(value) for key, value in placeholders.items()})
