"""The parse cache: programs and pages send the same texts repeatedly, with other parameters."""

from __future__ import annotations

import threading
from collections import OrderedDict

from localcloud.googlesql import grammar
from localcloud.googlesql.syntax_statements import Statement

_MOST, _LONGEST = 128, 8_000
"""Trees that are kept, a few megabytes at most, and characters of a text worth keeping the tree of."""


class ParseCache:
    """Syntax trees by the text they were read from; the least recently used is dropped first. Thread-safe.

    A tree stands for its text alone: parameters, default dataset and caller are a statement's, and are never in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: OrderedDict[str, Statement] = OrderedDict()

    def parse(self, text: str) -> Statement:
        """As `grammar.read`. The tree is shared and never changed."""
        with self._lock:
            if text in self._trees:
                self._trees.move_to_end(text)
                return self._trees[text]
        found = grammar.read(text)
        if len(text) <= _LONGEST:
            with self._lock:
                self._trees[text] = found
                if len(self._trees) > _MOST:
                    self._trees.popitem(last=False)
        return found
