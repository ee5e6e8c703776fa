"""The corpus: statements in corpus/*.sql, each with the answer that Google's documentation promises.

-- what it shows (page of the documentation)
the statement
@ name TYPE value       a query parameter; `?` for one without a name
? SELECT …              asked afterwards, of a statement that changes something
= cell | cell           a row of the answer
! 400 text              or the error: its code, and a part of its message
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Case:
    """One statement and what becomes of it."""

    title: str
    text: str
    parameters: tuple[dict[str, Any], ...]
    asked: str | None
    rows: tuple[str, ...]
    error: tuple[int, str] | None

    @property
    def is_query(self) -> bool:
        return self.text.lstrip("(").split()[0].upper() in ("SELECT", "WITH")


def tables() -> dict[str, str]:
    """The query of each table that the statements are about, by name."""
    text = (FOLDER / "tables.sql").read_text(encoding="utf-8")
    return dict(re.findall(r"CREATE TABLE (\w+) AS\n(.*?);\n", text, re.DOTALL))


@cache
def cases() -> tuple[Case, ...]:
    """Every case of every file."""
    files = sorted(path for path in FOLDER.glob("*.sql") if path.name != "tables.sql")
    return tuple(_case(block) for path in files for block in path.read_text(encoding="utf-8").strip().split("\n\n"))


def _case(block: str) -> Case:
    title, *lines = block.split("\n")
    marked = {mark: [line[2:] for line in lines if line.startswith(f"{mark} ")] for mark in "@?=!"}
    marked["="] += ["" for line in lines if line == "="]
    text = "\n".join(line for line in lines if not re.match(r"[@?=!]( |$)", line))
    error = marked["!"][0].partition(" ") if marked["!"] else None
    return Case(
        title.removeprefix("-- "),
        text,
        tuple(_parameter(line) for line in marked["@"]),
        marked["?"][0] if marked["?"] else None,
        tuple(marked["="]),
        (int(error[0]), error[2]) if error else None,
    )


def _parameter(line: str) -> dict[str, Any]:
    found = re.match(r"(\S+) ([A-Z0-9]+(?:<.*>)?) (.*)", line)
    assert found, line
    kind = _kind(found[2])
    value = None if found[3] == "NULL" else json.loads(found[3]) if kind["type"] in ("ARRAY", "STRUCT") else found[3]
    named = {} if found[1] == "?" else {"name": found[1]}
    return {**named, "parameterType": kind, "parameterValue": _value(value)}


def _kind(text: str) -> dict[str, Any]:
    name, _, inner = text.partition("<")
    if name == "ARRAY":
        return {"type": "ARRAY", "arrayType": _kind(inner[:-1])}
    if name == "STRUCT":
        members = (member.split(" ") for member in inner[:-1].split(", "))
        return {"type": "STRUCT", "structTypes": [{"name": name, "type": {"type": kind}} for name, kind in members]}
    return {"type": name}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValues": [_value(item) for item in value]}
    if isinstance(value, dict):
        return {"structValues": {name: _value(item) for name, item in value.items()}}
    return {"value": None if value is None else str(value)}
