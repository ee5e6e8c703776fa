"""README.md says what is true: every setting with its default, every output, every make target, in both directions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from imagesearch.settings import Search, Settings

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text()


def table(name: str) -> list[list[str]]:
    """The cells of the rows between <!-- name --> and <!-- /name -->."""
    text = README.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]


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


def test_every_make_target_and_command_named_exists() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.M))
    named = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", README, flags=re.M))
    assert named <= targets
    assert {"up", "test", "destroy", "clean", "help"} <= named
