"""Statements that were parsed before: programs and pages send the same texts again and again, with other parameters."""

from __future__ import annotations

import threading
from collections import OrderedDict

from localcloud.engine import parse

_MOST, _LONGEST = 128, 8_000
"""Trees that are kept, a few megabytes at most, and characters of a text worth keeping the tree of."""


class ParsedStatements:
    """Trees by the text they were parsed from, the least used forgotten first. Thread-safe.

    A tree stands for its text alone: parameters, default dataset and caller are a statement's, and are never in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: OrderedDict[str, parse.Parsed] = OrderedDict()

    def parse(self, text: str) -> parse.Parsed:
        """As `parse.parse`. It is shared: whoever changes a tree copies it first."""
        with self._lock:
            if text in self._trees:
                self._trees.move_to_end(text)
                return self._trees[text]
        found = parse.parse(text)
        if found.syntax is not None and len(text) <= _LONGEST:
            with self._lock:
                self._trees[text] = found
                if len(self._trees) > _MOST:
                    self._trees.popitem(last=False)
        return found
