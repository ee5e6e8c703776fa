"""Expressions of GoogleSQL: what may stand where (S/operators, S/functions-reference)."""

from __future__ import annotations

from localcloud.googlesql.grammar_calls import PLACES, Calls
from localcloud.googlesql.literals import string_of
from localcloud.googlesql.syntax import (
    ArrayLiteral,
    Call,
    Case,
    Cast,
    Element,
    Expression,
    Extract,
    InQuery,
    Interval,
    Literal,
    Member,
    Name,
    Parameter,
    Query,
    QueryValue,
    StructLiteral,
)

_COMPARISONS = {
    "=": "$equal", "<": "$less", ">": "$greater", "<=": "$less_or_equal", ">=": "$greater_or_equal",
    "!=": "$not_equal", "<>": "$not_equal",
}  # fmt: skip
#: Binary operators that bind equally, loosest first; `>>` is read as two signs since it also ends types.
_BINARY: tuple[dict[str, str], ...] = (
    {"|": "$bitwise_or"},
    {"^": "$bitwise_xor"},
    {"&": "$bitwise_and"},
    {"<<": "$bitwise_left_shift", ">": "$bitwise_right_shift"},
    {"+": "$add", "-": "$subtract"},
    {"*": "$multiply", "/": "$divide", "||": "$concat_op"},
)
_SIGNS = {"-": "$unary_minus", "~": "$bitwise_not"}
_TYPED_LITERALS = ("DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "DECIMAL", "BIGNUMERIC", "BIGDECIMAL", "JSON")
_CALLED_KEYWORDS = ("IF", "LEFT", "RIGHT", "GROUPING", "COLLATE", "RANGE")
_PRIMARIES = {
    "CASE": "_case", "CAST": "_cast", "SAFE_CAST": "_cast", "EXTRACT": "_extract", "ARRAY": "_array", "[": "_array",
    "STRUCT": "_struct", "(": "_parenthesis", "EXISTS": "_exists", "INTERVAL": "_interval", "@": "_parameter",
    "?": "_parameter", "@@": "_parameter", "NEW": "_not_served", "WITH": "_not_served",
}  # fmt: skip


class Expressions(Calls):
    """Reads expressions."""

    #: The first operand of the next expression, where it was read already.
    _given: Expression | None = None
    _positional = 0

    def query(self, *, given: Query | None = None) -> Query:
        """A query; `given`: its first select, in brackets, was read already."""
        raise NotImplementedError

    def begins_query(self) -> bool:
        if self.sees("WITH", "("):
            self._not_served()
        return self.sees_any("SELECT", "WITH", "FROM")

    def goes_on_as_query(self) -> bool:
        """Whether what stood in brackets is the first part of a set operation or of an ordered query."""
        return self.sees_any("UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT")

    def expression(self) -> Expression:
        left = self._and()
        while self.sees("OR"):
            self.advance()
            left = _operator(left.at, "$or", "OR", left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._not()
        while self.sees("AND"):
            self.advance()
            left = _operator(left.at, "$and", "AND", left, self._not())
        return left

    def _not(self) -> Expression:
        begin = self.next.start
        if self._given is None and self.take("NOT"):
            return _operator(begin, "$not", "NOT", self._not())
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._binary(0)
        sign = self.take_any(*_COMPARISONS)
        if sign:
            compared: Expression = _operator(left.at, _COMPARISONS[sign], sign, left, self._binary(0))
        elif self.take("IS"):
            compared = self._is(left)
        else:
            negated = self.sees("NOT") and self.ahead(1).word in ("IN", "LIKE", "BETWEEN") and self.take("NOT")
            if not negated and not self.sees_any("BETWEEN", "LIKE", "IN"):
                if self.sees("NOT"):
                    self.refuse(f"Expected end of input but got {self.next.shown()}")
                return left
            compared = self._among(left)
            compared = _operator(left.at, "$not", "NOT", compared) if negated else compared
        if self.sees_any(*_COMPARISONS, "IS", "LIKE", "BETWEEN", "IN") or self.sees("NOT"):
            self.refuse(f"Expected end of input but got {self.next.shown()}")
        return compared

    def _among(self, left: Expression) -> Expression:
        """BETWEEN, LIKE or IN, and what follows it."""
        if self.take("BETWEEN"):
            low = self._binary(0)
            self.expect("AND")
            return _operator(left.at, "$between", "BETWEEN", left, low, self._binary(0))
        if self.take("LIKE"):
            if self.sees_any("ANY", "SOME", "ALL"):
                self.unsupported("quantified LIKE")
            return _operator(left.at, "$like", "LIKE", left, self._binary(0))
        self.expect("IN")
        if self.take("UNNEST"):
            self.expect("(")
            array = self.expression()
            self.expect(")")
            return _operator(left.at, "$in_array", "IN UNNEST", left, array)
        among = self._bracketed()
        if isinstance(among, QueryValue):
            return InQuery(left.at, left, among.query)
        return _operator(left.at, "$in", "IN", left, *among)

    def _is(self, left: Expression) -> Expression:
        negated = self.take("NOT")
        if self.take("DISTINCT"):
            self.expect("FROM")
            name = "$is_not_distinct_from" if negated else "$is_distinct_from"
            return _operator(left.at, name, "IS DISTINCT FROM", left, self._binary(0))
        what = self.take_any("NULL", "TRUE", "FALSE")
        if not what:
            self.unexpected()
        asked = _operator(left.at, f"$is_{what.lower()}", f"IS {what}", left)
        return _operator(left.at, "$not", "NOT", asked) if negated else asked

    def _binary(self, level: int) -> Expression:
        if level == len(_BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self.sees_any(*_BINARY[level]):
            if self.sees(">"):
                if not self.sees(">", ">") or self.next.end != self.ahead(1).start:
                    return left
                self.advance()
            sign = self.advance().word
            shown = ">>" if sign == ">" else sign
            left = _operator(left.at, _BINARY[level][sign], shown, left, self._binary(level + 1))
        return left

    def _unary(self) -> Expression:
        if self._given is not None:
            value, self._given = self._given, None
            return self._parts(value)
        begin = self.next.start
        sign = self.take_any("-", "+", "~")
        if not sign:
            return self._parts(self._primary())
        if sign == "+":
            if self.next.kind != "number":
                self.unsupported("the sign + before an expression")
            return self._unary()
        value = self._unary()
        if sign == "-" and isinstance(value, Literal) and value.kind in ("INT64", "FLOAT64"):
            return Literal(begin, value.kind, value.text[1:] if value.text.startswith("-") else f"-{value.text}")
        return _operator(begin, _SIGNS[sign], sign, value)

    def _parts(self, value: Expression) -> Expression:
        """What follows a primary: members, elements, and the call of a function whose name has dots."""
        while True:
            if self.sees(".") and self.ahead(1).word != "*":
                self.advance()
                value = Member(value.at, value, self.any_name())
                if self.sees("("):
                    value = self.call(value.at, self._function_name(value))
            elif self.take("["):
                value = self._element(value)
                self.expect("]")
            else:
                return value

    def _function_name(self, value: Expression) -> str:
        if isinstance(value, Name):
            return value.name.text.upper()
        if not isinstance(value, Member):
            self.unexpected()
        return f"{self._function_name(value.of)}.{value.name.text.upper()}"

    def _element(self, value: Expression) -> Expression:
        place = self.expression()
        if isinstance(place, Call) and place.function in PLACES:
            if len(place.arguments) != 1:
                self.refuse(f"Expected one argument of {place.function}")
            return Element(value.at, value, place.arguments[0], place.function)
        return Element(value.at, value, place, "")

    def _primary(self) -> Expression:
        begin = self.next
        special = _PRIMARIES.get(begin.word)
        if special:
            value: Expression = getattr(self, special)()
            return value
        if begin.kind == "string" and self.ahead(1).kind == "string":
            self.unsupported("string literals side by side")
        if begin.kind == "string":
            text, is_bytes = string_of(self.advance().text)
            return Literal(begin.start, "BYTES" if is_bytes else "STRING", text)
        if begin.kind == "number":
            whole = begin.text.isdigit() or begin.text[:2].lower() == "0x"
            return Literal(begin.start, "INT64" if whole else "FLOAT64", self.advance().text)
        if self.sees_any("TRUE", "FALSE", "NULL"):
            word = self.advance().word
            return Literal(begin.start, "NULL" if word == "NULL" else "BOOL", word)
        if begin.word in _TYPED_LITERALS and self.ahead(1).kind == "string":
            self.advance()
            kind = {"DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC"}.get(begin.word, begin.word)
            return Literal(begin.start, kind, string_of(self.advance().text)[0])
        if begin.word in _CALLED_KEYWORDS and self.ahead(1).word == "(":
            return self.call(begin.start, self.advance().word)
        name = self.name()
        if self.sees("("):
            return self.call(begin.start, name.text.upper())
        return Name(begin.start, name)

    # Expressions with words of their own

    def _case(self) -> Expression:
        begin = self.expect("CASE")
        value = None if self.sees("WHEN") else self.expression()
        whens = []
        while True:
            self.expect("WHEN")
            condition = self.expression()
            self.expect("THEN")
            whens.append((condition, self.expression()))
            if not self.sees("WHEN"):
                break
        default = self.expression() if self.take("ELSE") else None
        self.expect("END")
        return Case(begin, value, tuple(whens), default)

    def _cast(self) -> Expression:
        function = self.advance()
        self.expect("(")
        value = self.expression()
        self.expect("AS")
        to = self.type()
        if self.sees("FORMAT"):
            self.unsupported("CAST with FORMAT")
        self.expect(")")
        return Cast(function.start, value, to, function.word == "SAFE_CAST")

    def _extract(self) -> Expression:
        begin = self.expect("EXTRACT", "(")
        part = self.name().text.upper()
        if self.take("("):
            part += f"({self.name().text.upper()})"
            self.expect(")")
        self.expect("FROM")
        value, zone = self.expression(), None
        if self.take("AT"):
            self.expect("TIME", "ZONE")
            zone = self.expression()
        self.expect(")")
        return Extract(begin, part, value, zone)

    def _interval(self) -> Expression:
        begin = self.expect("INTERVAL")
        value = self.expression()
        unit = self.name().text.upper()
        return Interval(begin, value, unit, self.name().text.upper() if self.take("TO") else "")

    def _array(self) -> Expression:
        begin = self.next.start
        if self.sees("ARRAY", "("):
            self.expect("ARRAY", "(")
            query = self.query()
            self.expect(")")
            return QueryValue(begin, query, "ARRAY")
        kind = None
        if self.sees("ARRAY", "<"):
            kind = self.type()
        else:
            self.take("ARRAY")
        self.expect("[")
        items = () if self.sees("]") else self.several(self.expression)
        self.expect("]")
        return ArrayLiteral(begin, kind, items)

    def _struct(self) -> Expression:
        begin = self.next.start
        kind = self.type() if self.sees("STRUCT", "<") else None
        if kind is None:
            self.expect("STRUCT")
        self.expect("(")
        members: tuple[tuple[Expression, str], ...] = ()
        if not self.sees(")"):
            members = self.several((lambda: (self.expression(), "")) if kind else self._member)
        self.expect(")")
        return StructLiteral(begin, kind, tuple(v for v, _ in members), tuple(n for _, n in members))

    def _member(self) -> tuple[Expression, str]:
        value = self.expression()
        if self.take("AS"):
            return value, self.name().text
        return value, value.name.text if isinstance(value, (Name, Member)) else ""

    def _parenthesis(self) -> Expression:
        """(query), (expression), or the STRUCT (expression, expression, …)."""
        begin = self.next.start
        among = self._bracketed()
        if isinstance(among, QueryValue):
            return among
        return among[0] if len(among) == 1 else StructLiteral(begin, None, among, ("",) * len(among))

    def _bracketed(self) -> QueryValue | tuple[Expression, ...]:
        """What stands in brackets, and they."""
        begin = self.expect("(")
        if self.begins_query():
            query = self.query()
            self.expect(")")
            return QueryValue(begin, query, "")
        if self.sees("("):
            inner = self._parenthesis()
            if isinstance(inner, QueryValue) and not inner.how:
                if self.goes_on_as_query():
                    query = self.query(given=inner.query)
                    self.expect(")")
                    return QueryValue(begin, query, "")
                if self.take(")"):
                    return inner
            self._given = inner
        among = self.several(self.expression)
        self.expect(")")
        return among

    def _exists(self) -> Expression:
        begin = self.expect("EXISTS", "(")
        query = self.query()
        self.expect(")")
        return QueryValue(begin, query, "EXISTS")

    def _parameter(self) -> Expression:
        if self.sees("@@"):
            self.unsupported("system variables")
        begin = self.advance()
        if begin.word == "@":
            return Parameter(begin.start, self.any_name().key)
        self._positional += 1
        return Parameter(begin.start, str(self._positional - 1))

    def _not_served(self) -> Expression:
        self.unsupported(f"the expression {self.next.word}")


def _operator(at: int, function: str, shown: str, *operands: Expression) -> Call:
    return Call(at, function.upper(), operands, shown=f"operator {shown}")
