"""Paths of tables and models: `t`, `d.t`, p.d.t, backquoted or not, to full names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from localcloud.core.errors import ApiError, invalid_query, not_found
from localcloud.core.ports import Statement
from localcloud.googlesql.syntax import Path

_DATASET = re.compile(r"\w{1,1024}", re.ASCII)
_TABLE = re.compile(r"[^\s./\\`\"'][^./\\`\"\n]{0,1023}")


@dataclass(frozen=True)
class Name:
    """A table, view or model: project, dataset, name."""

    project: str
    dataset: str
    table: str

    def __str__(self) -> str:
        """`project.dataset.table`, the document's name in the store."""
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def parent(self) -> str:
        """`project.dataset`: the dataset's document and its DuckDB schema."""
        return f"{self.project}.{self.dataset}"

    @property
    def shown(self) -> str:
        """`project:dataset.table`, as messages spell it."""
        return f"{self.project}:{self.dataset}.{self.table}"

    def reference(self) -> dict[str, str]:
        """REST tableReference."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.table}


def parts_of(node: Any) -> list[str]:
    """The parts of a sqlglot table's path, `INFORMATION_SCHEMA.VIEW` as one."""
    return [part.name for part in node.parts]


def full_name(node: Any, statement: Statement) -> Name:
    """The full name that a sqlglot table means in the statement. Raises ApiError 400 for a path without a dataset."""
    return name_of(parts_of(node), statement)


def path_parts(path: Path) -> list[str]:
    """The names of a path; one in backquotes may hold several."""
    return [part for one in path for part in split_path(one.text)]


def split_path(text: str) -> list[str]:
    """The names of `project.dataset.table`; the project may be `domain.com:project`."""
    domain, colon, rest = text.rpartition(":")
    first, *others = rest.split(".")
    return [domain + colon + first, *others]


def path_name(path: Path, statement: Statement) -> Name:
    """The full name that a path in the statement means. Raises ApiError 400 for a path without a dataset."""
    return name_of(path_parts(path), statement)


def name_of(parts: list[str], statement: Statement) -> Name:
    """The same of a path's parts."""
    if len(parts) == 1:
        if statement.default_dataset is None:
            raise invalid_query(f'Table "{parts[0]}" must be qualified with a dataset (e.g. dataset.table).')
        return Name(*statement.default_dataset, parts[0])
    if len(parts) == 2:
        return Name(statement.project, parts[0], parts[1])
    if len(parts) == 3:
        return Name(parts[0], parts[1], parts[2])
    raise invalid_query(f'Invalid project, dataset or table name "{".".join(parts)}"')


def check_new(name: Name) -> Name:
    """The same name. Raises ApiError 400 when no dataset or table can be called so."""
    if not _DATASET.fullmatch(name.dataset):
        raise invalid_query(
            f'Invalid dataset ID "{name.dataset}". Dataset IDs must be alphanumeric (plus underscores).'
        )
    if not _TABLE.fullmatch(name.table):
        raise invalid_query(f'Invalid table ID "{name.table}".')
    return name


def table_not_found(name: Name, location: str) -> ApiError:
    """404 notFound, for a table that is not there."""
    return not_found(f"Not found: Table {name.shown} was not found in location {location}")


def dataset_not_found(name: Name, location: str) -> ApiError:
    """404 notFound, for a dataset that is not there."""
    return not_found(f"Not found: Dataset {name.project}:{name.dataset} was not found in location {location}")
