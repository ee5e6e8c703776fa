"""docs/errors.md lists every error message of the source, and no others."""

from __future__ import annotations

import re

import pytest

from imagesearch import errors
from imagesearch.errors import ImageSearchError
from tests.unit import error_catalog
from tests.unit.error_catalog import DOCUMENT, TODO, listed, messages, rendered
from tests.unit.pages import REFERENCE

TEXT = DOCUMENT.read_text(encoding="utf-8")
AGAIN = "run python -m tests.unit.error_catalog, then write what it marks with TODO"


def test_every_message_is_listed_with_its_remedy_and_no_other() -> None:
    assert rendered(TEXT).splitlines() == TEXT.splitlines(), AGAIN


def test_every_message_has_a_cause_and_something_to_do() -> None:
    empty = [row.message for row in listed(TEXT).values() if not row.why or not row.remedy]
    assert empty == [] and TODO not in TEXT, AGAIN


def test_every_error_of_the_program_is_among_them() -> None:
    kinds = {
        name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, ImageSearchError)
    }
    assert kinds - {"ImageSearchError"} <= {message.section for message in messages()}


def test_a_message_that_nobody_listed_or_that_is_gone_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    known = messages()
    new = error_catalog.Message("Stalled", "It is … o'clock.", "Wait.")
    monkeypatch.setattr(error_catalog, "messages", lambda: [*known[1:], new])
    changed = rendered(TEXT)
    assert "| `It is … o'clock.` | TODO | Wait. |" in changed
    assert known[0].text in TEXT and known[0].text not in changed


def test_what_is_said_to_be_a_setting_is_one() -> None:
    named = set(re.findall(r"\b(?:embedding|images|index|dataset)\.[a-z]\w*", TEXT)) - {"index.md", "images.uris"}
    assert {name for name in named if f"`{name}`" not in REFERENCE} == set()
