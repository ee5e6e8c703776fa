"""docs/operations.md names only commands, settings, outputs, errors and files that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from imagesearch import errors
from imagesearch.cli.commands import _parser
from tests.unit.test_readme import settings

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = (CHECKOUT / "docs/operations.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Every command of the document, without its comment."""
    blocks = re.sub(r" \\\n +", " ", TEXT)
    typed = re.findall(r"^ {4}((?:CI=true |\./local )?(?:pulumi|python) .*)$", blocks, flags=re.M)
    return [re.split(r" {2,}#", command)[0].strip() for command in typed]


@pytest.mark.parametrize("command", [line for line in commands() if "-m imagesearch" in line])
def test_a_command_of_the_command_line_is_one_that_is_taken(command: str) -> None:
    words = shlex.split(re.split(r" \|\| ", command)[0].removeprefix("python -m imagesearch"))
    assert _parser().parse_args(words).run


@pytest.mark.parametrize("command", [line for line in commands() if "config set" in line])
def test_a_setting_that_is_to_be_set_is_one(command: str) -> None:
    key, value = re.findall(r"image-search:(\S+) (\S+)", command)[0]
    assert key in settings()
    assert ("." in value) == ("--type float" in command), "Pulumi would write a fraction as text"


def test_every_setting_and_every_error_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:dataset|images|embedding|index)\.\w+)`", TEXT))
    assert named and named <= set(settings())
    raised = set(re.findall(r"`([A-Z][a-z]+[A-Z]?\w+)`", TEXT))
    assert raised and raised <= set(vars(errors))


def test_every_file_that_it_points_to_is_there() -> None:
    for target in set(re.findall(r"\]\(([^)#]+)\)", TEXT)):
        assert (CHECKOUT / "docs" / target).exists(), target
