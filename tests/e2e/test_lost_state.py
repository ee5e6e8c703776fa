"""A stack whose state was lost is taken over as docs/operations.md says, and pays for no image again."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.generated import NAMES, counts, outputs_of, refused, running
from tests.e2e.stack import CHECKOUT, Stack

OPERATIONS = (CHECKOUT / "docs/operations.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory) as made:
        yield made


def import_command() -> list[str]:
    """The command that operations.md shows, for this stack."""
    (found,) = re.findall(r"^ {4}pulumi (import .*?)\n {4}pulumi", OPERATIONS, flags=re.M | re.S)
    return shlex.split(
        found.replace("\\\n", " ").replace("my-project", "local-project").replace("pulumi:dev", "pulumi:local")
    )


@pytest.mark.slow
def test_a_state_that_was_lost_is_made_again_around_what_is_there(stack: Stack) -> None:
    stack.up()
    paid = stack.ledger()["per_object"]
    shutil.rmtree(Path(stack.home) / "pulumi-state")
    assert "Already Exists: Dataset" in refused(stack.up(check=False))
    stack.pulumi(*import_command(), "--yes", "--skip-preview")
    stack.up()
    assert counts(outputs_of(stack), "embedded", "pending") == (len(NAMES), 0)
    assert stack.ledger()["per_object"] == paid
    stack.up("--expect-no-changes")
    stack.pulumi("destroy", "--yes", "--skip-preview")
