"""Functions and operators: which signature fits, and what may stand in a call of its kind (S/functions-reference)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import NoReturn

from localcloud.googlesql.analysis.arguments import Arguments
from localcloud.googlesql.analysis.coercion import cost
from localcloud.googlesql.analysis.matching import Given, Match, Part, arguments_of, counts, match
from localcloud.googlesql.analysis.names import Clause, Scope
from localcloud.googlesql.analysis.signatures import PARTS, Function, Signature, functions
from localcloud.googlesql.analysis.unserved import is_known_elsewhere
from localcloud.googlesql.analysis.values import INT64, Form, Value, expression, shown
from localcloud.googlesql.syntax import Call, Expression, Interval, Literal, Name

_OPERATORS = """
    $EQUAL $NOT_EQUAL $LESS $LESS_OR_EQUAL $GREATER $GREATER_OR_EQUAL $ADD $SUBTRACT $MULTIPLY $DIVIDE $CONCAT_OP
    $BITWISE_OR $BITWISE_XOR $BITWISE_AND $BITWISE_LEFT_SHIFT $BITWISE_RIGHT_SHIFT $LIKE $NOT $UNARY_MINUS $BITWISE_NOT
"""
_NO_NULLS = frozenset(_OPERATORS.split())
_WITH_INTERVAL = frozenset(f"{kind}_{verb}" for kind in ("DATE", "DATETIME", "TIMESTAMP") for verb in ("ADD", "SUB"))
_WITH_ORDER = frozenset(("ARRAY_AGG", "ARRAY_CONCAT_AGG", "STRING_AGG"))
_WITHOUT_DISTINCT = frozenset(("CORR", "COVAR_POP", "COVAR_SAMP", "PERCENTILE_CONT", "PERCENTILE_DISC", "GROUPING"))
_NULLS = "ARRAY_AGG FIRST_VALUE LAST_VALUE NTH_VALUE PERCENTILE_CONT PERCENTILE_DISC APPROX_QUANTILES"
_WITH_NULLS = frozenset(_NULLS.split())
#: Aggregate functions that BigQuery has only with OVER.
_ONLY_OVER = frozenset(("PERCENTILE_CONT", "PERCENTILE_DISC"))
_NO_NAMES = Scope()
_ROUNDED = frozenset(("CEIL", "CEILING", "FLOOR", "ROUND", "TRUNC"))
#: The least and the greatest that a constant argument may be.
_BETWEEN: dict[tuple[str, int], tuple[int, int | None]] = {
    ("APPROX_QUANTILES", 1): (1, None),
    ("NTILE", 0): (1, None),
    ("NTH_VALUE", 1): (1, None),
    ("PERCENTILE_CONT", 1): (0, 1),
    ("PERCENTILE_DISC", 1): (0, 1),
}
_UNLIKE = frozenset(("RAND", "GENERATE_UUID"))
"""Two calls of these are never the same."""


class Calls(Arguments):
    """Finds the types of calls."""

    def call(self, node: Call, clause: Clause) -> Value:
        """What a function or an operator gives."""
        name = node.function.removeprefix("SAFE.")
        function = functions().get(name)
        if function is None:
            self._unknown(node, name)
        if name != node.function and function.mode != "scalar":
            self.wrong(f"Function {name} does not support SAFE error mode", node)
        inner = self._admitted(node, function, clause)
        given = self._given(node, function, inner)
        self._check_modifiers(node, function, given, inner)
        found = self._matched(node, function, given)
        self.check_arguments(node, function.name, given, found)
        if node.over is not None:
            self.window(node.over, function.name, node, clause)
            return expression(found.result)
        value = expression(found.result, self._identity(node, given))
        if function.name == "ERROR":
            return replace(value, form=Form.ERROR)
        return replace(value, rounded=function.name in _ROUNDED and found.result.kind == "NUMERIC")

    def _unknown(self, node: Call, name: str) -> NoReturn:
        if is_known_elsewhere(name):
            self.unsupported(f"the function {name}", node)
        spelled = self.text.text[node.at :][: len(node.function)]
        self.wrong(f"Function not found: {spelled}", node)

    # Where it stands

    def _admitted(self, node: Call, function: Function, clause: Clause) -> Clause:
        """The clause of its arguments. Raises ApiError where a function of its kind must not stand."""
        if node.over is not None:
            return self._with_over(node, function, clause)
        if function.name == "GROUPING":
            self._check_grouping(node, clause)
        if function.mode == "analytic" or function.name in _ONLY_OVER:
            self.wrong(f"Analytic function {function.name} cannot be called without an OVER clause", node)
        if function.mode == "scalar":
            return clause
        called = "COUNT(*)" if function.name == "$COUNT_STAR" else function.name
        if clause.without_tables:
            self.wrong(f"Aggregate function {called} not allowed in SELECT without FROM clause", node)
        if clause.inside == "aggregate":
            self.wrong("Aggregations of aggregations are not allowed", node)
        if clause.rows is None:
            self.wrong(f"Aggregate function {called} not allowed in {clause.name}", node)
        return replace(clause, scope=clause.rows, rows=None, analytic=False, inside="aggregate", keys={})

    def _check_grouping(self, node: Call, clause: Clause) -> None:
        if clause.rows is None or len(node.arguments) != 1:
            return
        value = self.value(node.arguments[0], replace(clause, scope=clause.rows, rows=None, keys={}))
        if clause.scope.grouped is not None and value.identity not in clause.scope.grouped:
            self.wrong("GROUPING must have an argument that exists within the group-by expression list", node)

    def _with_over(self, node: Call, function: Function, clause: Clause) -> Clause:
        if function.mode == "scalar" or function.name == "GROUPING":
            self.wrong(f"Function {function.name} does not support an OVER clause", node)
        if clause.without_tables:
            self.wrong("Analytic function not allowed in SELECT without FROM clause", node)
        if clause.inside == "aggregate":
            self.wrong("Analytic functions cannot be arguments to aggregate functions", node)
        if clause.inside == "analytic":
            self.wrong("Analytic functions cannot be arguments to analytic functions", node)
        if not clause.analytic:
            self.wrong(f"Analytic function not allowed in {clause.name}", node)
        return replace(clause, analytic=False, inside="analytic")

    # Its arguments

    def _given(self, node: Call, function: Function, clause: Clause) -> list[Given]:
        if any(node.names):
            name = next(filter(None, node.names))
            self.wrong(f"Named argument {name} not found in signature for call to function {function.name}", node)
        arguments = list(node.arguments)
        if function.name in _WITH_INTERVAL and (len(arguments) != 2 or not isinstance(arguments[1], Interval)):
            self.wrong(f"No matching signature for function {function.name}: the second argument is an INTERVAL", node)
        if function.name == "GENERATE_DATE_ARRAY" and len(arguments) > 2 and not isinstance(arguments[2], Interval):
            self.wrong("The third argument of GENERATE_DATE_ARRAY is an INTERVAL", node)
        given: list[Given] = []
        for place, argument in enumerate(arguments):
            part = self._part(argument, function, len(given))
            spread = function.name in _WITH_INTERVAL or function.name == "GENERATE_DATE_ARRAY"
            if part is not None:
                given.append(part)
            elif spread and place and isinstance(argument, Interval):
                given += [self.value(argument.value, clause), Part(argument.unit)]
            else:
                given.append(self.value(argument, clause))
        return given

    def _part(self, argument: Expression, function: Function, place: int) -> Part | None:
        """The part of dates that is named at this place, if one is due there."""
        due = [
            signature.arguments[place].part
            for signature in function.signatures
            if place < len(signature.arguments) and signature.arguments[place].part
        ]
        if not due:
            return None
        if isinstance(argument, Name):
            name = argument.name.text.upper()
        elif isinstance(argument, Call) and len(argument.arguments) == 1 and isinstance(argument.arguments[0], Name):
            name = f"{argument.function}({argument.arguments[0].name.text.upper()})"
        else:
            self.wrong("A valid date part argument is required", argument)
        if name not in PARTS["@any"] and name not in PARTS["@moved"]:
            self.wrong(f"A valid date part argument is required, but found {name}", argument)
        return Part(name)

    def _matched(self, node: Call, function: Function, given: list[Given]) -> Match:
        kind = "" if function.mode == "scalar" else f"{'analytic' if node.over else function.mode} "
        name = node.shown or f"{kind}function {function.name}"
        nulls = any(isinstance(value, Value) and value.is_null for value in given)
        if nulls and function.name in _NO_NULLS:
            self.wrong(f"Operands of {name.removeprefix('operator ')} cannot be literal NULL", node)
        found = match(function, given)
        if found is None:
            self._unmatched(node, name, function, given)
        self._check_constants(node, function, found.signature, given)
        return found

    def _unmatched(self, node: Call, name: str, function: Function, given: list[Given]) -> NoReturn:
        """Say why no signature fits."""
        for value in given:
            known = isinstance(value, Part) and any(
                argument.part and value.name in PARTS[argument.part]
                for signature in function.signatures
                for argument in signature.arguments
            )
            if isinstance(value, Part) and not known:
                self.wrong(f"{function.name} does not support the {value.name} date part", node)
        types = ", ".join(value.name if isinstance(value, Part) else shown(value) for value in given)
        if not given:
            self.wrong(f"No matching signature for {name} with no arguments. {_supported(function)}", node)
        if not counts(function, len(given)):
            self.wrong(f"Number of arguments does not match for {name}. {_supported(function)}", node)
        supported = "" if node.shown else f". {_supported(function)}"
        self.wrong(f"No matching signature for {name} for argument types: {types}{supported}", node)

    def _check_constants(self, node: Call, function: Function, signature: Signature, given: list[Given]) -> None:
        for place, (argument, value) in enumerate(zip(arguments_of(signature, len(given)), given, strict=True)):
            if argument.constant and isinstance(value, Value):
                argued = node.arguments[place]
                which = f"Argument {place + 1} to" if len(signature.arguments) > 1 else "The argument to"
                if not value.is_constant:
                    self.wrong(f"{which} {function.name} must be a literal or query parameter", argued)
                if value.is_null:
                    self.wrong(f"{which} {function.name} must not be NULL", argued)
                least, most = _BETWEEN.get((function.name, place), (None, None))
                if value.form is Form.LITERAL and least is not None and float(value.text) < least:
                    self.wrong(f"{which} {function.name} must be at least {least}", argued)
                if value.form is Form.LITERAL and most is not None and float(value.text) > most:
                    self.wrong(f"{which} {function.name} must be between {least} and {most}", argued)

    # What stands beside them

    def _check_modifiers(self, node: Call, function: Function, given: list[Given], clause: Clause) -> None:
        name = function.name
        if function.mode == "scalar":
            self._check_scalar(node, name)
            return
        if node.distinct:
            self._check_distinct(node, name, given)
        if node.nulls and name not in _WITH_NULLS:
            self.wrong(f"IGNORE NULLS and RESPECT NULLS are not allowed for function {name}", node)
        if node.having is not None:
            if function.mode != "aggregate" or node.over is not None:
                self.wrong(f"HAVING MAX and HAVING MIN are not allowed for function {name} here", node)
            kind = self.value(node.having, clause).kind
            self.check_order(kind, "HAVING modifier does not support expressions of type", node.having)
        if node.order and (name not in _WITH_ORDER or node.over is not None):
            self.wrong(f"Function {name} does not support ORDER BY in arguments", node)
        for one in node.order:
            value = self.ordering(one.by, clause)
            inside = [v.identity for v in given if isinstance(v, Value)]
            if node.distinct and (value.identity is None or value.identity not in inside):
                self.wrong(
                    "An aggregate function that has both DISTINCT and ORDER BY arguments can only ORDER BY"
                    " expressions that are arguments to the function",
                    one,
                )
        if node.limit is not None:
            if name not in _WITH_ORDER or node.over is not None:
                self.wrong(f"Function {name} does not support LIMIT in arguments", node)
            self.count(node.limit, "LIMIT")

    def _check_scalar(self, node: Call, name: str) -> None:
        if node.distinct:
            self.wrong(f"Non-aggregate function {name} cannot be called with DISTINCT", node)
        if node.nulls:
            self.wrong(f"IGNORE NULLS and RESPECT NULLS are not supported on scalar function {name}", node)
        if node.order:
            self.wrong("ORDER BY in arguments is not supported on scalar functions", node)
        if node.limit is not None:
            self.wrong("LIMIT in arguments is not supported on scalar functions", node)
        if node.having is not None:
            self.wrong("HAVING in arguments is not supported on scalar functions", node)

    def _check_distinct(self, node: Call, name: str, given: list[Given]) -> None:
        if not given:
            self.wrong("DISTINCT function call with no arguments is not allowed", node)
        if name in _WITHOUT_DISTINCT:
            self.wrong(f"DISTINCT is not allowed for function {name}", node)
        if node.over is not None and (node.over.order or node.over.base):
            self.wrong("Window ORDER BY is not allowed if DISTINCT is specified", node)
        kind = given[0].kind if isinstance(given[0], Value) else INT64
        if kind.kind == "JSON":
            self.wrong(f"Aggregate functions with DISTINCT cannot be used with arguments of type {kind.sql()}", node)

    def ordering(self, by: Expression, clause: Clause) -> Value:
        """An item of ORDER BY: nothing that has no order, and no literal, which would order nothing."""
        value = self.value(by, clause)
        if is_plain_literal(by, value):
            self.wrong("Cannot ORDER BY literal values here", by)
        self.check_order(value.kind, "ORDER BY does not support expressions of type", by)
        return value

    def count(self, node: Expression, what: str) -> None:
        """LIMIT and OFFSET take a constant INT64."""
        value = self.value(node, Clause(f"{what} clause", _NO_NAMES, without_tables=True))
        if cost(value, INT64) is None:
            self.wrong(f"LIMIT ... OFFSET ... expects INT64, got {shown(value)}", node)
        if isinstance(node, Literal) and node.text.startswith("-"):
            self.wrong("LIMIT ... OFFSET ... expects a non-negative integer literal or parameter", node)

    def _identity(self, node: Call, given: list[Given]) -> Hashable:
        parts = tuple(one.name if isinstance(one, Part) else one.identity for one in given)
        if node.function in _UNLIKE or None in parts or node.order or node.having is not None:
            return None
        return ("call", node.function, node.distinct, node.nulls, parts)


def _supported(function: Function) -> str:
    shown_ones = (
        f"{function.name}({', '.join(argument.shown() for argument in signature.arguments)})"
        for signature in function.signatures
    )
    listed = "; ".join(shown_ones)
    return f"Supported signature{'s' if len(function.signatures) > 1 else ''}: {listed}"


def is_plain_literal(node: Expression, value: Value) -> bool:
    """Whether it is a number, a string, TRUE, NULL or an array of such: what orders and groups nothing."""
    typed = isinstance(node, Literal) and node.kind not in ("INT64", "FLOAT64", "STRING", "BYTES", "BOOL", "NULL")
    return value.form in (Form.LITERAL, Form.NULL, Form.EMPTY) and not typed
