"""The notebook's file, and the notebook of a stack, which differs from the file only in the stack's names."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from imagesearch.pipeline.notebook import Names, console_url, content, digest

FILE = Path(__file__).parents[2] / "notebooks" / "met-image-analysis.ipynb"
NAMES = Names(
    project="my-project",
    location="EU",
    object_table="my-project.d.met_images",
    model="my-project.d.model",
    embeddings="my-project.d.met_image_embeddings",
    failures="my-project.d.met_image_failures",
    results="",
    content_types=["image/jpeg", 'image/"odd"\\', "x\n'''\"\"\"\u2028\x00\x1b${y}{z}%s\u202e"],
    dimension=512,
    distance="DOT_PRODUCT",
    api_endpoint="",
)


def cells(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["cells"]
    return found


def edited(text: str, number: int, source: str) -> str:
    notebook = json.loads(text)
    notebook["cells"][number]["source"] = source.splitlines(keepends=True)
    return json.dumps(notebook)


def test_the_file_is_a_valid_notebook_without_outputs_in_the_form_that_jupyter_writes() -> None:
    text = FILE.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert nbformat.writes(notebook) == text.rstrip("\n")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}


def test_a_stacks_notebook_has_its_names_and_is_otherwise_the_file() -> None:
    ours, theirs = cells(FILE.read_text(encoding="utf-8")), cells(content(NAMES))
    changed = [cell for cell, other in zip(ours, theirs, strict=True) if cell != other]
    assert [cell["id"] for cell in changed] == ["names"]
    (cell,) = [cell for cell in theirs if cell["id"] == "names"]
    values: dict[str, Any] = {}
    exec("".join(cell["source"]), values)
    assert {name: values[name.upper()] for name in vars(NAMES)} == vars(NAMES)
    nbformat.validate(nbformat.reads(content(NAMES), as_version=4))


def test_the_file_names_all_that_a_stack_fills_in_and_no_more() -> None:
    (cell,) = [cell for cell in cells(FILE.read_text(encoding="utf-8")) if cell["id"] == "names"]
    assigned = [node.targets[0].id for node in ast.walk(ast.parse("".join(cell["source"]))) if type(node) is ast.Assign]  # type: ignore[attr-defined]
    assert assigned == [name.upper() for name in vars(NAMES)]


def test_the_notebook_needs_what_colab_has_and_no_tensorflow() -> None:
    code = "\n".join("".join(cell["source"]) for cell in cells(content(NAMES)) if cell["cell_type"] == "code")
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    packages = {name.split(".")[0] for name in imported} - {"concurrent", "html", "io", "textwrap"}
    assert packages == {"IPython", "PIL", "google", "matplotlib", "numpy", "requests"}


def test_running_a_notebook_is_no_edit_and_a_changed_cell_is_one() -> None:
    text = content(NAMES)
    run = json.loads(text)
    for count, cell in enumerate(run["cells"]):
        cell["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}
        if cell["cell_type"] == "code":
            cell.update(execution_count=count, outputs=[{"output_type": "stream", "name": "stdout", "text": ["hi\n"]}])
    run["metadata"]["colab"] = {"provenance": []}
    assert digest(json.dumps(run)) == digest(text)
    assert digest(edited(text, 0, "# Mine")) != digest(text)
    run["cells"].pop()
    assert digest(json.dumps(run)) != digest(text)


@pytest.mark.parametrize("text", ["", "no notebook", "[]", '{"cells": 7}', '{"cells": [{"source": "x"}]}', "null"])
def test_what_is_no_notebook_is_an_edit_too(text: str) -> None:
    assert digest(text) != digest(content(NAMES))


def test_the_console_opens_the_notebook_in_bigquery_studio() -> None:
    assert console_url("my-project", "us-central1", "met-image-analysis") == (
        "https://console.cloud.google.com/bigquery?project=my-project"
        "&ws=!1m7!1m6!12m5!1m3!1smy-project!2sus-central1!3smet-image-analysis!2e1"
    )
