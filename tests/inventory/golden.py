"""The golden inventories: what each stack file declares, in tests/inventory/<stack>.yaml, as text to review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.inventory.record import record
from tests.inventory.stack_files import StackFile

FOLDER = Path(__file__).resolve().parent
HEADER = "# What Pulumi.{stack}.yaml declares. Written by: python -m tests.inventory.update\n"


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Statements as they are written, line by line; lists indented under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def path(stack: str) -> Path:
    """Where a stack's inventory is kept."""
    return FOLDER / f"{stack}.yaml"


def text(file: StackFile) -> str:
    """A stack's inventory as it is now."""
    recorded: dict[str, Any] = record(file.stack, file.config)
    assert recorded.pop("error") == ""
    content: str = yaml.dump(recorded, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return HEADER.format(stack=file.stack) + content
