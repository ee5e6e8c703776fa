"""The type of an expression, and what is wrong with it (S/operators, S/functions-reference, S/conversion_rules).

`resolve` is the way in: it finds the function for the kind of syntax node in `_RESOLVERS`. Calls take their signatures
from signatures.py and their further rules from arguments.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from localcloud.googlesql import type_names
from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.arguments import check_arguments
from localcloud.googlesql.analysis.comparison import check_equality, check_order
from localcloud.googlesql.analysis.context import Context
from localcloud.googlesql.analysis.matching import Given, Match, Part, arguments_of, counts, match
from localcloud.googlesql.analysis.paths import path_of, resolve_field, resolve_path
from localcloud.googlesql.analysis.scopes import Clause, Relation, Scope
from localcloud.googlesql.analysis.signatures import PARTS, Function, Signature, functions
from localcloud.googlesql.analysis.unsupported import is_unsupported
from localcloud.googlesql.analysis.values import (
    BOOL,
    INT64,
    INTERVAL,
    JSON,
    NULL,
    STRING,
    Form,
    Value,
    array_of,
    expression,
    shown,
)
from localcloud.googlesql.syntax import (
    ArrayLiteral,
    Bound,
    Call,
    Case,
    Cast,
    Default,
    Element,
    Expression,
    Extract,
    InQuery,
    Interval,
    Literal,
    Member,
    Name,
    Node,
    Parameter,
    QueryValue,
    StructLiteral,
    Window,
)
from localcloud.googlesql.types import Type

_CLOCK_PARTS = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR")
_DATE_PARTS = ("DAYOFWEEK", "DAY", "DAYOFYEAR", "WEEK", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR")
_WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_EXTRACTED = {
    "DATE": _DATE_PARTS,
    "DATETIME": (*_CLOCK_PARTS, *_DATE_PARTS, "DATE", "TIME"),
    "TIMESTAMP": (*_CLOCK_PARTS, *_DATE_PARTS, "DATE", "TIME", "DATETIME"),
    "TIME": _CLOCK_PARTS,
    "INTERVAL": (*_CLOCK_PARTS, "DAY", "MONTH", "YEAR"),
}
_UNITS = (*_CLOCK_PARTS, "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")

# Rules of calls
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

# Rules of windows
_NUMBERED = ("ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD")
_WITHOUT_FRAME = frozenset(_NUMBERED)
_NEED_ORDER = frozenset((*_NUMBERED[1:], "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"))
#: Functions that see the whole partition.
_WITHOUT_ORDER = frozenset(("PERCENTILE_CONT", "PERCENTILE_DISC"))
_BOUNDS = ("UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING")


def resolve(context: Context, node: Expression, clause: Clause) -> Value:
    """The type of an expression, and what is known of it."""
    return _RESOLVERS[type(node)](context, node, clause)


def resolve_condition(context: Context, node: Expression, clause: Clause, name: str) -> Value:
    """An expression that must be BOOL. `name`: of the clause, for the message."""
    value = resolve(context, node, clause)
    if coercion.cost(value, BOOL) is None:
        raise context.invalid(f"{name} clause should return type BOOL, but returns {shown(value)}", node)
    return value


def resolve_ordering(context: Context, by: Expression, clause: Clause) -> Value:
    """An item of ORDER BY: nothing that has no order, and no literal, which would order nothing."""
    value = resolve(context, by, clause)
    if is_plain_literal(by, value):
        raise context.invalid("Cannot ORDER BY literal values here", by)
    check_order(context, value.kind, "ORDER BY does not support expressions of type", by)
    return value


def check_row_count(context: Context, node: Expression, what: str) -> None:
    """LIMIT and OFFSET take a constant INT64."""
    value = resolve(context, node, Clause(f"{what} clause", _NO_NAMES, without_tables=True))
    if coercion.cost(value, INT64) is None:
        raise context.invalid(f"LIMIT ... OFFSET ... expects INT64, got {shown(value)}", node)
    if isinstance(node, Literal) and node.text.startswith("-"):
        raise context.invalid("LIMIT ... OFFSET ... expects a non-negative integer literal or parameter", node)


def is_plain_literal(node: Expression, value: Value) -> bool:
    """Whether it is a number, a string, TRUE, NULL or an array of such: what orders and groups nothing."""
    typed = isinstance(node, Literal) and node.kind not in ("INT64", "FLOAT64", "STRING", "BYTES", "BOOL", "NULL")
    return value.form in (Form.LITERAL, Form.NULL, Form.EMPTY) and not typed


# Names


def _name(context: Context, node: Name, clause: Clause) -> Value:
    return resolve_path(context, node, [node.name], clause)


def _member(context: Context, node: Member, clause: Clause) -> Value:
    path = path_of(node)
    if path is not None:
        return resolve_path(context, node, path, clause)
    return resolve_field(context, resolve(context, node.of, clause), node.name)


# Constants


def _literal(context: Context, node: Literal, _clause: Clause) -> Value:
    kind, text = node.kind, node.text
    if kind == "NULL":
        return NULL
    if kind == "INT64":
        number = int(text, 16 if "x" in text.lower() else 10)
        if not -(2**63) <= number < 2**63:
            raise context.invalid(f"Invalid integer literal: {text}", node)
    elif kind == "JSON":
        try:
            json.loads(text)
        except ValueError as error:
            raise context.invalid("Invalid JSON literal: syntax error", node) from error
    elif kind not in ("FLOAT64", "STRING", "BYTES", "BOOL"):
        if kind in type_names.UNSERVED:
            raise context.unsupported(f"the type {kind}", node)
        if not coercion.literal_fits(text, kind):
            raise context.invalid(f"Invalid {kind} literal", node)
    return Value(Type(kind), Form.LITERAL, text, identity=("literal", kind, text))


def _parameter(context: Context, node: Parameter, _clause: Clause) -> Value:
    kind = context.parameters.get(node.name)
    if kind is None:
        positional = node.name.isdigit()
        raise context.invalid(
            "Positional parameter not found" if positional else f"Query parameter '{node.name}' not found", node
        )
    return Value(kind, Form.PARAMETER, identity=("parameter", node.name))


def _default(context: Context, node: Default, _clause: Clause) -> Value:
    return NULL


# Arrays and structs


def _element(context: Context, node: Element, clause: Clause) -> Value:
    of, place = resolve(context, node.of, clause), resolve(context, node.index, clause)
    identity = of.identity and place.identity and ("element", node.how, of.identity, place.identity)
    if of.kind == JSON and not node.how and place.kind in (INT64, STRING):
        return expression(JSON, identity)
    if not of.kind.array:
        how = f"{node.how}({shown(place)})" if node.how else shown(place)
        raise context.invalid(f"Subscript access using [{how}] is not supported on values of type {shown(of)}", node)
    if coercion.cost(place, INT64) is None:
        raise context.invalid(
            f"Array position in [] must be coercible to INT64 type, but has type {shown(place)}", node.index
        )
    return expression(of.kind.element, identity)


def _array(context: Context, node: ArrayLiteral, clause: Clause) -> Value:
    items = tuple(resolve(context, item, clause) for item in node.items)
    if node.kind is not None:
        kind = type_names.type_of(node.kind, context.text)
        for item, value in zip(node.items, items, strict=True):
            if coercion.cost(value, kind.element) is None:
                raise context.invalid(
                    f"Array element type {shown(value)} does not coerce to {kind.element.sql()}", item
                )
        return expression(kind, _together(kind, *items))
    if not items:
        return Value(array_of(INT64), Form.EMPTY)
    element = coercion.common(items)
    if element is None:
        raise context.invalid(
            f"Array elements of types {{{', '.join(dict.fromkeys(map(shown, items)))}}} do not have a common supertype",
            node,
        )
    if element.array:
        raise context.invalid(
            f"Cannot construct array with element type {element.sql()} because nested arrays are not supported",
            node,
        )
    constant = all(item.is_constant for item in items)
    return Value(array_of(element), Form.LITERAL if constant else Form.EXPRESSION, members=items if constant else ())


def _struct(context: Context, node: StructLiteral, clause: Clause) -> Value:
    items = tuple(resolve(context, item, clause) for item in node.items)
    if node.kind is None:
        fields = tuple((name, item.kind) for name, item in zip(node.names, items, strict=True))
        return Value(Type("STRUCT", fields), members=items, identity=_together(node.names, *items))
    kind = type_names.type_of(node.kind, context.text)
    if len(items) != len(kind.fields):
        raise context.invalid(
            f"STRUCT type has {len(kind.fields)} fields but constructor call has {len(items)} fields", node
        )
    for item, value, (name, wanted) in zip(node.items, items, kind.fields, strict=True):
        if coercion.cost(value, wanted) is None:
            raise context.invalid(
                f"Struct field {name} has type {shown(value)} which does not coerce to {wanted.sql()}", item
            )
    return expression(kind, _together(kind, *items))


# CASE, CAST, EXTRACT, INTERVAL


def _case(context: Context, node: Case, clause: Clause) -> Value:
    compared = [] if node.value is None else [resolve(context, node.value, clause)]
    conditions = [resolve(context, condition, clause) for condition, _ in node.whens]
    results = [resolve(context, result, clause) for _, result in node.whens]
    if node.default is not None:
        results.append(resolve(context, node.default, clause))
    if compared:
        kind = coercion.common(compared + conditions)
        if kind is None:
            given = ", ".join(map(shown, compared + conditions))
            raise context.invalid(f"No matching signature for operator CASE for argument types: {given}", node)
        check_equality(context, kind, node)
    else:
        for (condition, _), value in zip(node.whens, conditions, strict=True):
            if coercion.cost(value, BOOL) is None:
                raise context.invalid(f"CASE condition should return type BOOL, but returns {shown(value)}", condition)
    kind = coercion.common(results)
    if kind is None:
        given = ", ".join(map(shown, results))
        raise context.invalid(
            "No matching signature for operator CASE; all THEN/ELSE arguments must be coercible to a common type"
            f" but found: {given}",
            node,
        )
    return expression(kind, _together("case", *compared, *conditions, *results))


def _cast(context: Context, node: Cast, clause: Clause) -> Value:
    value, kind = resolve(context, node.value, clause), type_names.type_of(node.to, context.text)
    if not coercion.castable(value, kind):
        raise context.invalid(f"Invalid cast from {shown(value)} to {kind.sql()}", node.value)
    return expression(kind, value.identity and ("cast", kind, node.safe, value.identity))


def _extract(context: Context, node: Extract, clause: Clause) -> Value:
    value, (part, _, day) = resolve(context, node.value, clause), node.part.rstrip(")").partition("(")
    if node.zone is not None and coercion.cost(resolve(context, node.zone, clause), STRING) is None:
        raise context.invalid("AT TIME ZONE must be a STRING", node.zone)
    if part not in (*_CLOCK_PARTS, *_DATE_PARTS, "DATE", "TIME", "DATETIME") or (day and day not in _WEEKDAYS):
        raise context.invalid(f"A valid date part name is required but found {node.part}", node)
    known = _EXTRACTED.get(value.kind.kind, ()) if not value.kind.array and not value.is_null else ()
    if not known:
        raise context.invalid(f"EXTRACT does not support arguments of type {shown(value)}", node.value)
    if part not in known or (node.zone is not None and value.kind.kind != "TIMESTAMP") or (day and part != "WEEK"):
        raise context.invalid(f"EXTRACT from {shown(value)} does not support the {node.part} date part", node)
    kind = Type(part) if part in ("DATE", "TIME", "DATETIME") else INT64
    return expression(kind, value.identity and ("extract", node.part, value.identity))


def _interval(context: Context, node: Interval, clause: Clause) -> Value:
    value = resolve(context, node.value, clause)
    if node.unit not in _UNITS or (node.to and node.to not in _UNITS):
        raise context.invalid(f"A valid date part name is required but found {node.unit}", node)
    wanted = STRING if node.to else INT64
    text = not node.to and value.form is Form.LITERAL and value.kind == STRING
    if coercion.cost(value, wanted) is None and not text:
        raise context.invalid(f"Interval value must be coercible to {wanted.sql()} type", node.value)
    return expression(INTERVAL, _together((node.unit, node.to), value))


# Queries


def _query_value(context: Context, node: QueryValue, clause: Clause) -> Value:
    given = context.subquery(node.query, clause.scope, clause.ctes)
    if node.how == "EXISTS":
        return expression(BOOL)
    name = "ARRAY" if node.how else "Scalar"
    kind = _single_column_type(given)
    if kind is None:
        raise context.invalid(
            f"{name} subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
            node,
        )
    if node.how and kind.array:
        raise context.invalid(
            f"Cannot use array subquery with column of type {kind.sql()} because nested arrays are not supported",
            node,
        )
    return expression(array_of(kind) if node.how else kind)


def _in_query(context: Context, node: InQuery, clause: Clause) -> Value:
    value, given = resolve(context, node.value, clause), context.subquery(node.query, clause.scope, clause.ctes)
    kind = _single_column_type(given)
    if kind is None:
        raise context.invalid("Subquery of type IN must have only one output column", node)
    found = coercion.common([value, given.columns[0].value or Value(kind) if not given.value else Value(kind)])
    if found is None:
        raise context.invalid(
            f"Cannot execute IN subquery with uncomparable types {shown(value)} and {kind.sql()}", node
        )
    check_equality(context, found, node)
    return expression(BOOL)


def _single_column_type(given: Relation) -> Type | None:
    """The type of a query that gives one value a row."""
    if given.value is not None:
        return given.value
    return given.columns[0].kind if len(given.columns) == 1 else None


def _together(what: Hashable, *parts: Value) -> Hashable:
    """The identity of an expression with these parts; None when one of them has none."""
    identities = tuple(part.identity for part in parts)
    return None if None in identities else (what, identities)


# Calls


def _call(context: Context, node: Call, clause: Clause) -> Value:
    """The call of a function or an operator."""
    name = node.function.removeprefix("SAFE.")
    function = functions().get(name)
    if function is None:
        _raise_unknown_function(context, node, name)
    if name != node.function and function.mode != "scalar":
        raise context.invalid(f"Function {name} does not support SAFE error mode", node)
    inner = _argument_clause(context, node, function, clause)
    given = _resolve_arguments(context, node, function, inner)
    _check_modifiers(context, node, function, given, inner)
    found = _matching_signature(context, node, function, given)
    check_arguments(context, node, function.name, given, found)
    if node.over is not None:
        _check_window(context, node.over, function.name, node, clause)
        return expression(found.result)
    value = expression(found.result, _call_identity(node, given))
    if function.name == "ERROR":
        return replace(value, form=Form.ERROR)
    return replace(value, rounded=function.name in _ROUNDED and found.result.kind == "NUMERIC")


def _raise_unknown_function(context: Context, node: Call, name: str) -> NoReturn:
    if is_unsupported(name):
        raise context.unsupported(f"the function {name}", node)
    spelled = context.text.text[node.at :][: len(node.function)]
    raise context.invalid(f"Function not found: {spelled}", node)


# Calls: where they are allowed


def _argument_clause(context: Context, node: Call, function: Function, clause: Clause) -> Clause:
    """The clause of its arguments. Raises ApiError where a function of its kind is not allowed."""
    if node.over is not None:
        return _analytic_argument_clause(context, node, function, clause)
    if function.name == "GROUPING":
        _check_grouping(context, node, clause)
    if function.mode == "analytic" or function.name in _ONLY_OVER:
        raise context.invalid(f"Analytic function {function.name} cannot be called without an OVER clause", node)
    if function.mode == "scalar":
        return clause
    called = "COUNT(*)" if function.name == "$COUNT_STAR" else function.name
    if clause.without_tables:
        raise context.invalid(f"Aggregate function {called} not allowed in SELECT without FROM clause", node)
    if clause.inside == "aggregate":
        raise context.invalid("Aggregations of aggregations are not allowed", node)
    if clause.rows is None:
        raise context.invalid(f"Aggregate function {called} not allowed in {clause.name}", node)
    return replace(clause, scope=clause.rows, rows=None, analytic=False, inside="aggregate", keys={})


def _check_grouping(context: Context, node: Call, clause: Clause) -> None:
    if clause.rows is None or len(node.arguments) != 1:
        return
    value = resolve(context, node.arguments[0], replace(clause, scope=clause.rows, rows=None, keys={}))
    if clause.scope.grouped is not None and value.identity not in clause.scope.grouped:
        raise context.invalid("GROUPING must have an argument that exists within the group-by expression list", node)


def _analytic_argument_clause(context: Context, node: Call, function: Function, clause: Clause) -> Clause:
    if function.mode == "scalar" or function.name == "GROUPING":
        raise context.invalid(f"Function {function.name} does not support an OVER clause", node)
    if clause.without_tables:
        raise context.invalid("Analytic function not allowed in SELECT without FROM clause", node)
    if clause.inside == "aggregate":
        raise context.invalid("Analytic functions cannot be arguments to aggregate functions", node)
    if clause.inside == "analytic":
        raise context.invalid("Analytic functions cannot be arguments to analytic functions", node)
    if not clause.analytic:
        raise context.invalid(f"Analytic function not allowed in {clause.name}", node)
    return replace(clause, analytic=False, inside="analytic")


# Calls: their arguments


def _resolve_arguments(context: Context, node: Call, function: Function, clause: Clause) -> list[Given]:
    if any(node.names):
        name = next(filter(None, node.names))
        raise context.invalid(
            f"Named argument {name} not found in signature for call to function {function.name}", node
        )
    arguments = list(node.arguments)
    if function.name in _WITH_INTERVAL and (len(arguments) != 2 or not isinstance(arguments[1], Interval)):
        raise context.invalid(
            f"No matching signature for function {function.name}: the second argument is an INTERVAL", node
        )
    if function.name == "GENERATE_DATE_ARRAY" and len(arguments) > 2 and not isinstance(arguments[2], Interval):
        raise context.invalid("The third argument of GENERATE_DATE_ARRAY is an INTERVAL", node)
    given: list[Given] = []
    for place, argument in enumerate(arguments):
        part = _date_part(context, argument, function, len(given))
        spread = function.name in _WITH_INTERVAL or function.name == "GENERATE_DATE_ARRAY"
        if part is not None:
            given.append(part)
        elif spread and place and isinstance(argument, Interval):
            given += [resolve(context, argument.value, clause), Part(argument.unit)]
        else:
            given.append(resolve(context, argument, clause))
    return given


def _date_part(context: Context, argument: Expression, function: Function, place: int) -> Part | None:
    """The date part that the argument names, if the function takes one at this place."""
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
        raise context.invalid("A valid date part argument is required", argument)
    if name not in PARTS["@any"] and name not in PARTS["@moved"]:
        raise context.invalid(f"A valid date part argument is required, but found {name}", argument)
    return Part(name)


def _matching_signature(context: Context, node: Call, function: Function, given: list[Given]) -> Match:
    kind = "" if function.mode == "scalar" else f"{'analytic' if node.over else function.mode} "
    name = node.shown or f"{kind}function {function.name}"
    nulls = any(isinstance(value, Value) and value.is_null for value in given)
    if nulls and function.name in _NO_NULLS:
        raise context.invalid(f"Operands of {name.removeprefix('operator ')} cannot be literal NULL", node)
    found = match(function, given)
    if found is None:
        _raise_no_signature(context, node, name, function, given)
    _check_constants(context, node, function, found.signature, given)
    return found


def _raise_no_signature(context: Context, node: Call, name: str, function: Function, given: list[Given]) -> NoReturn:
    """Raises ApiError with the reason."""
    for value in given:
        known = isinstance(value, Part) and any(
            argument.part and value.name in PARTS[argument.part]
            for signature in function.signatures
            for argument in signature.arguments
        )
        if isinstance(value, Part) and not known:
            raise context.invalid(f"{function.name} does not support the {value.name} date part", node)
    types = ", ".join(value.name if isinstance(value, Part) else shown(value) for value in given)
    if not given:
        raise context.invalid(
            f"No matching signature for {name} with no arguments. {_supported_signatures(function)}", node
        )
    if not counts(function, len(given)):
        raise context.invalid(f"Number of arguments does not match for {name}. {_supported_signatures(function)}", node)
    supported = "" if node.shown else f". {_supported_signatures(function)}"
    raise context.invalid(f"No matching signature for {name} for argument types: {types}{supported}", node)


def _check_constants(
    context: Context, node: Call, function: Function, signature: Signature, given: list[Given]
) -> None:
    for place, (argument, value) in enumerate(zip(arguments_of(signature, len(given)), given, strict=True)):
        if argument.constant and isinstance(value, Value):
            argued = node.arguments[place]
            which = f"Argument {place + 1} to" if len(signature.arguments) > 1 else "The argument to"
            if not value.is_constant:
                raise context.invalid(f"{which} {function.name} must be a literal or query parameter", argued)
            if value.is_null:
                raise context.invalid(f"{which} {function.name} must not be NULL", argued)
            least, most = _BETWEEN.get((function.name, place), (None, None))
            if value.form is Form.LITERAL and least is not None and float(value.text) < least:
                raise context.invalid(f"{which} {function.name} must be at least {least}", argued)
            if value.form is Form.LITERAL and most is not None and float(value.text) > most:
                raise context.invalid(f"{which} {function.name} must be between {least} and {most}", argued)


# Calls: DISTINCT, ORDER BY and the other modifiers


def _check_modifiers(context: Context, node: Call, function: Function, given: list[Given], clause: Clause) -> None:
    name = function.name
    if function.mode == "scalar":
        _check_scalar(context, node, name)
        return
    if node.distinct:
        _check_distinct(context, node, name, given)
    if node.nulls and name not in _WITH_NULLS:
        raise context.invalid(f"IGNORE NULLS and RESPECT NULLS are not allowed for function {name}", node)
    if node.having is not None:
        if function.mode != "aggregate" or node.over is not None:
            raise context.invalid(f"HAVING MAX and HAVING MIN are not allowed for function {name} here", node)
        kind = resolve(context, node.having, clause).kind
        check_order(context, kind, "HAVING modifier does not support expressions of type", node.having)
    if node.order and (name not in _WITH_ORDER or node.over is not None):
        raise context.invalid(f"Function {name} does not support ORDER BY in arguments", node)
    for one in node.order:
        value = resolve_ordering(context, one.by, clause)
        inside = [v.identity for v in given if isinstance(v, Value)]
        if node.distinct and (value.identity is None or value.identity not in inside):
            raise context.invalid(
                "An aggregate function that has both DISTINCT and ORDER BY arguments can only ORDER BY"
                " expressions that are arguments to the function",
                one,
            )
    if node.limit is not None:
        if name not in _WITH_ORDER or node.over is not None:
            raise context.invalid(f"Function {name} does not support LIMIT in arguments", node)
        check_row_count(context, node.limit, "LIMIT")


def _check_scalar(context: Context, node: Call, name: str) -> None:
    if node.distinct:
        raise context.invalid(f"Non-aggregate function {name} cannot be called with DISTINCT", node)
    if node.nulls:
        raise context.invalid(f"IGNORE NULLS and RESPECT NULLS are not supported on scalar function {name}", node)
    if node.order:
        raise context.invalid("ORDER BY in arguments is not supported on scalar functions", node)
    if node.limit is not None:
        raise context.invalid("LIMIT in arguments is not supported on scalar functions", node)
    if node.having is not None:
        raise context.invalid("HAVING in arguments is not supported on scalar functions", node)


def _check_distinct(context: Context, node: Call, name: str, given: list[Given]) -> None:
    if not given:
        raise context.invalid("DISTINCT function call with no arguments is not allowed", node)
    if name in _WITHOUT_DISTINCT:
        raise context.invalid(f"DISTINCT is not allowed for function {name}", node)
    if node.over is not None and (node.over.order or node.over.base):
        raise context.invalid("Window ORDER BY is not allowed if DISTINCT is specified", node)
    kind = given[0].kind if isinstance(given[0], Value) else INT64
    if kind.kind == "JSON":
        raise context.invalid(
            f"Aggregate functions with DISTINCT cannot be used with arguments of type {kind.sql()}", node
        )


def _call_identity(node: Call, given: list[Given]) -> Hashable:
    parts = tuple(one.name if isinstance(one, Part) else one.identity for one in given)
    if node.function in _UNLIKE or None in parts or node.order or node.having is not None:
        return None
    return ("call", node.function, node.distinct, node.nulls, parts)


def _supported_signatures(function: Function) -> str:
    shown_ones = (
        f"{function.name}({', '.join(argument.shown() for argument in signature.arguments)})"
        for signature in function.signatures
    )
    listed = "; ".join(shown_ones)
    return f"Supported signature{'s' if len(function.signatures) > 1 else ''}: {listed}"


# Windows


def _check_window(context: Context, window: Window, function: str, node: Call, clause: Clause) -> None:
    """Raises ApiError for what is wrong with the window of a function."""
    whole = _inherited_window(context, window, clause)
    inside = replace(clause, analytic=False, inside="analytic")
    for part in whole.partition:
        _check_partition(context, resolve(context, part, inside), part)
    orders = [resolve(context, one.by, inside) for one in whole.order]
    for one, value in zip(whole.order, orders, strict=True):
        check_order(context, value.kind, "Window ORDER BY does not support expressions of type", one)
    if function in _NEED_ORDER and not orders:
        raise context.invalid(f"Window ORDER BY is required for analytic function {function.lower()}", node)
    if function in _WITHOUT_ORDER and orders:
        raise context.invalid(f"Window ORDER BY is not allowed for analytic function {function.lower()}", node)
    if not whole.frame:
        return
    if function in _WITHOUT_FRAME or function in _WITHOUT_ORDER:
        raise context.invalid(f"Window framing clause is not allowed for analytic function {function.lower()}", node)
    _check_frame(context, whole, orders, inside)


def _check_frame(context: Context, window: Window, orders: Sequence[Value], clause: Clause) -> None:
    first, last = window.frame[0], window.frame[-1]
    begin = _BOUNDS.index(first.how)
    end = _BOUNDS.index(last.how) if len(window.frame) == 2 else _BOUNDS.index("CURRENT ROW")
    if first.how == "UNBOUNDED FOLLOWING" or begin > end:
        raise context.invalid(f"Starting window framing expression cannot be {_shown_bound(first)}", first)
    if len(window.frame) == 2 and last.how == "UNBOUNDED PRECEDING":
        raise context.invalid(f"Ending window framing expression cannot be {_shown_bound(last)}", last)
    if window.unit == "RANGE" and not orders and (begin, end) != (0, len(_BOUNDS) - 1):
        raise context.invalid("A RANGE-based window without ORDER BY must include all rows", window)
    offsets = [bound for bound in window.frame if bound.offset is not None]
    if window.unit == "RANGE" and offsets and len(orders) != 1:
        raise context.invalid(
            "A RANGE-based window with OFFSET PRECEDING or OFFSET FOLLOWING boundaries must have exactly one ORDER"
            " BY key",
            window,
        )
    for bound in offsets:
        _check_offset(context, bound, window, orders, clause)


def _check_offset(context: Context, bound: Bound, window: Window, orders: Sequence[Value], clause: Clause) -> None:
    assert bound.offset is not None
    value = resolve(context, bound.offset, replace(clause, scope=Scope()))
    if not value.is_constant or value.is_null:
        raise context.invalid("Window framing expression must be a literal or parameter", bound)
    if isinstance(bound.offset, Literal) and bound.offset.text.startswith("-"):
        raise context.invalid("Window framing expression cannot be negative", bound)
    if window.unit == "ROWS" and value.kind != INT64:
        raise context.invalid(
            f"Window framing expression for ROWS can only be of integer type, but has type {shown(value)}", bound
        )
    if window.unit == "RANGE":
        kind = orders[0].kind
        if kind.array or kind.kind not in ("INT64", "NUMERIC", "FLOAT64"):
            raise context.invalid(
                "ORDER BY key must be numeric in a RANGE-based window with OFFSET PRECEDING or OFFSET FOLLOWING"
                f" boundaries, but has type {kind.sql()}",
                bound,
            )
        if coercion.cost(value, kind) is None:
            raise context.invalid(
                f"Window framing expression has type {shown(value)} which is not that of the key", bound
            )


def _check_partition(context: Context, value: Value, node: Node) -> None:
    if not value.kind.array and value.kind.kind in ("FLOAT64", "JSON") and not value.is_null:
        raise context.invalid(f"Partitioning by expressions of type {value.kind.sql()} is not allowed", node)


def _inherited_window(context: Context, window: Window, clause: Clause) -> Window:
    """The window with what the one that it names adds."""
    if window.base is None:
        return window
    named = clause.windows.get(window.base.key)
    if named is None:
        raise context.invalid(f"Unrecognized window alias {window.base.text}", window.base)
    before = {name: one for name, one in clause.windows.items() if name != window.base.key}
    base = _inherited_window(context, named, replace(clause, windows=before))
    if window.partition:
        raise context.invalid("PARTITION BY is not allowed in a window that names another one", window)
    if window.order and base.order:
        raise context.invalid("ORDER BY cannot be specified twice in a window", window)
    if base.frame and (window.order or window.frame):
        raise context.invalid("A window with a framing clause cannot be extended", window)
    return Window(
        window.at,
        None,
        base.partition,
        base.order or window.order,
        window.frame or base.frame,
        window.unit or base.unit,
    )


def _shown_bound(bound: Bound) -> str:
    return bound.how if bound.offset is None else f"OFFSET {bound.how}"


_RESOLVERS: dict[type[Expression], Callable[[Context, Any, Clause], Value]] = {
    Literal: _literal,
    Parameter: _parameter,
    Default: _default,
    Name: _name,
    Member: _member,
    Element: _element,
    Call: _call,
    Case: _case,
    Cast: _cast,
    Extract: _extract,
    Interval: _interval,
    ArrayLiteral: _array,
    StructLiteral: _struct,
    QueryValue: _query_value,
    InQuery: _in_query,
}
