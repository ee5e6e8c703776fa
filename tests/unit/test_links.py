"""No page links to a file or heading that is not there, and no source file cites one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.pages import CHECKOUT, anchors, links, pages

CITED = re.compile(r"\bdocs/([\w/.-]+\.md)(?:#([\w-]+))?")
SOURCES = sorted(
    path
    for part in ("components", "imagesearch", "queries", "offline", "tests", "local-cloud/src", "local-cloud/tests")
    for path in (CHECKOUT / part).rglob("*")
    if path.suffix in {".py", ".sql"}
)


def missing(page: Path, target: str) -> bool:
    """Whether `target`, as `page` writes it, leads nowhere."""
    name, _, heading = target.partition("#")
    file = page.parent / name if name else page
    return not file.exists() or (bool(heading) and heading not in anchors(file))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(CHECKOUT).as_posix())
def test_what_a_page_links_to_is_there(page: Path) -> None:
    assert [target for target in links(page) if missing(page, target)] == []


def test_what_a_source_file_cites_is_there() -> None:
    ours = [path for path in SOURCES if not path.is_relative_to(CHECKOUT / "local-cloud")]  # it has docs/ of its own
    cited = {found for path in ours for found in CITED.findall(path.read_text(encoding="utf-8"))}
    assert sum(bool(heading) for _, heading in cited) >= 5
    targets = [f"docs/{name}#{heading}".rstrip("#") for name, heading in cited]
    assert [target for target in targets if missing(CHECKOUT / "README.md", target)] == []


def test_a_section_is_cited_by_its_heading() -> None:
    texts = {path: " ".join(path.read_text(encoding="utf-8").split()) for path in SOURCES}
    assert [path for path, text in texts.items() if re.search(r"contract(\.md)?,? sections? \d", text, re.I)] == []


def test_a_link_that_leads_nowhere_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n## 2. Two, too\n## One\n\n[a](#2-two-too) [b](other.md) `[c](no)` [d](page.md#one-1) [e](#x)\n"
    )
    assert anchors(page) == {"one", "2-two-too", "one-1"}
    assert [target for target in links(page) if missing(page, target)] == ["other.md", "#x"]
