"""What a user gets wrong is said in one message, by the key, before anything is created. With the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.generated import state
from tests.e2e.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("stack") / "project", embedder="hash")
    made.start_cloud()
    yield made
    made.stop_cloud()


@pytest.fixture(autouse=True)
def restored(stack: Stack) -> Iterator[None]:
    config = stack.config.read_text()
    yield
    stack.config.write_text(config)


def refusal(stack: Stack) -> str:
    """What `pulumi up` says when it refuses; nothing must be in the state afterwards."""
    done = stack.up(check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said, said
    assert [r for r in state(stack) if not r["type"].startswith("pulumi:")] == []
    return said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": {"limits": 5}}, ["images.limits is not a setting", "limit"]),
        ({"embedding": {"dimension": 500}}, ["dimension 500", "128, 256, 512, 1408"]),
        ({"searches": [{"name": "a", "text": "  "}]}, ["searches[0].text", "must not be empty"]),
    ],
)
def test_a_wrong_setting_is_refused_by_name(stack: Stack, change: dict[str, Any], words: list[str]) -> None:
    stack.set(**change)
    said = refusal(stack)
    for word in words:
        assert word in said


def test_a_bucket_that_does_not_exist_is_refused_by_name(stack: Stack) -> None:
    stack.set(images={"uris": ["gs://no-such-bucket/*"]})
    said = refusal(stack)
    assert "gs://no-such-bucket" in said and "there is no such bucket" in said


def test_a_local_cloud_that_is_not_running_is_named_with_the_remedy(stack: Stack) -> None:
    stack.stop_cloud()
    said = refusal(stack)
    assert "not running" in said and "make up" in said
