"""The notebook from `up` to `destroy` with the real engine, and run from top to bottom in a real kernel.

The tests build on each other, in this order.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import requests
from PIL import Image

from tests.e2e.generated import NAMES, control, hash_of, outputs_of, refused, running, said, state
from tests.e2e.stack import Stack

REGION = "projects/local-project/locations/us-central1"
NAME = f"{REGION}/repositories/met-image-analysis"
FOREIGN = "somebodys-notebook"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory) as made:
        yield made


def dataform(stack: Stack, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    url = f"http://127.0.0.1:{stack.port}/dataform/v1/{path}"
    answer = requests.request(method, url, json=body, timeout=30)
    assert answer.ok, answer.text
    return answer.json()


def saved(stack: Stack, name: str = NAME) -> str:
    contents = dataform(stack, "GET", f"{name}:readFile?path=content.ipynb")["contents"]
    return base64.b64decode(contents).decode()


def save(stack: Stack, text: str) -> None:
    """Commit the notebook as a person does in BigQuery Studio."""
    body = {
        "commitMetadata": {"author": {"name": "Ada", "emailAddress": "ada@example.com"}},
        "fileOperations": {"content.ipynb": {"writeFile": {"contents": base64.b64encode(text.encode()).decode()}}},
    }
    dataform(stack, "POST", f"{NAME}:commit", body)


def edited(text: str) -> str:
    notebook = nbformat.reads(text, as_version=4)
    notebook.cells[0].source += "\n\nMy own remarks."
    return str(nbformat.writes(notebook))


def repositories(stack: Stack, region: str = REGION) -> list[str]:
    found = dataform(stack, "GET", f"{region}/repositories").get("repositories", [])
    return [repository["name"].rsplit("/", 1)[-1] for repository in found]


def test_an_up_that_fails_between_repository_and_commit_is_finished_by_the_next(stack: Stack) -> None:
    control(stack, "faults", {"path": ":commit$", "status": 403, "reason": "accessDenied", "message": "not you"})
    assert "Dataform refuses the notebook" in refused(stack.up(check=False))
    assert dataform(stack, "GET", f"{NAME}:fetchHistory") == {"commits": []}
    stack.up()
    assert len(dataform(stack, "GET", f"{NAME}:fetchHistory")["commits"]) == 1
    stack.up("--expect-no-changes")


def test_it_is_a_notebook_of_bigquery_studio_with_the_names_of_the_stack(stack: Stack) -> None:
    found = dataform(stack, "GET", NAME)
    assert (found["displayName"], found["labels"]["single-file-asset-type"]) == ("met-image-analysis", "notebook")
    about = outputs_of(stack)["notebook"]
    assert (about["name"], about["repository"]) == ("met-image-analysis", NAME)
    assert about["url"].startswith("https://console.cloud.google.com/bigquery?project=local-project&ws=")
    names = "".join(next(c["source"] for c in json.loads(saved(stack))["cells"] if c["id"] == "names"))
    assert 'EMBEDDINGS = "local-project.bqml_tutorial.met_image_embeddings"' in names
    assert f'API_ENDPOINT = "http://127.0.0.1:{stack.port}"' in names
    assert "accessToken" not in saved(stack) and '"local"' not in saved(stack), "no credentials"


def test_it_runs_from_top_to_bottom_and_shows_the_pictures(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "in.ipynb").write_text(saved(stack))
    stack.run(".venv/bin/jupyter", "execute", str(tmp_path / "in.ipynb"), "--output", str(tmp_path / "out.ipynb"))
    cells = {cell.id: cell for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells}
    shown = {name: pictures(cell) for name, cell in cells.items()}
    assert {name: len(found) for name, found in shown.items() if found} == {
        "first-pictures": 1,
        "results": 1,
        "map": 1,
        "neighbours": 1,
        "search": 1,
    }
    for name in ("first-pictures", "map", "neighbours", "search"):
        assert seen(shown[name][0]) == set(NAMES), f"{name} shows every picture of the bucket"
    found = [hit["uri"].rsplit("/", 1)[-1] for hit in outputs_of(stack)["searches"]["anything"]]
    assert seen(shown["results"][0]) == set(found)
    assert table(cells["objects"])[0][:2] == ["image/jpeg", "6"]
    assert table(cells["status"]) == [["embedded", "", "6"]]
    save(stack, nbformat.writes(nbformat.read(tmp_path / "out.ipynb", as_version=4)))
    assert "edited" not in said(stack.up("--expect-no-changes")), "running it is no edit"


def pictures(cell: Any) -> list[np.ndarray]:
    """The pictures that running a cell has shown."""
    images = [output.data["image/png"] for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB")).astype(int) for image in images]


def seen(shown: np.ndarray) -> set[str]:
    """The pictures of the bucket that are in `shown`: each is of one colour, of which JPEG makes a near one."""
    found = set()
    for name in NAMES:
        number = hash_of(name)
        colour = np.array([number % 256, number // 256 % 256, number // 65536])
        if (np.abs(shown - colour).max(axis=2) <= 6).sum() >= 200:
            found.add(name)
    return found


def table(cell: Any) -> list[list[str]]:
    """The rows of the table that a cell has shown."""
    (output,) = [output for output in cell.outputs if "text/html" in output.get("data", {})]
    rows = output.data["text/html"].split("<tbody>")[1].split("<tr>")[1:]
    return [[part.split("</td>")[0] for part in row.split("<td>")[1:]] for row in rows]


def test_what_a_person_edits_is_left_alone_and_said(stack: Stack) -> None:
    save(stack, edited(saved(stack)))
    printed = said(stack.up("--expect-no-changes"))
    assert "The notebook was edited by ada@example.com on " in printed and "It is left as it is" in printed
    assert "My own remarks." in saved(stack)


def test_refresh_and_up_bring_the_stacks_own_back_and_the_edit_stays_in_its_history(stack: Stack) -> None:
    assert "edited by ada@example.com" in said(stack.pulumi("refresh", "--yes", "--skip-preview"))
    stack.up()
    assert "My own remarks." not in saved(stack)
    versions = dataform(stack, "GET", f"{NAME}:fetchHistory")["commits"]
    assert [version["author"]["name"] for version in versions] == ["image-search", "Ada", "Ada", "image-search"]
    before = dataform(stack, "GET", f"{NAME}:readFile?path=content.ipynb&commitSha={versions[1]['commitSha']}")
    assert "My own remarks." in base64.b64decode(before["contents"]).decode()


def test_a_change_of_the_stack_is_committed_and_another_region_is_another_repository(stack: Stack) -> None:
    dataform(stack, "POST", f"{REGION}/repositories?repositoryId={FOREIGN}", {"labels": {"whose": "somebodys"}})
    stack.set(images={"contentTypes": ["image/jpeg", "image/webp"]}, notebook={"region": "us-east1"})
    stack.up()
    moved = NAME.replace("us-central1", "us-east1")
    assert "image/webp" in saved(stack, moved)
    assert repositories(stack) == [FOREIGN]
    assert outputs_of(stack)["notebook"]["repository"] == moved


def test_deleted_by_hand_it_comes_back_and_destroy_takes_it_and_no_other(stack: Stack) -> None:
    east = REGION.replace("us-central1", "us-east1")
    dataform(stack, "DELETE", f"{east}/repositories/met-image-analysis?force=true")
    stack.up("--refresh")
    assert repositories(stack, east) == ["met-image-analysis"]
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert (repositories(stack, east), repositories(stack)) == ([], [FOREIGN])
    assert [r["type"] for r in state(stack) if r["type"] != "pulumi:pulumi:Stack"] == []
