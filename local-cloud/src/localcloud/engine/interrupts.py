"""Cancelling what DuckDB runs: one thread watches the cancel events of all running statements."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

_INTERVAL = 0.05
"""Seconds of wall time until a cancelled statement notices."""
_IDLE = 20
"""Intervals without a statement until the thread sleeps: waking it takes the interpreter from the statement."""


class Interrupter:
    """Interrupts cursors whose statement was cancelled. Its thread starts with the first statement and is a daemon."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asleep = False
        self._watched: dict[int, tuple[duckdb.DuckDBPyConnection, threading.Event]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, cursor: duckdb.DuckDBPyConnection, cancelled: threading.Event) -> Iterator[None]:
        """Until the end of the block, setting the event interrupts what the cursor runs."""
        key = id(cursor)
        with self._changed:
            self._watched[key] = (cursor, cancelled)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="interrupter", daemon=True)
                self._thread.start()
            elif self._asleep:
                self._asleep = False
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._watched.pop(key, None)

    def _watch(self) -> None:
        idle = 0
        with self._changed:
            while True:
                idle = 0 if self._watched else idle + 1
                self._interrupt()
                self._asleep = idle > _IDLE
                self._changed.wait(None if self._asleep else _INTERVAL)

    def _interrupt(self) -> None:
        for cursor, cancelled in self._watched.values():
            if cancelled.is_set():
                cursor.interrupt()
