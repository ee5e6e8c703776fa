"""Progress on stderr: a line for each step, and a line every 20 seconds while a long step goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HEARTBEAT_SECONDS = 20.0


def say(line: str) -> None:
    """One line on stderr, at once."""
    print(f"pulumi: {line}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`9 s`, `4 min 05 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def heartbeat(step: str, detail: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Say every 20 seconds that `step` goes on, and when it succeeds, if it took a second, how long it took.

    `detail` is appended to each line: how far it got.
    """
    begun = time.monotonic()
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            say(f"… {step}: {duration(time.monotonic() - begun)} so far{detail()}")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if (took := time.monotonic() - begun) >= 1:
        say(f"{step}: done in {duration(took)}")


def run(command: Sequence[str | Path], log: Path, *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command with its output appended to `log`; its whole process group ends when we are interrupted.

    Raises RuntimeError with the end of the output when it fails.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        with log.open("ab") as output, _signals_held():
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        code = process.wait()
    except BaseException:
        if process:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
        raise
    if code:
        raise RuntimeError(f"`{' '.join(map(str, command[:3]))} …` failed with code {code}: {_end_of(log)}")


@contextmanager
def _signals_held() -> Iterator[None]:
    """Interruptions take effect at the end of the block: no child is lost between its start and our knowing it."""
    held: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, lambda number, _: held.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for caught in held:
            signal.raise_signal(caught)


def _end_of(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"{' | '.join(lines[-4:])} (all of it: {log})"
