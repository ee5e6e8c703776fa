"""What stands after FROM (S/query-syntax#from_clause)."""

from __future__ import annotations

from localcloud.googlesql.grammar_expressions import Expressions
from localcloud.googlesql.syntax import (
    Derived,
    Expression,
    Identifier,
    Join,
    Query,
    QueryValue,
    Source,
    Table,
    TableArgument,
    TableFunction,
    Unnest,
)

_SIDES = ("LEFT", "RIGHT", "FULL")
_NOT_SERVED = ("PIVOT", "UNPIVOT", "TABLESAMPLE", "MATCH_RECOGNIZE")
#: Words that are names elsewhere and end a table here.
_AFTER_TABLE = (*_NOT_SERVED, "QUALIFY", "WINDOW")


class Tables(Expressions):
    """Reads tables and joins."""

    def alias(self) -> Identifier | None:
        """[AS] name, if it is there."""
        raise NotImplementedError

    def tables(self) -> Source:
        """What stands after FROM, joins included."""
        left = self.table()
        while True:
            if self.take(","):
                left = Join(left.at, "COMMA", left, self.table(), None, ())
                continue
            joined = self._join(left)
            if joined is None:
                return left
            left = joined

    def _join(self, left: Source) -> Source | None:
        """What is on the left joined with what follows; None when nothing is joined."""
        if self.sees("NATURAL"):
            self.unsupported("NATURAL JOIN")
        if not self.sees_any("JOIN", "CROSS", "INNER", *_SIDES):
            return None
        begin = self.next
        kind = self.take_any("CROSS", "INNER", *_SIDES) or "INNER"
        if kind in _SIDES:
            self.take("OUTER")
        self.expect("JOIN")
        right = self.table()
        on: Expression | None = None
        using: tuple[Identifier, ...] = ()
        if kind == "CROSS":
            pass
        elif self.take("ON"):
            on = self.expression()
        elif self.take("USING"):
            using = self.names()
        elif not (isinstance(right, Unnest) and kind in ("INNER", "LEFT")):
            if self.sees_any("JOIN", "CROSS", "INNER", *_SIDES):
                self.unsupported("joins whose conditions follow later")
            self.wrong(f"{kind} JOIN must have an immediately following ON or USING clause", begin)
        return Join(begin.start, kind, left, right, on, using)

    def table(self) -> Source:
        """One table with its alias, or joined tables in brackets."""
        begin = self.next.start
        if self.sees("("):
            within = self._bracketed_tables()
            if isinstance(within, Query):
                return Derived(begin, within, self._table_alias())
            if self.next.kind == "quoted" or self.sees("AS"):
                self.refuse(f"Expected end of input but got {self.next.shown()}")
            return within
        if self.sees("LATERAL"):
            self.unsupported("LATERAL")
        if self.take("UNNEST"):
            self.expect("(")
            arrays = self.several(self.expression)
            self.expect(")")
            return Unnest(begin, arrays, self._table_alias(), self._offset())
        path = self.path()
        if self.take("("):
            arguments = () if self.sees(")") else self.several(self._table_argument)
            self.expect(")")
            return TableFunction(begin, path, arguments, self._table_alias())
        return Table(begin, path, self._table_alias(), self._offset())

    def _offset(self) -> Identifier | None:
        begin = self.next.start
        if not self.take("WITH"):
            return None
        self.expect("OFFSET")
        return self._table_alias() or Identifier(begin, "offset", "offset")

    def _table_alias(self) -> Identifier | None:
        alias = None if self.sees_any(*_AFTER_TABLE) else self.alias()
        if self.sees("FOR", "SYSTEM_TIME"):
            self.unsupported("FOR SYSTEM_TIME")
        if self.sees_any(*_NOT_SERVED):
            self.unsupported(self.next.word)
        if self.sees("@", "{"):
            self.unsupported("hints")
        return alias

    def _bracketed_tables(self) -> Query | Source:
        """(query) or (table JOIN table …)."""
        begin = self.expect("(")
        if self.begins_query():
            query = self.query()
            self.expect(")")
            return query
        if self.sees("("):
            within = self._bracketed_tables()
            if isinstance(within, Query) and (self.goes_on_as_query() or self.sees(")")):
                query = self.query(given=within)
                self.expect(")")
                return query
            left: Source = Derived(begin, within, self._table_alias()) if isinstance(within, Query) else within
        else:
            left = self.table()
        joined = self._join(left)
        if joined is None:
            self.refuse(f"Expected keyword JOIN but got {self.next.shown()}")
        while joined is not None:
            left, joined = joined, self._join(joined)
        self.expect(")")
        return left

    def _table_argument(self) -> TableArgument:
        begin = self.next.start
        if self.sees_any("TABLE", "MODEL") and self.ahead(1).kind in ("word", "quoted"):
            kind = self.advance().word
            return TableArgument(begin, "", kind, self.path(), None)
        name = ""
        if self.ahead(1).word == "=>":
            name = self.name().key
            self.advance()
        value: Expression = self.expression()
        kind = "QUERY" if isinstance(value, QueryValue) and not value.how else ""
        return TableArgument(begin, name, kind, (), value)
