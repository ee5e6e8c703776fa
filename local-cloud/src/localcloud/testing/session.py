"""A pytest plugin for sessions that start local clouds: `-p localcloud.testing.session`.

Google's discovery documents judge every local cloud that a test starts: what they do not allow fails the session. One
record is for the whole session, whoever runs the tests: this process, or workers (localcloud/testing/workers.py).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.testing.workers import Turns, pytest_addoption, pytest_xdist_make_scheduler

__all__ = ["pytest_addoption", "pytest_xdist_make_scheduler"]

_SHARED = pytest.StashKey[Path]()
"""A folder of the session, of which its workers know."""


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A script ignores Ctrl-C for what it starts in the background, and so would all that tests start and interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    inherited = getattr(config, "workerinput", {}).get("shared")
    if inherited:
        config.pluginmanager.register(Turns(Path(inherited)))
        return
    config.stash[_SHARED] = Path(tempfile.mkdtemp(prefix="tests-"))
    record = config.stash[_SHARED] / "judge.jsonl"
    record.touch()
    os.environ["LOCALCLOUD_JUDGE"] = str(record)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["shared"] = str(node.config.stash[_SHARED])


def pytest_runtest_logstart(nodeid: str) -> None:
    """Whose calls follow, for docs/fidelity.md (tests/fidelity/report.py)."""
    if calls := os.environ.get("LOCALCLOUD_CALLS"):
        with Path(calls).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": nodeid}) + "\n")


def pytest_sessionfinish(session: pytest.Session) -> None:
    shared = session.config.stash.get(_SHARED, None)
    if shared and (shared / "judge.jsonl").stat().st_size and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found: dict[str, list[str]] = {}
    for line in (config.stash[_SHARED] / "judge.jsonl").read_text().splitlines():
        each = json.loads(line)
        found.setdefault(f"{each['method']}: {each['problem']}", []).append(each["call"])
    if found:
        terminalreporter.section("what Google's discovery documents do not allow", red=True)
    for problem, calls in found.items():
        terminalreporter.line(f"{problem}\n    {len(calls)} ×, first {calls[0]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    if shared := config.stash.get(_SHARED, None):
        shutil.rmtree(shared, ignore_errors=True)
