"""What the program's pages name exists: make targets, commands of the command line, Python modules, files."""

from __future__ import annotations

import importlib.util
import re
import shlex

import pytest

from imagesearch.cli.commands import _parser
from tests.unit.pages import CHECKOUT

PAGES = {
    path.relative_to(CHECKOUT).as_posix(): path.read_text(encoding="utf-8")
    for path in [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
}
FOLDERS = "benchmarks|components|docs|imagesearch|local-cloud|notebooks|offline|queries|scripts|tests"


def code(page: str) -> list[str]:
    """The code of a page: blocks, line by line and without their comments, and spans within text."""
    blocks = [re.split(r" {2,}#", line)[0].strip() for line in re.findall(r"^ {4}(.+)$", PAGES[page], flags=re.M)]
    return [*blocks, *re.findall(r"`([^`\n]+)`", PAGES[page])]


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_is_one(page: str) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    named = {name for text in code(page) for name in re.findall(r"^(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", text)}
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, flags=re.M))


@pytest.mark.parametrize("page", PAGES)
def test_every_module_that_is_to_be_run_is_one(page: str) -> None:
    named = {name for text in code(page) for name in re.findall(r"python3? -m ([a-z_]+(?:\.\w+)*)", text)}
    assert {name for name in named if importlib.util.find_spec(name) is None} == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_one_that_the_command_line_takes(page: str) -> None:
    for command in code(page):
        if command.startswith("python -m imagesearch") and "…" not in command:
            words = shlex.split(re.split(r" \|\| ", command)[0].removeprefix("python -m imagesearch"))
            assert not words or _parser().parse_args(words).run, command


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page: str) -> None:
    named = set(re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]*\w", PAGES[page]))
    assert {name for name in named if not (CHECKOUT / name).exists()} == set()


def test_the_tests_above_find_something() -> None:
    everything = [text for page in PAGES for text in code(page)]
    assert sum(text.startswith("make ") for text in everything) > 20
    assert sum("python -m imagesearch" in text for text in everything) > 20
