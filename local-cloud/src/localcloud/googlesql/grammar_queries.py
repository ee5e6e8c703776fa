"""Queries of GoogleSQL: which clauses there are, and in which order (S/query-syntax)."""

from __future__ import annotations

from localcloud.googlesql.grammar_tables import Tables
from localcloud.googlesql.lexer import RESERVED, Lexeme
from localcloud.googlesql.syntax import (
    Expression,
    Grouping,
    Identifier,
    Item,
    Query,
    QueryBody,
    Select,
    SetOperation,
    Star,
    Window,
)

_SET_OPERATIONS = ("UNION", "INTERSECT", "EXCEPT")


class Queries(Tables):
    """Reads queries."""

    def query(self, *, given: Query | None = None) -> Query:
        """[WITH …] select or set operation [ORDER BY …] [LIMIT …]; `given`: the first select was read already."""
        begin = self.next.start if given is None else given.at
        ctes: tuple[tuple[Identifier, Query], ...] = ()
        recursive = False
        if given is None and self.take("WITH"):
            recursive = self.take("RECURSIVE")
            ctes = self.several(self._cte)
        first = self._query_primary() if given is None else given
        body = self._set_operations(first)
        if body is first and isinstance(first, Select) and first.tables is None and self.sees("ORDER"):
            self.wrong("Query without FROM clause cannot have an ORDER BY clause", self.next)
        order = self.order()
        limit: tuple[Expression, ...] = ()
        if self.take("LIMIT"):
            limit = (self.expression(),)
            if self.take("OFFSET"):
                limit = (*limit, self.expression())
        if self.sees("|>"):
            self.unsupported("pipe syntax")
        return Query(begin, body, ctes, recursive, order, limit)

    def _cte(self) -> tuple[Identifier, Query]:
        name = self.name()
        self.expect("AS", "(")
        query = self.query()
        self.expect(")")
        return name, query

    def _set_operations(self, first: QueryBody) -> QueryBody:
        parts, used = [first], ""
        while self.sees_any(*_SET_OPERATIONS, "FULL", "LEFT", "OUTER", "INNER"):
            if not self.sees_any(*_SET_OPERATIONS):
                self.unsupported("set operations by name")
            operation = self.advance().word
            kind = self.take_any("ALL", "DISTINCT")
            if kind == "ALL" and operation != "UNION":
                self.unsupported(f"{operation} ALL")
            if not kind:
                self.refuse(f"Expected keyword ALL or keyword DISTINCT but got {self.next.shown()}")
            if used not in ("", f"{operation} {kind}"):
                self.refuse("Different set operations cannot be used in the same query without using parentheses")
            used = f"{operation} {kind}"
            if self.sees_any("BY", "CORRESPONDING", "STRICT"):
                self.unsupported("set operations by name")
            parts.append(self._query_primary())
        return SetOperation(first.at, used, tuple(parts)) if used else first

    def _query_primary(self) -> QueryBody:
        if self.sees("FROM"):
            self.unsupported("queries that begin with FROM")
        if self.take("("):
            query = self.query()
            self.expect(")")
            return query
        return self._select()

    def _select(self) -> Select:
        begin = self.next
        self.expect("SELECT")
        if self.sees("WITH"):
            self.unsupported("SELECT WITH")
        distinct = self.take_any("ALL", "DISTINCT") == "DISTINCT"
        kind = self._select_as() if self.take("AS") else ""
        if self.sees("FROM") or self.next.kind == "end":
            self.refuse("SELECT list must not be empty")
        items = [self._select_item()]
        while self.take(","):
            if self.sees_any("FROM", ")") or self.next.kind == "end":  # a comma may end the list
                break
            items.append(self._select_item())
        tables = self.tables() if self.take("FROM") else None
        if tables is None:
            star = any(isinstance(item, Star) and item.of is None for item in items)
            self._check_without_tables(begin, distinct=distinct, star=star)
        return self._clauses(Select(begin.start, distinct, kind, tuple(items), tables))

    def _select_as(self) -> str:
        kind = self.take_any("STRUCT", "VALUE")
        if not kind:
            self.unsupported("SELECT AS a named type")
        return kind

    def _check_without_tables(self, begin: Lexeme, *, distinct: bool, star: bool) -> None:
        if star:
            self.wrong("SELECT * must have a FROM clause", begin)
        if distinct:
            self.wrong("Query without FROM clause cannot use SELECT DISTINCT", begin)
        clause = self.next.word
        if clause in ("WHERE", "GROUP", "HAVING", "QUALIFY"):
            shown = "GROUP BY" if clause == "GROUP" else clause
            self.wrong(f"Query without FROM clause cannot have a {shown} clause", self.next)

    def _select_item(self) -> Item | Star:
        begin = self.next.start
        if self.take("*"):
            return self._star(begin, None)
        value = self.expression()
        if self.take("."):
            self.expect("*")
            return self._star(begin, value)
        return Item(begin, value, self.alias())

    def _star(self, begin: int, of: Expression | None) -> Star:
        left_out: tuple[Identifier, ...] = ()
        replaced: tuple[tuple[Expression, Identifier], ...] = ()
        if self.sees("EXCEPT", "("):
            self.advance()
            left_out = self.names()
        if self.take("REPLACE"):
            self.expect("(")
            replaced = self.several(self._replacement)
            self.expect(")")
        return Star(begin, of, left_out, replaced)

    def _replacement(self) -> tuple[Expression, Identifier]:
        value = self.expression()
        self.expect("AS")
        return value, self.name()

    def alias(self) -> Identifier | None:
        """[AS] name, if it is there."""
        named = self.next.kind == "quoted" or (self.next.kind == "word" and self.next.word not in RESERVED)
        if self.take("AS") or named:
            return self.name()
        return None

    def _clauses(self, head: Select) -> Select:
        where = self.expression() if self.take("WHERE") else None
        group = None
        begin = self.next.start
        if self.take("GROUP"):
            self.expect("BY")
            everything = self.take("ALL")
            keys = () if everything else tuple(key for found in self.several(self._grouping) for key in found)
            group = Grouping(begin, keys, everything)
        having = self.expression() if self.take("HAVING") else None
        qualify = self.expression() if self.take("QUALIFY") else None
        windows = self.several(self._named_window) if self.take("WINDOW") else ()
        return Select(
            head.at, head.distinct, head.kind, head.items, head.tables, where, group, having, qualify, windows
        )

    def _grouping(self) -> tuple[Expression, ...]:
        sets = self.sees("GROUPING", "SETS")
        if sets:
            self.advance()
        if (sets or self.sees_any("ROLLUP", "CUBE")) and self.ahead(1).word == "(":
            self.advance()
            self.expect("(")
            keys = tuple(key for found in self.several(self._grouping) for key in found)
            self.expect(")")
            return keys
        if self.sees("(", ")"):
            self.expect("(", ")")
            return ()
        return (self.expression(),)

    def _named_window(self) -> tuple[Identifier, Window]:
        name = self.name()
        self.expect("AS")
        begin = self.next.start
        if self.take("("):
            return name, self.window_specification(begin)
        return name, Window(begin, self.name())
