"""Google's own analyzer accepts every statement of the notebook, with the names of every stack."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from imagesearch.pipeline.notebook import Names, content
from tests.inventory import golden
from tests.inventory.stack_files import STACK_FILES, StackFile
from tests.oracle.stack_statements import StackStatements
from tests.oracle.zetasql_catalog import STRING, array

PARAMETERS = {"content_types": array(STRING), "uris": array(STRING), "picture": STRING, "text": STRING}
"""What the notebook declares: `ask` takes a list for an array of strings and a text for a string."""


def names_of(file: StackFile) -> Names:
    """The names with which the stack deploys its notebook."""
    resources = yaml.safe_load(golden.path(file.stack).read_text(encoding="utf-8"))["resources"]
    (deployed,) = [entry["inputs"] for entry in resources if entry["type"].endswith(":NotebookFile")]
    return Names(**deployed["names"])


def statements(file: StackFile) -> Iterator[tuple[str, set[str]]]:
    """What `ask` is given in the notebook of a stack: each statement with the parameters beside it."""
    names: dict[str, Any] = {}
    for cell in json.loads(content(names_of(file)))["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        if "parameters" in cell["metadata"].get("tags", ()):
            exec(compile(tree, "names", "exec"), names)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ask":
                text = eval(compile(ast.Expression(node.args[0]), "statement", "eval"), dict(names))
                yield text, {str(keyword.arg) for keyword in node.keywords}


@pytest.mark.parametrize("file", STACK_FILES, ids=[file.stack for file in STACK_FILES])
def test_the_analyzer_of_google_takes_every_statement_of_the_notebook(file: StackFile) -> None:
    catalog, found = StackStatements(file).catalog(), list(statements(file))
    assert len(found) == 8
    for text, given in found:
        assert given == {name for name in PARAMETERS if f"@{name}" in text}
        resolved = catalog.analyze(text, {name: PARAMETERS[name] for name in given})
        assert type(resolved).__name__.startswith("ResolvedQueryStmt"), "it only reads"
