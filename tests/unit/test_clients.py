"""Google's client libraries are imported only by code that uses them, not by the program that Pulumi runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
HEAVY = ("google.cloud.bigquery", "google.auth", "requests", "IPython", "PIL", "starlette")
LOADED = f"""
import importlib, json, pathlib, sys
for path in sorted(pathlib.Path("components").glob("*.py")):
    importlib.import_module(f"components.{{path.stem}}")
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def test_the_program_does_not_load_the_clients_that_its_providers_use() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [], "import them from imagesearch.gcp.clients"
