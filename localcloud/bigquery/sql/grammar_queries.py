"""Queries of GoogleSQL: which clauses there are, and in which order (S/query-syntax)."""

from __future__ import annotations

from localcloud.bigquery.sql.grammar_expressions import Expressions
from localcloud.bigquery.sql.reader import RESERVED, Lexeme

_SET_OPERATIONS = ("UNION", "INTERSECT", "EXCEPT")
_SIDES = ("LEFT", "RIGHT", "FULL")
_NOT_SERVED = ("PIVOT", "UNPIVOT", "TABLESAMPLE", "MATCH_RECOGNIZE")
#: Words that are names elsewhere and end a table here.
_AFTER_TABLE = (*_NOT_SERVED, "QUALIFY", "WINDOW")


class Queries(Expressions):
    """Steps over queries."""

    #: Whether the select that was read last has a FROM clause, or stands in brackets.
    _read_tables = False

    def query(self, *, given: bool = False) -> None:
        """[WITH …] select or set operation [ORDER BY …] [LIMIT …]; `given`: the first select was read already."""
        if not given and self.take("WITH"):
            self.take("RECURSIVE")
            self.several(self._cte)
        if not given:
            self._query_primary()
        alone = not given and not self.sees_any(*_SET_OPERATIONS) and not self._read_tables
        self._set_operations()
        if alone and self.sees("ORDER"):
            self.wrong("Query without FROM clause cannot have an ORDER BY clause", self.next)
        self.order()
        if self.take("LIMIT"):
            self.expression()
            if self.take("OFFSET"):
                self.expression()
        if self.sees("|>"):
            self.unsupported("pipe syntax")

    def _cte(self) -> None:
        self.name()
        self.expect("AS", "(")
        self.query()
        self.expect(")")

    def _set_operations(self) -> None:
        used = ""
        while self.sees_any(*_SET_OPERATIONS, "FULL", "LEFT", "OUTER", "INNER"):
            if not self.sees_any(*_SET_OPERATIONS):
                self.unsupported("set operations by name")
            operation = self.advance().word
            kind = self.take_any("ALL", "DISTINCT")
            if kind == "ALL" and operation != "UNION":
                self.unsupported(f"{operation} ALL")
            if not kind:
                self.refuse(f"Expected keyword ALL or keyword DISTINCT but got {self.next.shown()}")
            if used not in ("", operation + kind):
                self.refuse("Different set operations cannot be used in the same query without using parentheses")
            used = operation + kind
            if self.sees_any("BY", "CORRESPONDING", "STRICT"):
                self.unsupported("set operations by name")
            self._query_primary()

    def _query_primary(self) -> None:
        if self.sees("FROM"):
            self.unsupported("queries that begin with FROM")
        if self.take("("):
            self.query()
            self.expect(")")
            self._read_tables = True
        else:
            self._select()

    def _select(self) -> None:
        begin = self.next
        self.expect("SELECT")
        if self.sees("WITH"):
            self.unsupported("SELECT WITH")
        distinct = self.take_any("ALL", "DISTINCT") == "DISTINCT"
        if self.take("AS"):
            self._select_as()
        if self.sees("FROM") or self.next.kind == "end":
            self.refuse("SELECT list must not be empty")
        star = self._select_item()
        while self.take(","):
            if self.sees_any("FROM", ")") or self.next.kind == "end":  # a comma may end the list
                break
            star = self._select_item() or star
        tables = self.take("FROM")
        if tables:
            self.tables()
        else:
            self._check_without_tables(begin, distinct=distinct, star=star)
        self._clauses()
        self._read_tables = tables

    def _select_as(self) -> None:
        if not self.take_any("STRUCT", "VALUE"):
            self.unsupported("SELECT AS a named type")

    def _check_without_tables(self, begin: Lexeme, *, distinct: bool, star: bool) -> None:
        if star:
            self.wrong("SELECT * must have a FROM clause", begin)
        if distinct:
            self.wrong("Query without FROM clause cannot use SELECT DISTINCT", begin)
        clause = self.next.word
        if clause in ("WHERE", "GROUP", "HAVING", "QUALIFY"):
            shown = "GROUP BY" if clause == "GROUP" else clause
            self.wrong(f"Query without FROM clause cannot have a {shown} clause", self.next)

    def _select_item(self) -> bool:
        """Whether it is a `*` of everything."""
        if self.take("*"):
            self._star()
            return True
        self.expression()
        if self.take("."):
            self.expect("*")
            self._star()
        else:
            self._alias()
        return False

    def _star(self) -> None:
        if self.sees("EXCEPT", "("):
            self.advance()
            self.names()
        if self.take("REPLACE"):
            self.expect("(")
            self.several(self._replacement)
            self.expect(")")

    def _replacement(self) -> None:
        self.expression()
        self.expect("AS")
        self.name()

    def _alias(self) -> bool:
        named = self.next.kind == "quoted" or (self.next.kind == "word" and self.next.word not in RESERVED)
        if self.take("AS") or named:
            self.name()
            return True
        return False

    def _clauses(self) -> None:
        if self.take("WHERE"):
            self.expression()
        if self.take("GROUP"):
            self.expect("BY")
            if not self.take("ALL"):
                self.several(self._grouping)
        if self.take("HAVING"):
            self.expression()
        if self.take("QUALIFY"):
            self.expression()
        if self.take("WINDOW"):
            self.several(self._named_window)

    def _grouping(self) -> None:
        sets = self.sees("GROUPING", "SETS")
        if sets:
            self.advance()
        if (sets or self.sees_any("ROLLUP", "CUBE")) and self.ahead(1).word == "(":
            self.advance()
            self.expect("(")
            self.several(self._grouping)
            self.expect(")")
        elif self.sees("(", ")"):
            self.expect("(", ")")
        else:
            self.expression()

    def _named_window(self) -> None:
        self.name()
        self.expect("AS")
        if self.take("("):
            self.window_specification()
        else:
            self.name()

    # FROM

    def tables(self) -> None:
        """What stands after FROM, joins included."""
        self._table()
        while True:
            if self.take(","):
                self._table()
            elif not self._join():
                return

    def _join(self) -> bool:
        """Whether there is one."""
        if self.sees("NATURAL"):
            self.unsupported("NATURAL JOIN")
        if not self.sees_any("JOIN", "CROSS", "INNER", *_SIDES):
            return False
        begin = self.next
        kind = self.take_any("CROSS", "INNER", *_SIDES) or "INNER"
        if kind in _SIDES:
            self.take("OUTER")
        self.expect("JOIN")
        array = self._table()
        if kind == "CROSS":
            return True
        if self.take("ON"):
            self.expression()
        elif self.take("USING"):
            self.names()
        elif not (array and kind in ("INNER", "LEFT")):
            if self.sees_any("JOIN", "CROSS", "INNER", *_SIDES):
                self.unsupported("joins whose conditions follow later")
            self.wrong(f"{kind} JOIN must have an immediately following ON or USING clause", begin)
        return True

    def _table(self) -> bool:
        """Whether it is an UNNEST."""
        array = self.take("UNNEST")
        if array:
            self.expect("(")
            self.several(self.expression)
            self.expect(")")
        elif self.sees("("):
            self._bracketed_tables()
        elif self.sees("LATERAL"):
            self.unsupported("LATERAL")
        else:
            self.path()
            if self.take("("):
                self._table_function()
        self._table_alias()
        if self.take("WITH"):
            self.expect("OFFSET")
            self._table_alias()
        return array

    def _table_alias(self) -> None:
        if not self.sees_any(*_AFTER_TABLE):
            self._alias()
        if self.sees("FOR", "SYSTEM_TIME"):
            self.unsupported("FOR SYSTEM_TIME")
        if self.sees_any(*_NOT_SERVED):
            self.unsupported(self.next.word)
        if self.sees("@", "{"):
            self.unsupported("hints")

    def _bracketed_tables(self) -> bool:
        """(query) or (table JOIN table …); whether it is a query."""
        self.expect("(")
        if self.begins_query():
            self.query()
            self.expect(")")
            return True
        if self.sees("("):
            if self._bracketed_tables() and (self.goes_on_as_query() or self.sees(")")):
                self.query(given=True)
                self.expect(")")
                return True
            self._table_alias()
        else:
            self._table()
        self._joins()
        self.expect(")")
        return False

    def _joins(self) -> None:
        if not self._join():
            self.refuse(f"Expected keyword JOIN but got {self.next.shown()}")
        while self._join():
            pass

    def _table_function(self) -> None:
        if not self.sees(")"):
            self.several(self._table_argument)
        self.expect(")")

    def _table_argument(self) -> None:
        if self.sees_any("TABLE", "MODEL") and self.ahead(1).kind in ("word", "quoted"):
            self.advance()
            self.path()
            return
        if self.ahead(1).word == "=>":
            self.name()
            self.advance()
        self.expression()
