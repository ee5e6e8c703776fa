"""`make test-gcp PROJECT=my-project`: says what it is about to do, and does it, or why not.

Exit codes: 0 passed, or skipped because there are no credentials · 1 failed, or refused for its cost · 2 no project.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.gcp import trial
from tests.gcp.place import no_credentials


def main(arguments: list[str]) -> int:
    """Run the test on the project named. The exit code."""
    project = arguments[0] if arguments else ""
    if not project:
        print("error: no project is named. Say which: make test-gcp PROJECT=my-project", file=sys.stderr)
        return 2
    if reason := no_credentials():
        print(f"skipped: nothing was run, for {reason}")
        return 0
    if refusal := trial.over_budget():
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    os.environ["GCP_PROJECT"] = project
    print(_announcement(project), flush=True)
    return int(pytest.main(["tests/gcp/test_end_to_end.py", "-m", "gcp", "-v", "--durations=0", "--durations-min=1"]))


def _announcement(project: str) -> str:
    return f"""The end-to-end test on the Google Cloud project {project}, in {trial.location()}.
  makes   a bucket, a dataset, a connection and what is in them, all named {trial.PREFIX}…, and the connection's grants
  costs   at most ${trial.estimate():.4f} for embeddings (GCP_BUDGET_USD allows ${trial.budget():g}), and small queries
  leaves  nothing but enabled APIs; after a kill: python -m tests.gcp.sweep {project}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
