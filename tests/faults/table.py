"""The table at the end of a run: what was injected, what survived.

A line travels as a property of its test's report, which also comes from another process (localcloud.testing.workers).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from rich.console import Console
from rich.table import Table

from tests.faults.points import SEED

_NAME = "injection"


class Result(NamedTuple):
    """What one injection came to. Numbers are images, but for the seconds."""

    injected: str
    then: str
    embedded: str
    lost: int
    paid_twice: int
    seconds: float

    def noted(self) -> tuple[str, Any]:
        """The entry of a test's `user_properties`."""
        return _NAME, tuple(self)


def results(reports: dict[str, list[Any]]) -> list[Result]:
    """What the tests noted, also those that failed afterwards."""
    called = [report for every in reports.values() for report in every if getattr(report, "when", "") == "call"]
    return [Result(*value) for report in called for name, value in report.user_properties if name == _NAME]


def write(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the table, if there was an injection."""
    lines = results(terminalreporter.stats)
    if not lines:
        return
    table = Table(title=f"Faults injected, FAULT_SEED={SEED}")
    for column in ("injected", "what the run did", "embedded", "lost", "paid twice", "s"):
        table.add_column(column, justify="left" if column in ("injected", "what the run did") else "right")
    for one in lines:
        table.add_row(one.injected, one.then, one.embedded, str(one.lost), str(one.paid_twice), f"{one.seconds:.1f}")
    table.add_section()
    lost, twice = sum(one.lost for one in lines), sum(one.paid_twice for one in lines)
    seconds = sum(one.seconds for one in lines)
    table.add_row(f"{len(lines)} injections", "", "", str(lost), str(twice), f"{seconds:.0f}")
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table)
    terminalreporter.write_line("")
    terminalreporter.write(captured.get())
