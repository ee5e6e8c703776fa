"""Expressions of GoogleSQL: what may stand where (S/operators, S/functions-reference).

Nothing is kept of what is read: sqlglot makes the tree, but takes much that GoogleSQL does not.
"""

from __future__ import annotations

from localcloud.bigquery.sql.arguments import literal_fits
from localcloud.bigquery.sql.arity import ARITIES
from localcloud.bigquery.sql.grammar_types import Types

_COMPARISONS = ("=", "<", ">", "<=", ">=", "!=", "<>")
#: Binary operators that bind equally, loosest first; `>>` is read as two signs since it also ends types.
_BINARY = (("|",), ("^",), ("&",), ("<<", ">"), ("+", "-"), ("*", "/", "||"))
_TYPED_LITERALS = ("DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "DECIMAL", "BIGNUMERIC", "BIGDECIMAL", "JSON")
_WITH_PATH = ("JSON_VALUE", "JSON_QUERY", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR")
_CALLED_KEYWORDS = ("IF", "LEFT", "RIGHT", "GROUPING", "COLLATE", "RANGE")
_PRIMARIES = {
    "CASE": "_case", "CAST": "_cast", "SAFE_CAST": "_cast", "EXTRACT": "_extract", "ARRAY": "_array", "[": "_list",
    "STRUCT": "_struct", "(": "_parenthesis", "EXISTS": "_exists", "INTERVAL": "_interval", "@": "_parameter",
    "?": "_parameter", "@@": "_parameter", "NEW": "_not_served", "WITH": "_not_served",
}  # fmt: skip


class Expressions(Types):
    """Steps over expressions."""

    #: Whether the first operand of the next expression was read already.
    _given = False

    def query(self, *, given: bool = False) -> None:
        """A query; `given`: its first select, in brackets, was read already."""
        raise NotImplementedError

    def begins_query(self) -> bool:
        if self.sees("WITH", "("):
            self._not_served()
        return self.sees_any("SELECT", "WITH", "FROM")

    def goes_on_as_query(self) -> bool:
        """Whether what stood in brackets is the first part of a set operation or of an ordered query."""
        return self.sees_any("UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT")

    def expression(self) -> None:
        self._and()
        while self.take("OR"):
            self._and()

    def _and(self) -> None:
        self._not()
        while self.take("AND"):
            self._not()

    def _not(self) -> None:
        while self.take("NOT"):
            pass
        self._comparison()

    def _comparison(self) -> None:
        self._binary(0)
        if self.take_any(*_COMPARISONS):
            self._binary(0)
        elif self.take("IS"):
            self._is()
        else:
            negated = self.sees("NOT") and self.ahead(1).word in ("IN", "LIKE", "BETWEEN") and self.take("NOT")
            if self.take("BETWEEN"):
                self._binary(0)
                self.expect("AND")
                self._binary(0)
            elif self.take("LIKE"):
                if self.sees_any("ANY", "SOME", "ALL"):
                    self.unsupported("quantified LIKE")
                self._binary(0)
            elif self.take("IN"):
                self._in()
            elif not negated:
                return
        if self.sees_any(*_COMPARISONS, "IS", "LIKE", "BETWEEN", "IN") or self.sees("NOT"):
            self.refuse(f"Expected end of input but got {self.next.shown()}")

    def _is(self) -> None:
        self.take("NOT")
        if self.take("DISTINCT"):
            self.expect("FROM")
            self._binary(0)
        elif not self.take_any("NULL", "TRUE", "FALSE"):
            self.unexpected()

    def _in(self) -> None:
        if self.take("UNNEST"):
            self.expect("(")
            self.expression()
            self.expect(")")
        else:
            self._parenthesis()

    def _binary(self, level: int) -> None:
        if level == len(_BINARY):
            return self._unary()
        self._binary(level + 1)
        while self.sees_any(*_BINARY[level]):
            if self.sees(">"):
                if not self.sees(">", ">") or self.next.end != self.ahead(1).start:
                    return None
                self.advance()
            self.advance()
            self._binary(level + 1)
        return None

    def _unary(self) -> None:
        if not self._given:
            while self.take_any("-", "+", "~"):
                if self._lexemes[self._place - 1].word == "+" and self.next.kind != "number":
                    self.unsupported("the sign + before an expression")
            self._primary()
        self._given = False
        while True:
            if self.sees(".") and self.ahead(1).word != "*":
                self.advance()
                self.any_name()
                if self.sees("("):
                    self._call("")
            elif self.take("["):
                self.expression()
                self.expect("]")
            else:
                return

    def _primary(self) -> None:
        special = _PRIMARIES.get(self.next.word)
        if special:
            getattr(self, special)()
        elif self.next.kind == "string" and self.ahead(1).kind == "string":
            self.unsupported("string literals side by side")
        elif self.next.kind in ("string", "number") or self.sees_any("TRUE", "FALSE", "NULL"):
            self.advance()
        elif self.next.word in _TYPED_LITERALS and self.ahead(1).kind == "string":
            self._typed_literal()
        elif self.next.word in _CALLED_KEYWORDS and self.ahead(1).word == "(":
            self._call(self.advance().word)
        else:
            function = self.name().word
            if self.sees("("):
                self._call(function)

    def _typed_literal(self) -> None:
        kind, text = self.advance(), self.advance().text
        if kind.word in ("DATE", "DATETIME") and not literal_fits(text.strip("rR'\""), kind.word):
            self.wrong(f"Invalid {kind.word} literal", kind)

    # Calls

    def _call(self, function: str) -> None:
        begin = self.next
        self.expect("(")
        distinct = self.take("DISTINCT")
        count = 1
        if self.sees("*") and function == "COUNT" and not distinct:
            self.advance()
        else:
            count = self._arguments(function) if distinct or not self.sees(")") else 0
        least, most = ARITIES.get(function, (count, count))
        if not least <= count <= most:
            self.wrong(f"No matching signature for function {function} with {count} arguments", begin)
        self._modifiers()
        self.expect(")")
        if self.take("OVER"):
            self._window()

    def _arguments(self, function: str) -> int:
        self._argument()
        count = 1
        while self.take(","):
            if count == 1 and function in _WITH_PATH:
                self._check_path()
            self._argument()
            count += 1
        return count

    def _check_path(self) -> None:
        if self.next.kind != "string":
            self.unsupported("a JSONPath that is no literal")
        if not self.next.text.lstrip("rR'\"").startswith("$"):
            self.wrong("JSONPath must start with '$'", self.next)

    def _argument(self) -> None:
        if self.ahead(1).word == "=>":
            self.name()
            self.advance()
        self.expression()
        if self.sees("->"):
            self.unsupported("lambda expressions")
        if self.sees("AS"):
            self.unexpected()

    def _modifiers(self) -> None:
        if self.take_any("IGNORE", "RESPECT"):
            self.expect("NULLS")
        if self.take("HAVING"):
            if not self.take_any("MAX", "MIN"):
                self.unexpected()
            self.expression()
        self.order()
        if self.take("LIMIT"):
            self.expression()

    def order(self) -> None:
        """ORDER BY …, if it is there."""
        if self.take("ORDER"):
            self.expect("BY")
            self.several(self._ordering)

    def _ordering(self) -> None:
        self.expression()
        if self.sees("COLLATE"):
            self.unsupported("COLLATE")
        self.take_any("ASC", "DESC")
        if self.take("NULLS") and not self.take_any("FIRST", "LAST"):
            self.unexpected()

    def _window(self) -> None:
        if self.take("("):
            self.window_specification()
        else:
            self.name()

    def window_specification(self) -> None:
        """What stands in the brackets of a window, and the closing one."""
        if not self.sees_any(")", "PARTITION", "ORDER", "ROWS", "RANGE"):
            self.name()
        if self.take("PARTITION"):
            self.expect("BY")
            self.several(self.expression)
        self.order()
        if self.take_any("ROWS", "RANGE"):
            if self.take("BETWEEN"):
                self._frame_bound()
                self.expect("AND")
            self._frame_bound()
        self.expect(")")

    def _frame_bound(self) -> None:
        if self.take("CURRENT"):
            self.expect("ROW")
            return
        if not self.take("UNBOUNDED"):
            self.expression()
        if not self.take_any("PRECEDING", "FOLLOWING"):
            self.unexpected()

    # Expressions with words of their own

    def _case(self) -> None:
        self.expect("CASE")
        if not self.sees("WHEN"):
            self.expression()
        while True:
            self.expect("WHEN")
            self.expression()
            self.expect("THEN")
            self.expression()
            if not self.sees("WHEN"):
                break
        if self.take("ELSE"):
            self.expression()
        self.expect("END")

    def _cast(self) -> None:
        self.advance()
        self.expect("(")
        self.expression()
        self.expect("AS")
        self.type()
        if self.sees("FORMAT"):
            self.unsupported("CAST with FORMAT")
        self.expect(")")

    def _extract(self) -> None:
        self.expect("EXTRACT", "(")
        self.name()
        if self.take("("):
            self.name()
            self.expect(")")
        self.expect("FROM")
        self.expression()
        if self.take("AT"):
            self.expect("TIME", "ZONE")
            self.expression()
        self.expect(")")

    def _interval(self) -> None:
        self.expect("INTERVAL")
        self.expression()
        self.name()
        if self.take("TO"):
            self.name()

    def _array(self) -> None:
        if self.sees("ARRAY", "("):
            self.expect("ARRAY", "(")
            self.query()
            self.expect(")")
            return
        if self.sees("ARRAY", "<"):
            self.type()
        else:
            self.expect("ARRAY")
        self._list()

    def _list(self) -> None:
        self.expect("[")
        if not self.sees("]"):
            self.several(self.expression)
        self.expect("]")

    def _struct(self) -> None:
        typed = self.sees("STRUCT", "<")
        if typed:
            self.type()
        else:
            self.expect("STRUCT")
        self.expect("(")
        if not self.sees(")"):
            self.several(self.expression if typed else self._member)
        self.expect(")")

    def _member(self) -> None:
        self.expression()
        if self.take("AS"):
            self.name()

    def _parenthesis(self) -> bool:
        """(query), (expression) or (expression, expression, …); whether it is a query."""
        self.expect("(")
        if self.begins_query():
            self.query()
            self.expect(")")
            return True
        if self.sees("(") and self._parenthesis():
            if self.goes_on_as_query():
                self.query(given=True)
                self.expect(")")
                return True
            if self.take(")"):
                return True
            self._given = True
        elif self._lexemes[self._place - 1].word == ")":
            self._given = True
        self.several(self.expression)
        self.expect(")")
        return False

    def _exists(self) -> None:
        self.expect("EXISTS", "(")
        self.query()
        self.expect(")")

    def _parameter(self) -> None:
        if self.sees("@@"):
            self.unsupported("system variables")
        if self.advance().word == "@":
            self.any_name()

    def _not_served(self) -> None:
        self.unsupported(f"the expression {self.next.word}")
