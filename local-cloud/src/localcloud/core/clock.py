"""The one clock of the local cloud: wall time, or a virtual time that tests move.

Everything that takes time in the real service (IAM propagation, quotas, index coverage, job deadlines, expiry) reads
this clock, never `time`, so that a sixteen-hour run is a test of seconds.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch that pass with the wall clock, plus what `advance` added.

    `speed` is virtual seconds per wall second for waits: at 0 a wait costs no wall time and moves the clock instead.
    """

    def __init__(self, *, offset: float = 0.0, speed: float = 1.0) -> None:
        self._changed = threading.Condition()
        self._offset = offset
        self.speed = speed

    def time(self) -> float:
        """Seconds since the epoch."""
        with self._changed:
            return time.time() + self._offset

    def millis(self) -> int:
        """Milliseconds since the epoch, as BigQuery's REST answers carry them."""
        return int(self.time() * 1000)

    def now(self) -> datetime:
        """The current moment, timezone-aware UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` and wake waiting threads. Returns the new time."""
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        with self._changed:
            self._offset += seconds
            self._changed.notify_all()
        return self.time()

    def wait(self, seconds: float, cancelled: threading.Event | None = None) -> None:
        """Let `seconds` of this clock pass; returns early once `cancelled` is set."""
        if self.speed == 0:
            self.advance(max(seconds, 0))
            return
        deadline = self.time() + seconds
        while (left := deadline - self.time()) > 0 and not (cancelled and cancelled.is_set()):
            with self._changed:
                self._changed.wait(timeout=min(left / self.speed, 0.1))
            if self.speed != 1:
                self.advance(min(left, 0.1 * self.speed) * (1 - 1 / self.speed))
