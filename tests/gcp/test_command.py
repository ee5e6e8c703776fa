"""`make test-gcp` where it cannot run: it says why, in a line, and begins nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.e2e.stack import CHECKOUT
from tests.gcp import trial


def make_test_gcp(*variables: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The make target; what it needs is installed already."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "GCP_", "CLOUDSDK_"))
    }
    return subprocess.run(
        ["make", "test-gcp", "--old-file=setup", *variables],
        cwd=CHECKOUT,
        env={**inherited, "NO_GCE_CHECK": "true", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_project_it_says_how_to_name_one() -> None:
    done = make_test_gcp()
    assert done.returncode != 0
    assert "make test-gcp PROJECT=my-project" in done.stderr


def test_without_credentials_it_is_skipped_and_says_so(tmp_path: Path) -> None:
    done = make_test_gcp("PROJECT=my-project", HOME=str(tmp_path), CLOUDSDK_CONFIG=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("skipped: nothing was run") and "gcloud auth application-default login" in done.stdout


def test_over_the_budget_it_does_not_begin(tmp_path: Path) -> None:
    assert trial.estimate() < 0.05, "the default is enough"
    somebody = {"type": "authorized_user", "client_id": "x", "client_secret": "x", "refresh_token": "x"}
    (tmp_path / "key.json").write_text(json.dumps(somebody))
    done = make_test_gcp(
        "PROJECT=my-project", GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "key.json"), GCP_BUDGET_USD="0.001"
    )
    assert done.returncode != 0
    assert "GCP_BUDGET_USD is 0.001" in done.stderr and "nothing was run" in done.stderr


def test_the_first_run_page_says_what_it_costs_at_most() -> None:
    page = (CHECKOUT / "docs/first-run-on-google-cloud.md").read_text(encoding="utf-8")
    assert f"at most ${trial.estimate():.4f} for embeddings" in page
