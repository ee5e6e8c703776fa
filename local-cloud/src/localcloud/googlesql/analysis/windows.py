"""Windows: what stands after OVER (S/window-function-calls)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from localcloud.googlesql.analysis.coercion import cost
from localcloud.googlesql.analysis.expressions import Expressions
from localcloud.googlesql.analysis.names import Clause, Scope
from localcloud.googlesql.analysis.values import INT64, Value, shown
from localcloud.googlesql.syntax import Bound, Call, Literal, Node, Window

_NUMBERED = ("ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD")
_WITHOUT_FRAME = frozenset(_NUMBERED)
_NEED_ORDER = frozenset((*_NUMBERED[1:], "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"))
#: Functions that see the whole partition.
_WITHOUT_ORDER = frozenset(("PERCENTILE_CONT", "PERCENTILE_DISC"))
_BOUNDS = ("UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING")


class Windows(Expressions):
    """Looks through windows."""

    def window(self, window: Window, function: str, node: Call, clause: Clause) -> None:
        """Raises ApiError for what is wrong with the window of a function."""
        whole = self._inherited(window, clause)
        inside = replace(clause, analytic=False, inside="analytic")
        for part in whole.partition:
            self._check_partition(self.value(part, inside), part)
        orders = [self.value(one.by, inside) for one in whole.order]
        for one, value in zip(whole.order, orders, strict=True):
            self.check_order(value.kind, "Window ORDER BY does not support expressions of type", one)
        if function in _NEED_ORDER and not orders:
            self.wrong(f"Window ORDER BY is required for analytic function {function.lower()}", node)
        if function in _WITHOUT_ORDER and orders:
            self.wrong(f"Window ORDER BY is not allowed for analytic function {function.lower()}", node)
        if not whole.frame:
            return
        if function in _WITHOUT_FRAME or function in _WITHOUT_ORDER:
            self.wrong(f"Window framing clause is not allowed for analytic function {function.lower()}", node)
        self._check_frame(whole, orders, inside)

    def _check_frame(self, window: Window, orders: Sequence[Value], clause: Clause) -> None:
        first, last = window.frame[0], window.frame[-1]
        begin = _BOUNDS.index(first.how)
        end = _BOUNDS.index(last.how) if len(window.frame) == 2 else _BOUNDS.index("CURRENT ROW")
        if first.how == "UNBOUNDED FOLLOWING" or begin > end:
            self.wrong(f"Starting window framing expression cannot be {_shown(first)}", first)
        if len(window.frame) == 2 and last.how == "UNBOUNDED PRECEDING":
            self.wrong(f"Ending window framing expression cannot be {_shown(last)}", last)
        if window.unit == "RANGE" and not orders and (begin, end) != (0, len(_BOUNDS) - 1):
            self.wrong("A RANGE-based window without ORDER BY must include all rows", window)
        offsets = [bound for bound in window.frame if bound.offset is not None]
        if window.unit == "RANGE" and offsets and len(orders) != 1:
            self.wrong(
                "A RANGE-based window with OFFSET PRECEDING or OFFSET FOLLOWING boundaries must have exactly one ORDER"
                " BY key",
                window,
            )
        for bound in offsets:
            self._check_offset(bound, window, orders, clause)

    def _check_offset(self, bound: Bound, window: Window, orders: Sequence[Value], clause: Clause) -> None:
        assert bound.offset is not None
        value = self.value(bound.offset, replace(clause, scope=Scope()))
        if not value.is_constant or value.is_null:
            self.wrong("Window framing expression must be a literal or parameter", bound)
        if isinstance(bound.offset, Literal) and bound.offset.text.startswith("-"):
            self.wrong("Window framing expression cannot be negative", bound)
        if window.unit == "ROWS" and value.kind != INT64:
            self.wrong(
                f"Window framing expression for ROWS can only be of integer type, but has type {shown(value)}", bound
            )
        if window.unit == "RANGE":
            kind = orders[0].kind
            if kind.array or kind.kind not in ("INT64", "NUMERIC", "FLOAT64"):
                self.wrong(
                    "ORDER BY key must be numeric in a RANGE-based window with OFFSET PRECEDING or OFFSET FOLLOWING"
                    f" boundaries, but has type {kind.sql()}",
                    bound,
                )
            if cost(value, kind) is None:
                self.wrong(f"Window framing expression has type {shown(value)} which is not that of the key", bound)

    def _check_partition(self, value: Value, node: Node) -> None:
        if not value.kind.array and value.kind.kind in ("FLOAT64", "JSON") and not value.is_null:
            self.wrong(f"Partitioning by expressions of type {value.kind.sql()} is not allowed", node)

    def _inherited(self, window: Window, clause: Clause) -> Window:
        """The window with what the one that it names adds."""
        if window.base is None:
            return window
        named = clause.windows.get(window.base.key)
        if named is None:
            self.wrong(f"Unrecognized window alias {window.base.text}", window.base)
        before = {name: one for name, one in clause.windows.items() if name != window.base.key}
        base = self._inherited(named, replace(clause, windows=before))
        if window.partition:
            self.wrong("PARTITION BY is not allowed in a window that names another one", window)
        if window.order and base.order:
            self.wrong("ORDER BY cannot be specified twice in a window", window)
        if base.frame and (window.order or window.frame):
            self.wrong("A window with a framing clause cannot be extended", window)
        return Window(
            window.at,
            None,
            base.partition,
            base.order or window.order,
            window.frame or base.frame,
            window.unit or base.unit,
        )


def _shown(bound: Bound) -> str:
    return bound.how if bound.offset is None else f"OFFSET {bound.how}"
