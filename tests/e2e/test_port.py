"""`make up PORT=…` edits no tracked file: the port is kept in .local/port, and every command goes there.

A script stands in for the Pulumi CLI and notes what it was given; test_readme_commands.py does the same with the real
one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT

PARTS = ("local", "Pulumi.yaml", "Pulumi.local.yaml", "requirements.txt")
LINKED = (".venv", "local-cloud", "offline", "imagesearch")
PULUMI = """#!/bin/sh
# Notes its arguments, and writes into the config file as the CLI does.
[ "$1" = version ] && { echo v3.999.0; exit; }
printf '%s\\n' "$@" > "$NOTES"
file=$(dirname "$0")/../checkout/Pulumi.local.yaml
while [ $# -gt 0 ]; do
  case $1 in
    --config-file) file=$2 ;;
    --config) saved=$2 ;;
    set) saved=$2=$3 ;;
  esac
  shift
done
[ -z "${saved:-}" ] || echo "  ${saved%%=*}: ${saved#*=}" >> "$file"
exit "${EXIT:-0}"
"""


class Checkout:
    """What ./local and the scripts need of the checkout, in a folder with a space in its name."""

    def __init__(self, root: Path) -> None:
        self.root = root / "image séarch"
        self.folder = self.root / "checkout"
        self.folder.mkdir(parents=True)
        for name in PARTS:
            shutil.copy(CHECKOUT / name, self.folder / name)
        shutil.copytree(CHECKOUT / "scripts", self.folder / "scripts")
        for name in LINKED:
            (self.folder / name).symlink_to(CHECKOUT / name)
        self.stack_file.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8440", self.stack_file.read_text()))
        pulumi = self.root / "bin/pulumi"
        pulumi.parent.mkdir()
        pulumi.write_text(PULUMI)
        pulumi.chmod(0o755)
        self.environment = {
            "PATH": f"{pulumi.parent}:/usr/bin:/bin",
            "HOME": str(self.root),
            "NOTES": str(self.root / "notes"),
            "GCP_PLUGIN": "stand-in",
        }

    @property
    def stack_file(self) -> Path:
        return self.folder / "Pulumi.local.yaml"

    @property
    def generated(self) -> Path:
        return self.folder / ".local/Pulumi.local.yaml"

    def run(self, *command: str, cwd: str = ".", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder / cwd,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def choose(self, port: str) -> None:
        done = self.run("scripts/choose-port", port)
        assert done.returncode == 0, done.stderr

    def enter(self) -> None:
        """From here on commands run in the environment that ./local prints."""
        exported = self.run("bash", "-c", 'eval "$(./local env)" && env -0').stdout
        self.environment |= dict(line.split("=", 1) for line in exported.split("\0") if "=" in line)

    def pulumi(self, *arguments: str, **options: str) -> list[str]:
        """The arguments that the Pulumi CLI gets."""
        done = self.run("pulumi", *arguments, **options)
        assert done.returncode == int(options.get("EXIT", 0)), done.stderr
        return (self.root / "notes").read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def moved_once(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("port"))
    checkout.choose("9000")
    checkout.enter()
    return checkout


@pytest.fixture
def moved(moved_once: Checkout) -> Iterator[Checkout]:
    """A checkout after `make up PORT=9000`, in its environment."""
    text = moved_once.stack_file.read_text()
    yield moved_once
    moved_once.stack_file.write_text(text)
    (moved_once.folder / ".local/port").write_text("9000\n")


def ports(file: Path) -> set[str]:
    return set(re.findall(r"http://127\.0\.0\.1:(\d+)/", file.read_text()))


def test_without_a_port_of_its_own_pulumi_reads_the_stacks_file_itself(checkout: Checkout) -> None:
    checkout.enter()
    assert "STACK_CONFIG_FILE" not in checkout.environment
    assert checkout.environment["LOCALCLOUD_URL"] == "http://127.0.0.1:8440"
    assert checkout.pulumi("up", "--yes") == ["up", "--yes"]


def test_the_port_is_kept_and_the_stacks_file_is_not_edited(checkout: Checkout) -> None:
    before = checkout.stack_file.read_text()
    checkout.choose("9000")
    checkout.choose("")  # `make up` without PORT
    checkout.enter()
    assert checkout.stack_file.read_text() == before
    assert checkout.environment["LOCALCLOUD_URL"] == "http://127.0.0.1:9000"
    assert ports(checkout.generated) == {"9000"}
    assert checkout.generated.read_text() == before.replace(":8440/", ":9000/")


def test_an_older_checkout_whose_stack_file_has_the_port_goes_on_and_can_leave_it(checkout: Checkout) -> None:
    checkout.stack_file.write_text(checkout.stack_file.read_text().replace(":8440/", ":9000/"))
    checkout.enter()
    assert "STACK_CONFIG_FILE" not in checkout.environment
    assert checkout.environment["LOCALCLOUD_URL"] == "http://127.0.0.1:9000"
    checkout.choose("8440")
    checkout.enter()
    assert checkout.environment["LOCALCLOUD_URL"] == "http://127.0.0.1:8440"
    assert ports(checkout.generated) == {"8440"}


@pytest.mark.parametrize(
    ("command", "at"),
    [
        (("up", "--yes"), 1),
        (("--color", "never", "preview", "--diff"), 3),
        (("refresh", "--stack", "local"), 1),
        (("destroy", "-s", "organization/image-search/local"), 1),
        (("config", "--json", "--show-secrets"), 1),
        (("config", "get", "gcp:project"), 1),
    ],
)
def test_commands_that_read_the_config_get_it_with_the_port(moved: Checkout, command: tuple[str, ...], at: int) -> None:
    expected = [*command[:at], "--config-file", str(moved.generated), *command[at:]]
    assert moved.pulumi(*command) == expected


def test_other_commands_and_other_stacks_are_left_alone(moved: Checkout) -> None:
    commands = [
        ("stack", "output", "--json"),
        ("up", "--stack", "dev"),
        ("up", "-sdev"),
        ("up", "-s=dev"),
        ("-C/tmp", "up"),
        ("up", "--config-file", "mine.yaml"),
        ("config", "set", "gcp:project", "another"),
    ]
    for command in commands:
        assert moved.pulumi(*command) == list(command)
    assert moved.pulumi("up", PULUMI_STACK="dev") == ["up"], "in a shell that ./local env has set up, too"
    other = moved.root / "other"
    other.mkdir(exist_ok=True)
    (other / "Pulumi.yaml").touch()
    for command in (("-C", str(other), "up"), ("--cwd=../other", "preview")):
        assert moved.pulumi(*command) == list(command), "a project of its own has a config of its own"
    assert moved.pulumi("-C", "scripts", "up")[3] == "--config-file", "a folder of the project"


def test_what_is_set_by_a_command_is_not_lost(moved: Checkout) -> None:
    moved.pulumi("config", "set", "image-search:one", "1")
    moved.pulumi("config", "get", "image-search:one")
    assert "image-search:one: 1" in moved.generated.read_text(), "the next command sees it"
    notes = moved.pulumi("up", "--config", "image-search:two=2", EXIT="3")
    assert notes[1] == "--config-file" and notes[2] != str(moved.generated)
    assert not Path(notes[2]).exists()
    text = moved.stack_file.read_text()
    assert "image-search:one: 1" in text and "image-search:two: 2" in text
    assert ports(moved.stack_file) == {"8440"}


def test_a_shell_that_is_open_follows_a_new_port(moved: Checkout) -> None:
    moved.choose("9001")
    moved.pulumi("up")
    assert ports(moved.generated) == {"9001"}


def test_commands_of_the_program_see_the_port_before_there_is_a_stack(moved: Checkout) -> None:
    script = "from imagesearch.stacks import stack_file; print(stack_file.read().config['gcp:bigQueryCustomEndpoint'])"
    done = moved.run("./local", "python", "-c", script, EXIT="1")
    assert done.stdout == "http://127.0.0.1:9000/bigquery/v2/\n", done.stderr


@pytest.mark.parametrize("port", ["80", "66000", "port", "9000; id"])
def test_what_is_no_port_is_refused(checkout: Checkout, port: str) -> None:
    refused = checkout.run("scripts/choose-port", port)
    assert refused.returncode == 2
    assert f"PORT must be a number from 1024 to 65535, not '{port}'" in refused.stderr
    assert not (checkout.folder / ".local/port").exists()


def test_in_a_shell_of_another_local_the_user_s_own_pulumi_is_found(moved: Checkout) -> None:
    nested = moved.run("./local", "bash", "-c", "pulumi up")
    assert nested.returncode == 0, nested.stderr
    assert (moved.root / "notes").read_text().splitlines() == ["up", "--config-file", str(moved.generated)]
