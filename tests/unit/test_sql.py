"""Statements: identifiers are validated and quoted, placeholders are complete, and SQL is only in queries/."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template

import pytest

from imagesearch.gcp import sql
from imagesearch.gcp.sql import Identifier, Labels, Text, connection_name, dataset_name, index_name, render, table_name

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for package in ("imagesearch", "components") for path in (ROOT / package).rglob("*.py"))
QUERIES = sorted(sql.QUERIES.glob("*.sql"))
INJECTIONS = ["", " ", "a b", "a`b", "a.b", "a;DROP", "a'b", 'a"b', "a\n", "a--", "a/*", "ä", "${x}", "@x"]


def test_an_identifier_is_quoted_as_one_path() -> None:
    assert str(table_name("my-project", "bqml_tutorial", "met_images")) == "`my-project.bqml_tutorial.met_images`"
    assert table_name("my-project", "d", "t").path == "my-project.d.t"


def test_a_connection_is_named_by_its_location_in_lower_case() -> None:
    assert str(connection_name("my-project", "US", "images")) == "`my-project.us.images`"


def test_a_project_may_have_a_domain() -> None:
    assert dataset_name("example.com:my-project", "d").parts == ("example.com:my-project", "d")


@pytest.mark.parametrize("name", INJECTIONS)
def test_what_is_no_identifier_never_becomes_sql(name: str) -> None:
    attempts: list[Callable[[], Identifier]] = [
        lambda: table_name("my-project", "d", name),
        lambda: table_name("my-project", name, "t"),
        lambda: table_name(name, "d", "t"),
        lambda: dataset_name("my-project", name),
        lambda: index_name(name),
        lambda: connection_name("my-project", "US", name.replace("--", "`")),
        lambda: connection_name("my-project", name, "c"),
        lambda: connection_name(name, "US", "c"),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="it must match"):
            attempt()


def test_a_statement_is_rendered_with_its_placeholders() -> None:
    statement = render("create_remote_model", **_model())
    assert "CREATE OR REPLACE MODEL `my-project.d.m`" in statement
    assert 'OPTIONS (ENDPOINT = "multimodalembedding@001")' in statement
    assert "${" not in statement


def test_a_statement_without_one_of_its_placeholders_is_refused() -> None:
    with pytest.raises(ValueError, match=r"create_remote_model.sql takes .*endpoint.*, not \['connection', 'model'\]"):
        render("create_remote_model", **{name: value for name, value in _model().items() if name != "endpoint"})


def test_a_statement_with_a_placeholder_too_many_is_refused() -> None:
    with pytest.raises(ValueError, match=r"takes .* not .*'region'"):
        render("create_remote_model", **_model(), region=Text("US"))


def test_a_placeholder_in_a_value_is_not_filled_in() -> None:
    statement = render("create_remote_model", **{**_model(), "endpoint": Text("${model} $model @model")})
    assert '"${model} $model @model"' in statement


def test_labels_are_rendered_in_order() -> None:
    assert str(Labels({"b": "2", "a": "1"})) == '[("a", "1"), ("b", "2")]'


@pytest.mark.parametrize("labels", [{"Upper": "x"}, {"a": "x" * 64}, {"a": "x y"}, {"a": '")'}, {"a`": "x"}])
def test_what_is_no_label_is_refused(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is not a label"):
        str(Labels(labels))


@pytest.mark.parametrize("path", QUERIES, ids=[path.stem for path in QUERIES])
def test_a_statement_says_first_what_it_does_and_who_runs_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = " ".join(line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--"))
    runner = re.search(r"Run by (imagesearch\.([\w.]+\w)|the command line)", header)
    assert text.startswith("-- ")
    assert runner, "the header names who runs the statement"
    if module := runner.group(2):
        source = (ROOT / "imagesearch" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert set(_rendered(ast.parse(source))) & {path.stem}, f"imagesearch.{module} does not run it"


@pytest.mark.parametrize("path", QUERIES, ids=[path.stem for path in QUERIES])
def test_a_statement_has_no_placeholder_misspelled(path: Path) -> None:
    template = Template(path.read_text(encoding="utf-8"))
    assert template.is_valid()
    assert all(re.fullmatch(r"[a-z_]+", name) for name in template.get_identifiers())


def test_every_statement_is_run_and_none_is_missing() -> None:
    rendered = {name for path in SOURCES for name in _rendered(ast.parse(path.read_text(encoding="utf-8")))}
    assert rendered == {path.stem for path in QUERIES}


STATEMENT = re.compile(
    r"^\s*(?:SELECT\b|INSERT\s+INTO\b|MERGE\s+|DELETE\s+FROM\b|UPDATE\s+\S+\s+SET\b|WITH\s+\w+\s+AS\b|CALL\s+\w+\."
    r"|(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?(?:TABLE|MODEL|VECTOR\s+INDEX|SCHEMA|VIEW)\b)"
    r"|\bFROM\s+`|\bVECTOR_SEARCH\(|\bAI\.GENERATE_EMBEDDING\(",
    re.IGNORECASE,
)
PROSE = re.compile(r"select a stack", re.IGNORECASE)


@pytest.mark.parametrize("path", SOURCES, ids=[path.relative_to(ROOT).as_posix() for path in SOURCES])
def test_no_sql_is_spelled_outside_queries(path: Path) -> None:
    texts = _texts(ast.parse(path.read_text(encoding="utf-8")))
    assert [text for text in texts if STATEMENT.search(text) and not PROSE.search(text)] == []


@pytest.mark.parametrize(
    "text", ["SELECT 1", "  select uri from x", "CREATE OR REPLACE TABLE x", "drop vector index i", "x FROM `a.b.c`"]
)
def test_sql_outside_queries_would_be_found(text: str) -> None:
    assert STATEMENT.search(next(iter(_texts(ast.parse(f"statement = {text!r}")))))


def _model() -> dict[str, sql.Placeholder]:
    return {
        "model": table_name("my-project", "d", "m"),
        "connection": connection_name("my-project", "US", "c"),
        "endpoint": Text("multimodalembedding@001"),
    }


RENDERING = ("render", "_query", "_statement")
"""sql.render, and the methods of EmbeddingStore that call it."""


def _rendered(tree: ast.AST) -> Iterator[str]:
    """Names of the statements that a module renders; f"create_{name}" can be several."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in RENDERING:
            name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant):
                yield str(name.value)
            elif isinstance(name, ast.JoinedStr):
                glob = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in name.values)
                constants = {
                    n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                }
                prefix, suffix = glob.split("*")
                found = [p.stem for p in QUERIES if p.stem.startswith(prefix) and p.stem.endswith(suffix)]
                yield from (stem for stem in found if stem[len(prefix) : len(stem) - len(suffix)] in constants)


def _texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a module that are not docstrings."""
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
