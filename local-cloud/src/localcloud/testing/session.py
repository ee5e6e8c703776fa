"""A pytest plugin for sessions that start local clouds: `-p localcloud.testing.session`.

Every local cloud that a test starts records the requests it accepted and the answers it gave that Google's discovery
documents do not allow (localcloud/http/discovery/recorder.py); a session with such records fails and lists them. The
record is one file for the session, also where pytest-xdist's workers run the tests (localcloud/testing/workers.py).
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

from localcloud.testing.workers import Worker, pytest_addoption, pytest_xdist_make_scheduler

__all__ = ["pytest_addoption", "pytest_xdist_make_scheduler"]

_RECORD = "conformance.jsonl"
_SHARED = pytest.StashKey[Path]()
"""A folder of the session that its workers share."""


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # What a script starts in the background ignores SIGINT, and so would every process that a test interrupts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    inherited = getattr(config, "workerinput", {}).get("shared")
    if inherited:
        config.pluginmanager.register(Worker(Path(inherited)))
        return
    config.stash[_SHARED] = Path(tempfile.mkdtemp(prefix="tests-"))
    record = config.stash[_SHARED] / _RECORD
    record.touch()
    os.environ["LOCALCLOUD_CONFORMANCE"] = str(record)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["shared"] = str(node.config.stash[_SHARED])


def pytest_runtest_logstart(nodeid: str) -> None:
    """With LOCALCLOUD_CALLS=FILE, writes which test the calls that follow belong to (tests/fidelity/report.py)."""
    if calls := os.environ.get("LOCALCLOUD_CALLS"):
        with Path(calls).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": nodeid}) + "\n")


def pytest_sessionfinish(session: pytest.Session) -> None:
    shared = session.config.stash.get(_SHARED, None)
    if shared and (shared / _RECORD).stat().st_size and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found: dict[str, list[str]] = {}
    for line in (config.stash[_SHARED] / _RECORD).read_text().splitlines():
        each = json.loads(line)
        found.setdefault(f"{each['method']}: {each['problem']}", []).append(each["call"])
    if found:
        terminalreporter.section("what Google's discovery documents do not allow", red=True)
    for problem, calls in found.items():
        terminalreporter.line(f"{problem}\n    {len(calls)} ×, first {calls[0]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    if shared := config.stash.get(_SHARED, None):
        shutil.rmtree(shared, ignore_errors=True)
