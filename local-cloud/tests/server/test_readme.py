"""README.md and docs/: their commands exist and run, their examples pass, their links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.__main__ import _parser
from localcloud.testing.ports import free_port
from tests.conftest import PROJECT_FOLDER, RunningCloud

README = PROJECT_FOLDER / "README.md"
PAGES = [README, *sorted((PROJECT_FOLDER / "docs").rglob("*.md"))]


def block(language: str, containing: str) -> str:
    """The block of code of README.md with this text in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = (each for each in blocks if containing in each)
    return found


def commands() -> set[str]:
    """What `python -m localcloud` knows."""
    (subparsers,) = (action for action in _parser()._actions if action.choices and action.required)
    return set(subparsers.choices or ())


def test_the_commands_that_start_it_run_as_they_stand(tmp_path: Path) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", str(tmp_path)),
        "LOCALCLOUD_PORT": str(free_port()),
    }
    script = "set -eux\n" + block("bash", "serve --detach")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "local cloud ready" in done.stdout and "local cloud stopped" in done.stdout


def test_the_example_of_a_test_passes(cloud: RunningCloud) -> None:
    names: dict[str, object] = {}
    exec(block("python", "def test_"), names)
    (example,) = (value for name, value in names.items() if name.startswith("test_"))
    assert callable(example)
    example(cloud)
    cloud.bigquery.delete_dataset("pictures", delete_contents=True)


def test_the_example_of_a_client_reaches_it(cloud: RunningCloud) -> None:
    names: dict[str, object] = {}
    exec(block("python", "api_endpoint").replace("http://127.0.0.1:8440", cloud.url), names)
    client = names["client"]
    assert [row.x for row in client.query_and_wait("SELECT 1 AS x")] == [1]  # type: ignore[attr-defined]
    client.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT_FOLDER).as_posix())
def test_a_page_names_commands_and_files_that_there_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for command in re.findall(r"\bpython -m localcloud ([a-z]\w*)", text):
        assert command in commands(), command
    for name in re.findall(r"\bpython -m ((?:benchmarks|tests)\.[\w.]+)", text):
        assert (PROJECT_FOLDER / (name.replace(".", "/") + ".py")).exists(), name
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / link).exists(), link


def test_messages_name_commands_that_there_are() -> None:
    for path in sorted((PROJECT_FOLDER / "src").rglob("*.py")):
        for command in re.findall(r"\bpython -m localcloud ([a-z]\w*)", path.read_text(encoding="utf-8")):
            assert command in commands(), f"{path}: {command}"
