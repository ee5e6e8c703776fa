"""Statements that sqlglot does not read, as parse.py finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CreateExternalTable:
    """CREATE [OR REPLACE] EXTERNAL TABLE (contract section 4). `connection` None means WITH CONNECTION DEFAULT."""

    table: Any
    replace: bool
    exists: bool
    connection: Any | None
    options: dict[str, Any]


@dataclass(frozen=True)
class DropExternalTable:
    """DROP EXTERNAL TABLE (contract section 4)."""

    table: Any
    exists: bool


@dataclass(frozen=True)
class CreateVectorIndex:
    """CREATE [OR REPLACE] VECTOR INDEX (contract section 6)."""

    name: str
    table: Any
    column: str
    replace: bool
    exists: bool
    storing: tuple[str, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class DropVectorIndex:
    """DROP VECTOR INDEX (contract section 6)."""

    name: str
    table: Any
    exists: bool


@dataclass(frozen=True)
class RebuildVectorIndex:
    """ALTER VECTOR INDEX … REBUILD (contract section 6)."""

    name: str
    table: Any
    exists: bool


@dataclass(frozen=True)
class Call:
    """CALL of a system procedure with string arguments."""

    procedure: str
    arguments: tuple[str, ...]


Command = CreateExternalTable | DropExternalTable | CreateVectorIndex | DropVectorIndex | RebuildVectorIndex | Call
