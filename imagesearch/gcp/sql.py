"""Statements from the files in queries/, and the only functions that turn identifiers into SQL text.

A file has `${placeholders}`; each takes an Identifier (validated and back-quoted), an int, a Text (a quoted string
literal), or Labels. Free text (search texts, uris) is never rendered: it is passed as query parameters.
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

# The rules of names: docs.cloud.google.com/bigquery/docs/datasets#dataset-naming, …/tables#table_naming (kept narrower:
# no Unicode, no dashes or spaces in tables), Google Cloud project ids with an optional domain prefix, connection ids.
_PROJECT = re.compile(r"(?:[a-z][a-z0-9.-]{0,61}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET = re.compile(r"\w{1,1024}", re.ASCII)
_TABLE = re.compile(r"\w{1,1024}", re.ASCII)
_CONNECTION = re.compile(r"[\w-]{1,256}", re.ASCII)
_LOCATION = re.compile(r"[A-Za-z]+(?:-[a-z]+\d+)?")
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_PATH = re.compile(r"((?:[a-z0-9.-]+:)?[\w-]+)((?:\.[\w-]+)*)", re.ASCII)
"""A dotted path: its first part, which may be a project with a domain (example.com:my-project), and the others."""


@dataclass(frozen=True)
class Identifier:
    """A name in SQL: `project.dataset`, `project.dataset.table`, `project.location.connection` or one word."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, path: str) -> Identifier:
        """The identifier whose `path` this is. Raises ValueError if it has characters that no name has."""
        found = _PATH.fullmatch(path)
        if not found:
            raise ValueError(f"{path!r} is not a path of names: it must match {_PATH.pattern}")
        return cls((found[1], *found[2].split(".")[1:]))

    def __str__(self) -> str:
        return "`" + ".".join(self.parts) + "`"

    @property
    def path(self) -> str:
        """The parts with dots between them and without quotes, as the client library takes it."""
        return ".".join(self.parts)


def dataset_name(project: str, dataset: str) -> Identifier:
    """The name of a dataset. Raises ValueError when a part is not an identifier."""
    return Identifier((_check(_PROJECT, project, "project id"), _check(_DATASET, dataset, "dataset id")))


def table_name(project: str, dataset: str, table: str) -> Identifier:
    """The name of a table or a model. Raises ValueError when a part is not an identifier."""
    return Identifier((*dataset_name(project, dataset).parts, _check(_TABLE, table, "table name")))


def index_name(index: str) -> Identifier:
    """The name of a vector index, which has no dataset in it. Raises ValueError when it is not an identifier."""
    return Identifier((_check(_TABLE, index, "index name"),))


def connection_name(project: str, location: str, connection: str) -> Identifier:
    """The name of a connection; its location is in lower case. Raises ValueError when a part is not an identifier."""
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
    """A string literal of the program's own (an endpoint, an index type), never of a user's."""

    value: str

    def __str__(self) -> str:
        return json.dumps(self.value, ensure_ascii=False)  # GoogleSQL reads JSON's escape sequences alike


@dataclass(frozen=True)
class Labels:
    """`labels` of OPTIONS: [("key", "value"), …]. `str` raises ValueError when a key or a value is not a label's."""

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
    """The statement of queries/`name`.sql. Raises ValueError unless exactly its placeholders are given."""
    template = _template(name)
    expected = placeholders_of(name)
    if expected != set(placeholders):
        raise ValueError(f"queries/{name}.sql takes {sorted(expected)}, not {sorted(placeholders)}")
    return template.substitute({key: str(value) for key, value in placeholders.items()})
