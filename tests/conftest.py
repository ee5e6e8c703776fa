"""Google's discovery documents judge every local cloud that a test starts: what they do not allow fails the session."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

_RECORD = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    descriptor, record = tempfile.mkstemp(prefix="judge-", suffix=".jsonl")
    os.close(descriptor)
    config.stash[_RECORD] = Path(record)
    os.environ["LOCALCLOUD_JUDGE"] = record


def pytest_runtest_logstart(nodeid: str) -> None:
    """Whose calls follow, for docs/fidelity.md (tests/localcloud/fidelity/report.py)."""
    if calls := os.environ.get("LOCALCLOUD_CALLS"):
        with Path(calls).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": nodeid}) + "\n")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[_RECORD].stat().st_size and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found: dict[str, list[str]] = {}
    for line in config.stash[_RECORD].read_text().splitlines():
        each = json.loads(line)
        found.setdefault(f"{each['method']}: {each['problem']}", []).append(each["call"])
    if found:
        terminalreporter.section("what Google's discovery documents do not allow", red=True)
    for problem, calls in found.items():
        terminalreporter.line(f"{problem}\n    {len(calls)} ×, first {calls[0]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_RECORD].unlink(missing_ok=True)
