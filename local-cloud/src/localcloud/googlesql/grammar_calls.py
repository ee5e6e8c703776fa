"""Calls of functions: arguments, what may stand beside them, windows (S/functions-reference)."""

from __future__ import annotations

from localcloud.googlesql.grammar_types import Types
from localcloud.googlesql.syntax import Bound, Call, Expression, Ordering, Window

PLACES = ("OFFSET", "ORDINAL", "SAFE_OFFSET", "SAFE_ORDINAL")
"""What says how a place in an array is counted; written as a function."""


class Calls(Types):
    """Reads calls."""

    def expression(self) -> Expression:
        """An expression."""
        raise NotImplementedError

    def call(self, begin: int, function: str) -> Expression:
        self.expect("(")
        distinct = self.take("DISTINCT")
        arguments: tuple[tuple[str, Expression], ...] = ()
        if self.sees("*") and function == "COUNT" and not distinct:
            self.advance()
            function = "$COUNT_STAR"
        elif distinct or not self.sees(")"):
            arguments = self.several(self._argument)
        nulls = self.take_any("IGNORE", "RESPECT")
        if nulls:
            self.expect("NULLS")
        having = self._having()
        order = self.order()
        limit = self.expression() if self.take("LIMIT") else None
        self.expect(")")
        over = self._window() if self.take("OVER") else None
        names = tuple(name for name, _ in arguments)
        values = tuple(value for _, value in arguments)
        if function in PLACES and over is None and len(values) == 1:
            return Call(begin, function, values)
        return Call(begin, function, values, names if any(names) else (), distinct, nulls, having, order, limit, over)

    def _argument(self) -> tuple[str, Expression]:
        name = ""
        if self.ahead(1).word == "=>":
            name = self.name().key
            self.advance()
        value = self.expression()
        if self.sees("->"):
            self.unsupported("lambda expressions")
        if self.sees("AS"):
            self.unexpected()
        return name, value

    def _having(self) -> Expression | None:
        if not self.take("HAVING"):
            return None
        if not self.take_any("MAX", "MIN"):
            self.unexpected()
        return self.expression()

    def order(self) -> tuple[Ordering, ...]:
        """ORDER BY …, if it is there."""
        if not self.take("ORDER"):
            return ()
        self.expect("BY")
        return self.several(self._ordering)

    def _ordering(self) -> Ordering:
        by = self.expression()
        if self.sees("COLLATE"):
            self.unsupported("COLLATE")
        self.take_any("ASC", "DESC")
        if self.take("NULLS") and not self.take_any("FIRST", "LAST"):
            self.unexpected()
        return Ordering(by.at, by)

    def _window(self) -> Window:
        begin = self.next.start
        if self.take("("):
            return self.window_specification(begin)
        return Window(begin, self.name())

    def window_specification(self, begin: int) -> Window:
        """What stands in the brackets of a window, and the closing one."""
        base, unit = None, ""
        frame: tuple[Bound, ...] = ()
        partition: tuple[Expression, ...] = ()
        if not self.sees_any(")", "PARTITION", "ORDER", "ROWS", "RANGE"):
            base = self.name()
        if self.take("PARTITION"):
            self.expect("BY")
            partition = self.several(self.expression)
        order = self.order()
        if self.sees_any("ROWS", "RANGE"):
            unit = self.advance().word
            frame = self._frame()
        self.expect(")")
        return Window(begin, base, partition, order, frame, unit)

    def _frame(self) -> tuple[Bound, ...]:
        if not self.take("BETWEEN"):
            return (self._frame_bound(),)
        first = self._frame_bound()
        self.expect("AND")
        return first, self._frame_bound()

    def _frame_bound(self) -> Bound:
        begin = self.next.start
        if self.take("CURRENT"):
            self.expect("ROW")
            return Bound(begin, "CURRENT ROW")
        offset = None if self.take("UNBOUNDED") else self.expression()
        how = self.take_any("PRECEDING", "FOLLOWING")
        if not how:
            self.unexpected()
        return Bound(begin, how if offset else f"UNBOUNDED {how}", offset)
