"""Every command that a message tells the user to run exists, with its subcommand and its flags."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.commands_in_messages import PULUMI, Command, commands, commands_of, problem, pulumi_cli

COMMANDS = commands()


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_in_a_message_exists(command: Command) -> None:
    assert problem(command.text) == "", command.source


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("imagesearch/gcp/rest.py", "make up"),
        ("imagesearch/checks/preflight.py", "pulumi destroy"),
        ("imagesearch/stacks/stack_file.py", "pulumi config set gcp:project my-project"),
        ("imagesearch/stacks/stack_file.py", f"pulumi stack select --create {'…'}"),
        ("imagesearch/cli/help_texts.py", "./local python -m imagesearch search castle"),
        ("components/dataset.py", "pulumi state delete"),
        ("local", "make setup"),
        ("docs/errors.md", "python -m imagesearch failures"),
    ],
)
def test_commands_are_found_in_every_kind_of_source(source: str, text: str) -> None:
    assert Command(source, text) in COMMANDS


def test_sources_of_all_packages_have_commands() -> None:
    assert len(COMMANDS) > 60
    for start in ("imagesearch/", "components/", "offline/", "local-cloud/", "scripts/"):
        assert any(command.source.startswith(start) for command in COMMANDS), start


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Run `make install`.", "the Makefile has no target install"),
        ("run: make up PROT=1", "the Makefile has no variable PROT"),
        ("`pulumi upp` mends it", "PULUMI does not list the verb upp"),
        ("`pulumi up --yess`", "PULUMI does not list --yess of up"),
        ("`./local pulumi stack choose`", "PULUMI does not list the verb stack choose"),
        ("Run python -m imagesearch stats, then wait.", "imagesearch --help does not know stats"),
        ("`python -m imagesearch status --jsn`", "imagesearch status --help does not know --jsn"),
        ("`python -m localcloud halt`", "localcloud --help does not know halt"),
        ("`python3 -m offline.pulumi_cli fetch`", "offline.pulumi_cli --help does not know fetch"),
        ("`scripts/old-stack`", "is not an executable file"),
        ("pip install './local-cloud[pictures]'", "the local cloud has no extra pictures"),
    ],
)
def test_a_wrong_command_would_be_found(message: str, said: str) -> None:
    (command,) = commands_of(message)
    assert problem(command) == said


def test_prose_is_not_a_command() -> None:
    prose = "Make it first; make the site reachable. `pulumi up` makes it; pulumi is not installed. ./local before it."
    assert commands_of(prose) == ["pulumi up"]


@pytest.mark.parametrize("verb", PULUMI)
def test_the_pulumi_cli_has_every_listed_verb_and_flag(verb: str, tmp_path: Path) -> None:
    pulumi = pulumi_cli()
    if pulumi is None:
        pytest.skip("the Pulumi CLI is not installed: make setup")
    shown = subprocess.run(
        [pulumi, *verb.split(), "--help"],
        env={**os.environ, "PULUMI_HOME": str(tmp_path), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    *parents, name = verb.split()
    (usage,) = re.findall(rf"^Usage:\n  pulumi {' '.join([*parents, ''])}(\w+)", shown, flags=re.M)
    aliases = re.findall(r"^Aliases:\n  (.+)", shown, flags=re.M)
    assert name in {usage, *(alias for line in aliases for alias in line.split(", "))}
    assert [flag for flag in PULUMI[verb] if flag not in shown] == []
