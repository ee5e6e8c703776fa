"""The example of a new setting in CONTRIBUTING.md is a whole change: applied to the program, the setting is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.checkout import CHECKOUT

USE = """
from imagesearch.gcp.sql import table_name
from imagesearch.pipeline.embeddings import EmbeddingsSpec
from imagesearch.settings.schema import parse

names = {name: table_name("my-project", "d", name) for name in ("object_table", "model", "table", "failures")}
spec = EmbeddingsSpec.of(parse({"embedding": {"maxBackoffSeconds": 5}}), **names)
assert EmbeddingsSpec.from_properties(spec.to_properties()).max_backoff_seconds == 5
assert EmbeddingsSpec.of(parse({}), **names).to_properties()["max_backoff_seconds"] == 60
"""


def test_the_example_of_a_setting_applies_and_gives_that_setting(tmp_path: Path) -> None:
    (example,) = re.findall(r"```diff\n(.*?)```", (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    for folder in ("imagesearch", "docs"):
        shutil.copytree(CHECKOUT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    command = ["git", "apply", "--unidiff-zero", "-"]
    applied = subprocess.run(command, cwd=tmp_path, input=example, capture_output=True, text=True, check=False)
    assert applied.returncode == 0, applied.stderr
    used = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert used.returncode == 0, used.stderr
