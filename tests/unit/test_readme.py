"""README.md and docs/reference.md say what is true: every setting, output, make target and command is listed, and
nothing else; their command blocks run. tests/e2e/test_readme_commands.py runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from imagesearch.settings.schema import Search, Settings
from tests.unit.pages import CHECKOUT, README, blocks, links, table


def settings() -> dict[str, Any]:
    """Every key with its default; a search's keys under `searches[]`."""
    found: dict[str, Any] = {}
    for section, field in Settings.model_fields.items():
        model: type[BaseModel] = Search if section == "searches" else field.annotation  # type: ignore[assignment]
        prefix = "searches[]" if section == "searches" else section
        found |= {f"{prefix}.{each.alias}": each.default for each in model.model_fields.values()}
    return found


def test_every_setting_is_listed_with_its_default() -> None:
    listed = {row[0].strip("`"): row[1] for row in table("settings")}
    known = settings()
    assert set(listed) == set(known)
    for key, default in known.items():
        if default is PydanticUndefined or default is None:
            continue
        assert yaml.safe_load(listed[key].strip("`")) == default, key


def test_every_output_is_listed() -> None:
    listed = {name for row in table("outputs") for name in re.findall(r"`(\w+)`", row[0])}
    inventory = yaml.safe_load((CHECKOUT / "tests/inventory/local.yaml").read_text())
    assert listed == set(inventory["outputs"])


def test_every_make_target_is_listed_as_make_help_has_it() -> None:
    shown = subprocess.run(["make", "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    helped = set(re.findall(r"^ *make ([a-z-]+) ", shown, flags=re.M))
    listed = {name for row in table("targets") for cell in row for name in re.findall(r"`make ([a-z-]+)", cell)}
    assert listed == helped


def test_every_command_is_listed_as_the_command_lines_own_help_has_it() -> None:
    asked = [sys.executable, "-m", "imagesearch", "--help"]
    shown = subprocess.run(asked, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^ {4}([a-z][a-z-]*)(?: |$)", shown, flags=re.M)) - {"python"}
    listed = {name for row in table("commands") for name in re.findall(r"`([a-z][a-z-]*)", row[0])}
    assert listed == known


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.lines[0][:40])
def test_a_block_that_is_not_run_says_why(block: Any) -> None:
    assert block.lines
    if block.reason is not None:
        assert len(block.reason.split()) >= 2


def test_every_file_that_is_linked_is_there() -> None:
    linked = {target.partition("#")[0] for target in links(CHECKOUT / "README.md")}
    assert linked and all((CHECKOUT / name).exists() for name in linked)


def test_the_readme_is_read_in_minutes_and_says_first_what_has_not_been_run() -> None:
    lines = README.splitlines()
    assert len(lines) <= 150
    assert "Google Cloud" in " ".join(lines[:25]) and "has been run on Google Cloud" in " ".join(lines[:25])


def test_every_page_of_the_documentation_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [CHECKOUT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            targets = [(page.parent / target.partition("#")[0]).resolve() for target in links(page)]
            ahead += [target for target in targets if target.suffix == ".md" and target.exists()]
    assert set((CHECKOUT / "docs").rglob("*.md")) <= reached
