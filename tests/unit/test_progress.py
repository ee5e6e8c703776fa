"""The progress of a run: its numbers add up, its lines are not too frequent, and no line has a line break."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from components import dynamic
from imagesearch.cli import terminal
from imagesearch.pipeline import progress
from imagesearch.pipeline.embeddings import Tally
from imagesearch.pipeline.progress import Meter, Progress, interval, lines, seconds_in_words
from tests.unit.test_convergence import COUNTS, SPEC

BEFORE = replace(COUNTS, objects=10_000, target=10_000, embedded=1_000, set_aside=2, new=8_998, stored=1_000)
GOOD = Tally(embedded=3_000, misfits=0, retryable=0, refused=0, total=3_000)


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def meter() -> tuple[Meter, list[Progress]]:
    seen: list[Progress] = []
    return Meter(SPEC, BEFORE, seen.append), seen


def test_before_the_first_batch_has_ended_the_quota_says_how_long_it_takes(clock: Clock) -> None:
    made, seen = meter()
    made.running(3_000, 60.0)
    assert str(seen[-1]) == (
        "1,000 of 10,000 images embedded, 2 set aside; the quota is 600 a minute; at least 14 min left; "
        "nothing paid; a batch of 3,000 has been running for 60 s"
    )


def test_then_the_measured_rate_says_it_and_what_was_paid_is_shown(clock: Clock) -> None:
    made, seen = meter()
    clock.now = 600.0
    made.ended(Tally(embedded=2_900, misfits=0, retryable=90, refused=0, total=3_000))
    assert str(seen[-1]) == (
        "3,900 of 10,000 images embedded, 12 set aside; 291 a minute (quota 600); about 21 min left; $0.2900 so far"
    )
    assert seen[-1].left == 8_998 - 2_910


def test_a_batch_that_takes_longer_than_thought_does_not_eat_the_time_of_the_next(clock: Clock) -> None:
    made, seen = meter()
    made.running(3_000, 10 * 60.0)
    made.running(3_000, 20 * 60.0)
    assert [moment.seconds_left for moment in seen] == [pytest.approx((8_998 - 3_000) / 10)] * 2


def test_at_the_end_nothing_is_left_and_no_time(clock: Clock) -> None:
    made, seen = meter()
    clock.now = 60.0
    made.ended(Tally(embedded=8_998, misfits=0, retryable=0, refused=0, total=8_998))
    assert (seen[-1].left, seen[-1].seconds_left) == (0, 0)
    assert "left" not in str(seen[-1])


def test_lines_come_once_in_an_interval_and_when_nothing_is_left(clock: Clock) -> None:
    said: list[str] = []
    made = Meter(SPEC, BEFORE, lines(said.append, every=10.0))
    for _ in range(299):
        clock.now += 0.1
        made.running(3_000, clock.now)
    assert len(said) == 2
    made.ended(GOOD)
    assert len(said) == 2, "a batch that ends between two lines waits for the next"
    clock.now += 1
    made.ended(Tally(embedded=5_998, misfits=0, retryable=0, refused=0, total=5_998))
    assert len(said) == 3 and said[-1].startswith("9,998 of 10,000 images embedded")
    assert all(line.isprintable() for line in said)


@pytest.mark.parametrize(("variable", "terminal", "seconds"), [
    ("true", True, 60.0), ("1", True, 60.0), ("false", True, 10.0), ("", True, 10.0), ("", False, 60.0),
])  # fmt: skip
def test_a_log_is_told_less_often_than_a_person(
    variable: str, terminal: bool, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_has_terminal", lambda: terminal)
    assert interval({"CI": variable}) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (99, "99 s"), (99.6, "2 min"), (780, "13 min"), (5_970, "1 h 40 min"), (60_120, "16 h 42 min")],
)
def test_a_length_of_time_reads_as_a_person_says_it(seconds: float, words: str) -> None:
    assert seconds_in_words(seconds) == words


def test_a_terminal_sees_a_bar_and_the_lines_above_it() -> None:
    out = io.StringIO()
    with terminal.embedding(Console(file=out, force_terminal=True, width=120)) as (say, show):
        say("removing the embeddings of 3 deleted images")
        Meter(SPEC, BEFORE, show).ended(GOOD)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    assert "removing the embeddings of 3 deleted images\n" in shown
    assert "4000/9998" in shown and "of 600, 2 set aside" in shown and "$0.3000" in shown


def test_a_log_sees_lines_and_no_bar() -> None:
    out = io.StringIO()
    console = Console(file=out, width=40)
    with terminal.busy(console, "reading"), terminal.embedding(console) as (say, show):
        say("[bold] is no markup, and a line is not broken where it is long")
        Meter(SPEC, replace(BEFORE, new=3_000), show).ended(GOOD)
    first, second, nothing = out.getvalue().split("\n")
    assert first == "[bold] is no markup, and a line is not broken where it is long"
    assert second.startswith("4,000 of 10,000 images embedded") and second.isprintable() and nothing == ""


def test_a_line_to_the_engine_is_written_at_once_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=written.append, flush=lambda: None))
    monkeypatch.setattr(dynamic, "_said", [])
    for line in ("one", "one", "two", "one"):
        dynamic.say(line)
    assert written == ["one\n", "two\n", "one\n"]
