"""The command blocks of README.md and docs/reference.md, typed as they stand into a fresh copy of the checkout, and
the cheap make targets.

Two things make it quick: what is installed already is used, and IMAGES names a folder of twelve photos. The tests build
on each other, in this order.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.testing.ports import free_port
from tests.e2e.pictures import pictures
from tests.e2e.stack import CHECKOUT
from tests.unit.pages import blocks

COMMANDS = [line for block in blocks() if block.reason is None for line in block.lines]


class Checkout:
    """A copy of what git has, with nothing made in it yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if not (CHECKOUT / name).exists():
                continue
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, self.folder / name)
        for requirements in ("requirements.txt", "requirements-dev.txt", "local-cloud/pyproject.toml"):
            os.utime(self.folder / requirements, (0, 0))  # what is installed is newer
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "copy")
        (self.folder / ".venv").symlink_to(CHECKOUT / ".venv")
        (self.folder / ".git/info/exclude").write_text("/.venv\n")
        self.images = folder / "images"
        self.images.mkdir()
        for name, (data, _) in pictures().items():
            (self.images / name).write_bytes(data)
        self.port = free_port()

    def git(self, *arguments: str) -> str:
        """What git prints."""
        return subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def type(self, command: str, **environment: str) -> str:
        """Run a command in bash, with the local stack's environment as the pages ask for. What it printed."""
        if not command.startswith(("make", "./local")):
            command = f'eval "$(./local env)" && {command}'
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "LOCALCLOUD_"))}
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={"GCP_PLUGIN": "stand-in", **inherited, "IMAGES": str(self.images), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout(tmp_path_factory.mktemp("readme"))
    yield made
    if (made.folder / ".local").exists():
        made.type("./local python -m localcloud stop || true")


def test_the_first_command_is_make_up_and_shows_what_was_found(checkout: Checkout) -> None:
    assert COMMANDS[0].startswith("make up ")
    shown = checkout.type(COMMANDS[0], PORT=str(checkout.port))
    assert "12 images in the bucket: 12 embedded" in shown
    assert "“a yellow flower”" in shown and "gallery: " in shown
    assert (checkout.folder / ".local/gallery.html").stat().st_size > 10_000


def test_the_port_is_kept_without_an_edit_of_a_file_in_git(checkout: Checkout) -> None:
    """The commands below name no port either."""
    assert "unchanged" in checkout.type("make up")
    where = f"http://127.0.0.1:{checkout.port}"
    told = checkout.type("./local python -m localcloud status; ./local pulumi config get gcp:storageCustomEndpoint")
    assert told.split()[1] == where and told.splitlines()[-1] == f"{where}/storage/v1/"
    assert checkout.type("pulumi config get gcp:storageCustomEndpoint").strip() == f"{where}/storage/v1/"
    assert checkout.git("status", "--porcelain") == ""


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_every_other_command_of_a_block_works(checkout: Checkout, command: str) -> None:
    assert checkout.type(command).strip()


def test_the_targets_that_look_at_the_stack_work(checkout: Checkout) -> None:
    shown = checkout.type('make search TEXT="a yellow flower"; make preview; make help')
    assert "stamp_yellow-flower.jpg" in shown
    assert "unchanged" in shown, "the preview of a stack that is up"


def test_make_destroy_and_make_clean_leave_the_checkout_as_it_was(checkout: Checkout) -> None:
    checkout.type("make destroy")
    (checkout.folder / ".venv").unlink()  # it is not this checkout's to remove
    checkout.type("make clean")
    made = {path.name for path in checkout.folder.iterdir()} - {path.name for path in CHECKOUT.iterdir()}
    assert made == set() and not (checkout.folder / ".local").exists()
