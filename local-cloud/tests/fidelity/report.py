"""Writes docs/fidelity.md: `python -m tests.fidelity.report`, some minutes.

It runs the tests of the REST services. Every server that they start notes the methods it answers (LOCALCLOUD_CALLS),
and the session notes which test runs, so that the page names for each method the test that calls the fewest others.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable

from localcloud.http.discovery.documents import PREFIXES, find, methods
from tests.all_routes import routes
from tests.conftest import PROJECT_FOLDER
from tests.fidelity.statements import KINDS

PAGE = PROJECT_FOLDER / "docs" / "fidelity.md"
FOLDER = "tests/"
TESTS = ("server", "services")
LAST_CHOICE = "test_access.py"
HEAD = """\
# What the local cloud does and does not

Written by `python -m tests.fidelity.report` from the tests; the last column names one below tests that
shows it. **Supported**: as documented (docs/bigquery-contract.md of the repository, or Google's pages). **Simplified**:
with the difference in the note. **Refused**: answered with `Unsupported by the local cloud: …`, never with success.
"""


def served() -> set[str]:
    """Ids of the methods that have a route."""
    found = set()
    for route in routes():
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        for verb in (route.methods or set()) - {"HEAD"}:
            method = find("POST" if path.startswith("/upload/") else verb, path)
            found |= {method.id} if method else set()
    return found


def tests_by_method(lines: Iterable[str]) -> dict[str, str]:
    """By method, the test that called the fewest others; a test of permissions only where there is no other."""
    test, called = "", dict[str, set[str]]()
    for line in lines:
        entry = json.loads(line)
        test = entry.get("test", test)
        if entry.get("method") and entry["status"] < 400 and test:
            called.setdefault(test, set()).add(entry["method"])
    by_method: dict[str, str] = {}
    for name, found in sorted(called.items(), key=lambda item: (LAST_CHOICE in item[0], len(item[1]), item[0])):
        for method in found:
            by_method.setdefault(method, name)
    return by_method


def rendered(shown_by: dict[str, str]) -> str:
    """The page."""
    lines = [HEAD, "## REST methods", "", "<!-- methods -->", "| method | | shown by |", "|---|---|---|"]
    lines += [f"| `{method}` | supported | `{shown_by[method]}` |" for method in sorted(shown_by)]
    lines += ["<!-- /methods -->", "", "Every other method of these APIs is refused (501, notImplemented):", ""]
    for api in dict.fromkeys(PREFIXES.values()):
        all_of_it = {method.id for method in methods(api)}
        lines.append(f"- {api}: {len(all_of_it & set(shown_by))} of {len(all_of_it)} methods are served")
    lines += ["", "## Statements", "", "<!-- statements -->", "| statement | | note | shown by |", "|---|---|---|---|"]
    lines += [f"| {kind.name} | {kind.status} | {kind.note} | `{kind.test}` |" for kind in KINDS]
    return "\n".join([*lines, "<!-- /statements -->", ""])


def main() -> int:
    """Run the tests and write the page. The exit code: of the tests, or 1 when a method has none."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as calls:
        environment = {**os.environ, "LOCALCLOUD_CALLS": calls.name}
        command = [sys.executable, "-m", "pytest", "-q", *(f"{FOLDER}{name}" for name in TESTS)]
        code = subprocess.run(command, cwd=PROJECT_FOLDER, env=environment, check=False).returncode
        found = {method: test.removeprefix(FOLDER).split("[")[0] for method, test in tests_by_method(calls).items()}
    if unseen := sorted(served() - set(found)):
        print(f"no test calls these with success: {', '.join(unseen)}", file=sys.stderr)
        return 1
    if code == 0:
        PAGE.write_text(rendered({method: found[method] for method in served()}), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
