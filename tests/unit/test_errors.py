"""The error classes: the tree in the docstring is right, each class is used, each message has a remedy."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from imagesearch import errors
from imagesearch.errors import ImageSearchError, NotSignedIn, StatementFailed
from imagesearch.gcp.bigquery import Target, Warehouse

ROOT = Path(__file__).resolve().parents[2]
CLASSES = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, ImageSearchError)]
SOURCES = [path for package in ("imagesearch", "components") for path in sorted((ROOT / package).rglob("*.py"))]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ((?:│   |    )*(?:├── |└── )?)([A-Z]\w+) {2,}", line):
            depth = len(match.group(1)) // 4
            path = [*path[:depth], match.group(2)]
            drawn[path[-1]] = path[-2] if depth else "Exception"
    assert drawn == {item.__name__: item.__bases__[0].__name__ for item in CLASSES}


def test_every_error_that_is_drawn_is_raised_somewhere() -> None:
    used = {
        node.func.id
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {item.__name__ for item in CLASSES} - used == {"ImageSearchError"}


def test_every_error_is_made_with_what_failed_and_what_to_do() -> None:
    names = {item.__name__ for item in CLASSES} | {"NoStack"}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                what, remedy = node.args
                for text in (what, remedy):
                    parts = [part.value for part in ast.walk(text) if isinstance(part, ast.Constant)]
                    assert not any("\n" in str(part) for part in parts), f"{source}:{node.lineno} is more than a line"
                if isinstance(remedy, ast.Constant):
                    said = str(remedy.value)
                    assert said.endswith(".") or "pulumi config" in said, f"{source}:{node.lineno} is not a sentence"


@pytest.mark.parametrize("kind", CLASSES, ids=[item.__name__ for item in CLASSES])
def test_an_error_reads_as_two_lines(kind: type[ImageSearchError]) -> None:
    assert str(kind("It failed.", "Do this.")).splitlines() == ["It failed.", "Do this."]


def test_a_refused_statement_keeps_the_reason_of_bigquery() -> None:
    assert StatementFailed("It failed.", "Do this.", reason="invalidQuery").reason == "invalidQuery"


@pytest.mark.parametrize("kind", CLASSES, ids=[item.__name__ for item in CLASSES])
def test_every_error_says_what_it_means(kind: type[ImageSearchError]) -> None:
    assert kind.__doc__


def test_whoever_is_not_signed_in_is_told_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(NotSignedIn) as refused:
        Warehouse(Target("my-project", "US"), labels={})
    assert "none.json was not found" in refused.value.what
    assert refused.value.remedy == "Sign in: gcloud auth application-default login."
