"""docs/engine.md and docs/googlesql.md name types and modules that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
SOURCE = HOUSE / "src" / "localcloud"
PAGES = ("engine.md", "googlesql.md")
PAGE = "\n".join((HOUSE / "docs" / page).read_text(encoding="utf-8") for page in PAGES)
TYPES = [
    (name, path)
    for names, path in re.findall(r"^\| (`.*?`) \| (\S+\.py) \|", PAGE, re.MULTILINE)
    for name in re.findall(r"`(\w+)`", names)
]


def test_the_page_lists_types() -> None:
    assert {"Statement", "Type", "Check", "Run", "VectorIndex"} <= {name for name, _ in TYPES}


@pytest.mark.parametrize(("name", "path"), TYPES)
def test_a_type_is_where_the_page_has_it(name: str, path: str) -> None:
    assert re.search(rf"^(class {name}\b|{name} = )", (SOURCE / path).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\b[a-z]+/[a-z_/]+\.py\b", PAGE))))
def test_a_module_of_the_page_exists(path: str) -> None:
    assert (SOURCE / path).is_file() or (HOUSE / path).is_file()
