"""Statements at random, mostly of fitting types: what nobody would think of writing down.

Reproducible by seed. They read `k`, a row with a column of every type, and `m`, which shares some of its names.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from localcloud.googlesql.analysis.signatures import PARTS, Argument, Function, Signature, functions

_One = TypeVar("_One")
TABLES = {
    "k": "SELECT 1 AS i, 7 AS i2, 1.5 AS f, NUMERIC '1.5' AS n, 'a' AS s, 'b' AS s2, b'a' AS b, TRUE AS o,"
    " DATE '2020-01-01' AS d, DATETIME '2020-01-01 10:00:00' AS dt, TIME '01:02:03' AS tm,"
    " TIMESTAMP '2020-01-01 10:00:00+00' AS ts, [1, 2] AS ai, [1.5] AS af, ['x'] AS ss,"
    " STRUCT(1 AS x, 'q' AS y) AS st, [STRUCT(1 AS x, 'q' AS y)] AS ast, JSON '1' AS j",
    "m": "SELECT 1 AS i, 2 AS w, 'a' AS s, [1] AS ai, 1.5 AS g",
}
_COLUMNS = {
    "INT64": ("i", "i2"), "FLOAT64": ("f",), "NUMERIC": ("n",), "STRING": ("s", "s2"), "BYTES": ("b",), "BOOL": ("o",),
    "DATE": ("d",), "DATETIME": ("dt",), "TIME": ("tm",), "TIMESTAMP": ("ts",), "INT64[]": ("ai",),
    "FLOAT64[]": ("af",), "STRING[]": ("ss",), "STRUCT": ("st",), "STRUCT[]": ("ast",), "JSON": ("j",),
}  # fmt: skip
_LITERALS = {
    "INT64": ("1", "-3", "0", "12"), "FLOAT64": ("1.5", "-0.5", "1e3"), "NUMERIC": ("NUMERIC '2.5'",),
    "STRING": ("'a'", "'2020-01-01'", "''", "'12'", "'2020-01-01 00:00:00'"), "BYTES": ("b'a'",),
    "BOOL": ("TRUE", "FALSE"), "DATE": ("DATE '2020-01-01'",), "DATETIME": ("DATETIME '2020-01-01 00:00:00'",),
    "TIME": ("TIME '01:02:03'",), "TIMESTAMP": ("TIMESTAMP '2020-01-01 00:00:00+00'",), "JSON": ("JSON '1'",),
    "INT64[]": ("[1]", "[]"), "FLOAT64[]": ("[1.5]",), "STRING[]": ("['a']",),
    "STRUCT": ("STRUCT(1 AS x, 'q' AS y)", "(1, 'a')"), "STRUCT[]": ("[STRUCT(1 AS x, 'q' AS y)]",),
    "INTERVAL": ("INTERVAL 1 DAY", "INTERVAL i HOUR"),
}  # fmt: skip
_SIGNS = {
    "$ADD": "+", "$SUBTRACT": "-", "$MULTIPLY": "*", "$DIVIDE": "/", "$CONCAT_OP": "||", "$BITWISE_OR": "|",
    "$BITWISE_XOR": "^", "$BITWISE_AND": "&", "$BITWISE_LEFT_SHIFT": "<<", "$BITWISE_RIGHT_SHIFT": ">>", "$AND": "AND",
    "$OR": "OR", "$LIKE": "LIKE", "$EQUAL": "=", "$NOT_EQUAL": "!=", "$LESS": "<", "$LESS_OR_EQUAL": "<=",
    "$GREATER": ">", "$GREATER_OR_EQUAL": ">=", "$IS_DISTINCT_FROM": "IS DISTINCT FROM",
}  # fmt: skip
_PREFIXES = {"$NOT": "NOT", "$UNARY_MINUS": "-", "$BITWISE_NOT": "~"}
_CAST = {"INT64[]": "ARRAY<INT64>", "FLOAT64[]": "ARRAY<FLOAT64>", "STRING[]": "ARRAY<STRING>"}
_CAST |= {"STRUCT": "STRUCT<x INT64, y STRING>", "STRUCT[]": "ARRAY<STRUCT<x INT64, y STRING>>"}
_ADDED = ("DATE_ADD", "DATE_SUB", "DATETIME_ADD", "DATETIME_SUB", "TIMESTAMP_ADD", "TIMESTAMP_SUB")
#: They have another answer each time; ZetaSQL does not know CONTAINS_SUBSTR.
_LEFT_OUT = ("CURRENT_TIME", "CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIMESTAMP", "RAND", "GENERATE_UUID")
_LEFT_OUT += ("SESSION_USER", "CONTAINS_SUBSTR")
#: Of text that only begins as JSON the reference reads the beginning, where there is no answer here.
_LEFT_OUT += ("JSON_VALUE", "JSON_QUERY", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR")
#: DuckDB answers these in FLOAT64, also of a NUMERIC (docs/decisions/2026-11-25-analyzer.md).
_INEXACT = ("EXP", "LN", "LOG", "LOG10", "SQRT", "POW", "POWER", "SAFE_DIVIDE", "$DIVIDE", "DIV", "AVG")
_EXTRACTED = ("YEAR", "DAY", "HOUR", "DATE", "TIME", "DAYOFWEEK", "MICROSECOND", "QUARTER", "ISOWEEK", "NOPE")
_SOURCES = (
    "k", "k", "k AS a", "k JOIN m USING (i)", "k JOIN m ON k.i = m.w", "k, m", "k LEFT JOIN m USING (s, i)",
    "k, UNNEST(ai) AS e", "k, k.ast", "k, UNNEST(ast) AS e WITH OFFSET AS p", "(SELECT * FROM k)",
    "(SELECT i, s AS i2, d FROM k) AS a",
)  # fmt: skip
_FRAMES = (
    "ROWS 1 PRECEDING", "RANGE BETWEEN 1 PRECEDING AND CURRENT ROW", "ROWS UNBOUNDED PRECEDING", "RANGE 1.5 PRECEDING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING", "ROWS i PRECEDING", "ROWS BETWEEN CURRENT ROW AND 1 PRECEDING",
)  # fmt: skip


class Statements:
    """`careless`: how often an operand has any type at all."""

    def __init__(self, seed: int, careless: float) -> None:
        self._chance = random.Random(seed)
        self._careless = careless
        self._prefixes: Sequence[str] = ("",)

    def one(self) -> str:
        """An expression alone, or a query."""
        return f"SELECT {self.expression(None, 3)} AS v FROM k" if self._rarely(0.7) else self.query()

    # Expressions

    def expression(self, kind: str | None, depth: int) -> str:
        """An expression, mostly of this type."""
        if kind is None or self._rarely(self._careless):
            kind = self._pick(tuple(_LITERALS))
        if depth <= 0 or self._rarely(0.25):
            return self._leaf(kind)
        if self._rarely(0.7):
            fitting = [
                (function, signature)
                for function in functions().values()
                for signature in function.signatures
                if function.mode == "scalar"
                and function.name not in _LEFT_OUT
                and not (function.name in _INEXACT and kind == "NUMERIC")
                and _gives(signature, kind)
            ]
            if fitting:
                return self._call(*self._pick(fitting), kind, depth)
        return self._construct(kind, depth - 1)

    def _leaf(self, kind: str) -> str:
        if self._rarely(0.04):
            return "NULL"
        if kind in _COLUMNS and self._rarely(0.65):
            return self._pick(self._prefixes) + self._pick(_COLUMNS[kind])
        return self._pick(_LITERALS.get(kind, ("NULL",)))

    def _construct(self, kind: str, depth: int) -> str:
        def one(of: str | None) -> str:
            return self.expression(of, depth)

        array = f"{kind}[]" if f"{kind}[]" in _COLUMNS else "INT64[]"
        place = self._pick(("OFFSET({})", "{}", "SAFE_ORDINAL({})", "SAFE_OFFSET({})"))
        makers = (
            lambda: f"CASE WHEN {one('BOOL')} THEN {one(kind)} ELSE {one(kind)} END",
            lambda: f"CASE {one('INT64')} WHEN {one('INT64')} THEN {one(kind)} END",
            lambda: f"CAST({one(None)} AS {_CAST.get(kind, kind)})",
            lambda: f"EXTRACT({self._pick(_EXTRACTED)} FROM {one(self._pick(('DATE', 'TIMESTAMP', 'DATETIME')))})",
            lambda: f"{one(array)}[{place.format(one('INT64'))}]",
            lambda: f"[{one(kind)}, {one(kind)}]",
            lambda: f"STRUCT({one(kind)} AS x, {one(None)})",
            lambda: f"({one(kind)} IN ({one(kind)}, {one(kind)}))",
            lambda: f"({one(kind)} IN UNNEST({one(array)}))",
            lambda: f"(SELECT {one(kind)})",
            lambda: f"ARRAY(SELECT {one(kind)} FROM m)",
            lambda: f"({one('STRUCT')}).{self._pick(('x', 'y', 'z'))}",
        )
        return self._pick(makers)()

    def _call(self, function: Function, signature: Signature, kind: str, depth: int) -> str:
        given = self._arguments(signature, kind.removesuffix("[]") if signature.result.array else kind, depth)
        name = function.name
        if name in _SIGNS and len(given) == 2:
            return f"({given[0]} {_SIGNS[name]} {given[1]})"
        if name in _PREFIXES and given:
            return f"({_PREFIXES[name]} {given[0]})"
        if name.startswith("$IS_") and len(given) == 1:
            return f"({given[0]} {name[1:].replace('_', ' ')})"
        if name == "$BETWEEN" and len(given) == 3:
            return f"({given[0]} BETWEEN {given[1]} AND {given[2]})"
        if name.startswith("$"):
            return self._leaf(kind)
        if (name in _ADDED and len(given) == 3) or (name == "GENERATE_DATE_ARRAY" and len(given) == 4):
            *before, number, part = given
            return f"{name}({', '.join(before)}, INTERVAL {number} {part})"
        return f"{'SAFE.' if self._rarely(0.05) else ''}{name}({', '.join(given)})"

    def _arguments(self, signature: Signature, kind: str, depth: int) -> list[str]:
        given: list[str] = []
        for argument in signature.arguments:
            if argument.optional and self._rarely(0.5):
                break
            times = self._chance.randrange(3) if argument.repeated else 1
            given += [self._argument(argument, kind, depth) for _ in range(times)]
        if given and self._rarely(0.04):
            given.pop()
        return [*given, self.expression(None, 0)] if self._rarely(0.04) else given

    def _argument(self, argument: Argument, kind: str, depth: int) -> str:
        if argument.part:
            return self._pick((*PARTS[argument.part], "NOPE"))
        if argument.template:
            return self.expression(kind.removesuffix("[]") + ("[]" if argument.array else ""), depth - 1)
        wanted = argument.kind and argument.kind.kind + ("[]" if argument.kind.array else "")
        return self.expression(wanted, depth - 1)

    # Aggregate and analytic functions

    def _aggregate(self, *, over: bool) -> str:
        mode = self._pick(("aggregate", "analytic")) if over else "aggregate"
        function = self._pick([one for one in functions().values() if one.mode == mode])
        given = self._arguments(self._pick(function.signatures), self._pick(tuple(_LITERALS)), 2)
        text = "COUNT(*)"
        if function.name != "$COUNT_STAR":
            distinct = "DISTINCT " if given and self._rarely(0.15) else ""
            text = f"{function.name}({distinct}{', '.join(given)}{self._modifiers(given)})"
        return f"{text} OVER ({self._window()})" if over else text

    def _modifiers(self, given: Sequence[str]) -> str:
        text = self._pick((" IGNORE NULLS", " RESPECT NULLS")) if self._rarely(0.15) else ""
        if self._rarely(0.08):
            text += f" HAVING {self._pick(('MAX', 'MIN'))} {self.expression(None, 1)}"
        if self._rarely(0.15):
            text += f" ORDER BY {self._pick(given) if given and self._rarely(0.5) else self.expression(None, 1)}"
        return text + (f" LIMIT {self._pick(('1', 'i', '1.5'))}" if self._rarely(0.1) else "")

    def _window(self) -> str:
        parts = [f"PARTITION BY {self.expression(None, 1)}"] if self._rarely(0.5) else []
        if self._rarely(0.6):
            parts.append("ORDER BY " + ", ".join(self.expression(None, 1) for _ in range(self._pick((1, 1, 2)))))
        return " ".join([*parts, self._pick(_FRAMES)] if self._rarely(0.3) else parts)

    # Queries

    def query(self, depth: int = 1) -> str:
        """A query of `k` and `m`."""
        source = self._pick(_SOURCES)
        before = self._prefixes
        named = ("k.",) if source.startswith("k") and " AS a" not in source else ("a.", "nobody.")
        self._prefixes = ("",) * 6 + named
        items = [self._item() for _ in range(self._pick((1, 1, 2, 3)))]
        text = f"SELECT {'DISTINCT ' if self._rarely(0.1) else ''}{', '.join(items)} FROM {source}"
        text += f" WHERE {self.expression('BOOL', 2)}" if self._rarely(0.3) else ""
        text += self._grouping(items)
        tail = self._tail()
        self._prefixes = before
        if depth and self._rarely(0.12):
            return f"{text} UNION {self._pick(('ALL', 'DISTINCT'))} SELECT {self.expression(None, 1)} FROM m"
        return f"WITH w AS ({text}{tail}) SELECT * FROM w" if depth and self._rarely(0.1) else text + tail

    def _item(self) -> str:
        dice = self._chance.random()
        if dice < 0.1:
            return self._pick(("*", "k.*", "st.*", "* EXCEPT (i)", "* REPLACE (1 AS s)", "i.*", "m.*", "a.*"))
        value = self._aggregate(over=dice < 0.18) if dice < 0.3 else self.expression(None, 2)
        return value + self._pick((" AS i", " AS q", " AS r", ""))

    def _grouping(self, items: Sequence[str]) -> str:
        text = " GROUP BY ALL" if self._rarely(0.03) else ""
        if not text and self._rarely(0.3):
            same = self._pick(items).split(" AS ")[0]
            keys = (self.expression(None, 1), "1", "q", "i", "2", "st.x", same)
            text = f" GROUP BY {', '.join(self._pick(keys) for _ in range(self._pick((1, 2))))}"
        if self._rarely(0.12):
            text += " HAVING " + self._pick((self.expression("BOOL", 2), "COUNT(*) > 1", "q > 1", "MAX(i) = i"))
        return text

    def _tail(self) -> str:
        text = ""
        if self._rarely(0.08):
            text += " QUALIFY " + self._pick(("ROW_NUMBER() OVER (ORDER BY i) = 1", self.expression("BOOL", 1)))
        if self._rarely(0.25):
            text += " ORDER BY " + self._pick(("1", "q", "i", "9", self.expression(None, 1), "COUNT(*)", "'a'"))
        return text + (" LIMIT " + self._pick(("1", "1 OFFSET 2", "1.5")) if self._rarely(0.1) else "")

    def _rarely(self, share: float) -> bool:
        return self._chance.random() < share

    def _pick(self, among: Sequence[_One]) -> _One:
        return self._chance.choice(among)


def _gives(signature: Signature, kind: str) -> bool:
    result = signature.result
    if result.template:
        return result.array == kind.endswith("[]")
    return result.kind is not None and result.kind.kind + ("[]" if result.kind.array else "") == kind
