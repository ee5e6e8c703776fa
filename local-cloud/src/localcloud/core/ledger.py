"""The embedding endpoint's ledger of what was paid for: one JSON line for each batch of rows, in HOME/ledger.jsonl.

A line is written before the rows are returned, in one write that survives SIGKILL, so every row that was returned is in
the ledger whether or not its job finished. A row is paid once it has a vector.

    {"requests": 64, "texts": 0, "objects": ["gs://…", …]}     texts and objects: the paid ones
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

FILE = "ledger.jsonl"


class Totals(TypedDict):
    """Sums since the home was made."""

    requests: int
    paid: int
    """Rows that got a vector: texts and objects."""
    texts: int
    per_object: dict[str, int]
    """How often each uri was paid."""


class Ledger:
    """The ledger of one home. Thread-safe."""

    def __init__(self, home: Path) -> None:
        self._writing = threading.Lock()
        home.mkdir(parents=True, exist_ok=True)
        self._totals = _Totals()
        self._totals.read(home / FILE)
        self._file = os.open(home / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def record(self, requests: int, texts: int, objects: Sequence[str]) -> None:
        """Write a batch: rows that were requested, and which of them got a vector."""
        line = json.dumps({"requests": requests, "texts": texts, "objects": list(objects)}, separators=(",", ":"))
        with self._writing:
            os.write(self._file, line.encode() + b"\n")
            self._totals.add(requests, texts, objects)

    def totals(self) -> Totals:
        """The sums so far."""
        with self._writing:
            return self._totals.describe()


def totals(home: Path) -> Totals:
    """What `Ledger.totals` would say, read from the file without a server."""
    found = _Totals()
    found.read(home / FILE)
    return found.describe()


class _Totals:
    def __init__(self) -> None:
        self._requests = 0
        self._texts = 0
        self._objects: Counter[str] = Counter()

    def read(self, path: Path) -> None:
        if not path.exists():
            return
        with path.open() as lines:
            for line in lines:
                if line.endswith("\n"):  # a machine that lost power may have left half a line, and no more
                    self.add(**json.loads(line))

    def add(self, requests: int, texts: int, objects: Sequence[str]) -> None:
        self._requests += requests
        self._texts += texts
        self._objects.update(objects)

    def describe(self) -> Totals:
        paid = self._texts + self._objects.total()
        return {"requests": self._requests, "paid": paid, "texts": self._texts, "per_object": dict(self._objects)}
