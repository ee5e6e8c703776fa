"""The type of an expression, and what is wrong with it (S/operators, S/conversion_rules)."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

from localcloud.googlesql.analysis import coercion
from localcloud.googlesql.analysis.names import Clause, Ctes, Relation, Scope
from localcloud.googlesql.analysis.paths import Paths
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
    Query,
    QueryValue,
    StructLiteral,
    TypeName,
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
_TYPES = {
    **{name: name for name in ("INT64", "FLOAT64", "NUMERIC", "STRING", "BYTES", "BOOL", "JSON", "INTERVAL")},
    **{name: name for name in ("DATE", "DATETIME", "TIME", "TIMESTAMP")},
    **dict.fromkeys(("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT"), "INT64"),
    "DECIMAL": "NUMERIC",
    "BOOLEAN": "BOOL",
}
_OTHER_TYPES = ("GEOGRAPHY", "BIGNUMERIC", "BIGDECIMAL", "RANGE")


class Expressions(Paths):
    """Finds the types of expressions. Raises ApiError 400 with BigQuery's wording and the place, and Unsupported."""

    def query(self, node: Query, around: Scope | None, ctes: Ctes) -> Relation:
        """What a query inside `around` gives."""
        raise NotImplementedError

    def call(self, node: Call, clause: Clause) -> Value:
        """What a function or an operator gives."""
        raise NotImplementedError

    def value(self, node: Expression, clause: Clause) -> Value:
        """What an expression is."""
        found: Value = _FINDERS[type(node)](self, node, clause)
        return found

    def condition(self, node: Expression, clause: Clause, name: str) -> Value:
        """An expression that must be BOOL; `name` of the clause it is of."""
        value = self.value(node, clause)
        if coercion.cost(value, BOOL) is None:
            self.wrong(f"{name} clause should return type BOOL, but returns {shown(value)}", node)
        return value

    # Constants

    def _literal(self, node: Literal, _clause: Clause) -> Value:
        kind, text = node.kind, node.text
        if kind == "NULL":
            return NULL
        if kind == "INT64":
            number = int(text, 16 if "x" in text.lower() else 10)
            if not -(2**63) <= number < 2**63:
                self.wrong(f"Invalid integer literal: {text}", node)
        elif kind == "JSON":
            try:
                json.loads(text)
            except ValueError:
                self.wrong("Invalid JSON literal: syntax error", node)
        elif kind not in ("FLOAT64", "STRING", "BYTES", "BOOL"):
            if kind in _OTHER_TYPES:
                self.unsupported(f"the type {kind}", node)
            if not coercion.literal_fits(text, kind):
                self.wrong(f"Invalid {kind} literal", node)
        return Value(Type(kind), Form.LITERAL, text, identity=("literal", kind, text))

    def _parameter(self, node: Parameter, _clause: Clause) -> Value:
        kind = self._parameters.get(node.name)
        if kind is None:
            positional = node.name.isdigit()
            self.wrong(
                "Positional parameter not found" if positional else f"Query parameter '{node.name}' not found", node
            )
        return Value(kind, Form.PARAMETER, identity=("parameter", node.name))

    def _default(self, node: Default, _clause: Clause) -> Value:
        return NULL

    # Arrays and structs

    def _element(self, node: Element, clause: Clause) -> Value:
        of, place = self.value(node.of, clause), self.value(node.place, clause)
        identity = of.identity and place.identity and ("element", node.how, of.identity, place.identity)
        if of.kind == JSON and not node.how and place.kind in (INT64, STRING):
            return expression(JSON, identity)
        if not of.kind.array:
            how = f"{node.how}({shown(place)})" if node.how else shown(place)
            self.wrong(f"Subscript access using [{how}] is not supported on values of type {shown(of)}", node)
        if coercion.cost(place, INT64) is None:
            self.wrong(f"Array position in [] must be coercible to INT64 type, but has type {shown(place)}", node.place)
        return expression(of.kind.element, identity)

    def _array(self, node: ArrayLiteral, clause: Clause) -> Value:
        items = tuple(self.value(item, clause) for item in node.items)
        if node.kind is not None:
            kind = self.type_of(node.kind)
            for item, value in zip(node.items, items, strict=True):
                if coercion.cost(value, kind.element) is None:
                    self.wrong(f"Array element type {shown(value)} does not coerce to {kind.element.sql()}", item)
            return expression(kind, _together(kind, *items))
        if not items:
            return Value(array_of(INT64), Form.EMPTY)
        element = coercion.common(items)
        if element is None:
            self.wrong(
                f"Array elements of types {{{', '.join(dict.fromkeys(map(shown, items)))}}} do not have a common"
                " supertype",
                node,
            )
        if element.array:
            self.wrong(
                f"Cannot construct array with element type {element.sql()} because nested arrays are not supported",
                node,
            )
        constant = all(item.is_constant for item in items)
        return Value(
            array_of(element), Form.LITERAL if constant else Form.EXPRESSION, members=items if constant else ()
        )

    def _struct(self, node: StructLiteral, clause: Clause) -> Value:
        items = tuple(self.value(item, clause) for item in node.items)
        if node.kind is None:
            fields = tuple((name, item.kind) for name, item in zip(node.names, items, strict=True))
            return Value(Type("STRUCT", fields), members=items, identity=_together(node.names, *items))
        kind = self.type_of(node.kind)
        if len(items) != len(kind.fields):
            self.wrong(f"STRUCT type has {len(kind.fields)} fields but constructor call has {len(items)} fields", node)
        for item, value, (name, wanted) in zip(node.items, items, kind.fields, strict=True):
            if coercion.cost(value, wanted) is None:
                self.wrong(f"Struct field {name} has type {shown(value)} which does not coerce to {wanted.sql()}", item)
        return expression(kind, _together(kind, *items))

    # Expressions with words of their own

    def _case(self, node: Case, clause: Clause) -> Value:
        compared = [] if node.value is None else [self.value(node.value, clause)]
        conditions = [self.value(condition, clause) for condition, _ in node.whens]
        results = [self.value(result, clause) for _, result in node.whens]
        if node.default is not None:
            results.append(self.value(node.default, clause))
        if compared:
            kind = coercion.common(compared + conditions)
            if kind is None:
                given = ", ".join(map(shown, compared + conditions))
                self.wrong(f"No matching signature for operator CASE for argument types: {given}", node)
            self.check_equality(kind, node)
        else:
            for (condition, _), value in zip(node.whens, conditions, strict=True):
                if coercion.cost(value, BOOL) is None:
                    self.wrong(f"CASE condition should return type BOOL, but returns {shown(value)}", condition)
        kind = coercion.common(results)
        if kind is None:
            given = ", ".join(map(shown, results))
            self.wrong(
                "No matching signature for operator CASE; all THEN/ELSE arguments must be coercible to a common type"
                f" but found: {given}",
                node,
            )
        return expression(kind, _together("case", *compared, *conditions, *results))

    def _cast(self, node: Cast, clause: Clause) -> Value:
        value, kind = self.value(node.value, clause), self.type_of(node.to)
        if not coercion.castable(value, kind):
            self.wrong(f"Invalid cast from {shown(value)} to {kind.sql()}", node.value)
        return expression(kind, value.identity and ("cast", kind, node.safe, value.identity))

    def _extract(self, node: Extract, clause: Clause) -> Value:
        value, (part, _, day) = self.value(node.value, clause), node.part.rstrip(")").partition("(")
        if node.zone is not None and coercion.cost(self.value(node.zone, clause), STRING) is None:
            self.wrong("AT TIME ZONE must be a STRING", node.zone)
        if part not in (*_CLOCK_PARTS, *_DATE_PARTS, "DATE", "TIME", "DATETIME") or (day and day not in _WEEKDAYS):
            self.wrong(f"A valid date part name is required but found {node.part}", node)
        known = _EXTRACTED.get(value.kind.kind, ()) if not value.kind.array and not value.is_null else ()
        if not known:
            self.wrong(f"EXTRACT does not support arguments of type {shown(value)}", node.value)
        if part not in known or (node.zone is not None and value.kind.kind != "TIMESTAMP") or (day and part != "WEEK"):
            self.wrong(f"EXTRACT from {shown(value)} does not support the {node.part} date part", node)
        kind = Type(part) if part in ("DATE", "TIME", "DATETIME") else INT64
        return expression(kind, value.identity and ("extract", node.part, value.identity))

    def _interval(self, node: Interval, clause: Clause) -> Value:
        value = self.value(node.value, clause)
        if node.unit not in _UNITS or (node.to and node.to not in _UNITS):
            self.wrong(f"A valid date part name is required but found {node.unit}", node)
        wanted = STRING if node.to else INT64
        text = not node.to and value.form is Form.LITERAL and value.kind == STRING
        if coercion.cost(value, wanted) is None and not text:
            self.wrong(f"Interval value must be coercible to {wanted.sql()} type", node.value)
        return expression(INTERVAL, _together((node.unit, node.to), value))

    # Queries

    def _query_value(self, node: QueryValue, clause: Clause) -> Value:
        given = self.query(node.query, clause.scope, clause.ctes)
        if node.how == "EXISTS":
            return expression(BOOL)
        name = "ARRAY" if node.how else "Scalar"
        kind = self.single(given)
        if kind is None:
            self.wrong(
                f"{name} subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT"
                " values",
                node,
            )
        if node.how and kind.array:
            self.wrong(
                f"Cannot use array subquery with column of type {kind.sql()} because nested arrays are not supported",
                node,
            )
        return expression(array_of(kind) if node.how else kind)

    def _in_query(self, node: InQuery, clause: Clause) -> Value:
        value, given = self.value(node.value, clause), self.query(node.query, clause.scope, clause.ctes)
        kind = self.single(given)
        if kind is None:
            self.wrong("Subquery of type IN must have only one output column", node)
        found = coercion.common([value, given.columns[0].value or Value(kind) if not given.value else Value(kind)])
        if found is None:
            self.wrong(f"Cannot execute IN subquery with uncomparable types {shown(value)} and {kind.sql()}", node)
        self.check_equality(found, node)
        return expression(BOOL)

    def single(self, given: Relation) -> Type | None:
        """The type of a query that gives one value a row."""
        if given.value is not None:
            return given.value
        return given.columns[0].kind if len(given.columns) == 1 else None

    # Types

    def type_of(self, node: TypeName) -> Type:
        """The type that is spelled. Raises ApiError for one that does not exist or is not served."""
        if node.name == "ARRAY":
            element = self.type_of(node.members[0][1])
            if element.array:
                self.wrong("Nested arrays are not supported", node)
            return array_of(element)
        if node.name == "STRUCT":
            fields = tuple((name, self.type_of(kind)) for name, kind in node.members)
            if any(not name for name, _ in fields):
                self.unsupported("STRUCT types with unnamed fields", node)
            return Type("STRUCT", fields)
        if node.lengths:
            self.unsupported(f"the parameterised type {node.name}", node)
        if node.name not in _TYPES:
            if node.name in _OTHER_TYPES:
                self.unsupported(f"the type {node.name}", node)
            self.wrong(f"Type not found: {node.name}", node)
        return Type(_TYPES[node.name])

    def check_equality(self, kind: Type, node: Node) -> None:
        """Raises ApiError for a type whose values cannot be compared (S/data-types#data_type_properties)."""
        if kind.array or kind.kind == "JSON":
            self.wrong(f"Equality is not defined for arguments of type {kind.sql()}", node)
        for _, inner in kind.fields:
            self.check_equality(inner, node)

    def check_order(self, kind: Type, what: str, node: Node) -> None:
        """Raises ApiError, `what` it says, for a type whose values have no order."""
        if kind.array or kind.kind in ("STRUCT", "JSON"):
            self.wrong(f"{what} {kind.sql()}", node)


def _together(what: Hashable, *parts: Value) -> Hashable:
    """The identity of what is made of these; None when one of them has none."""
    identities = tuple(part.identity for part in parts)
    return None if None in identities else (what, identities)


_FINDERS: dict[type[Expression], Any] = {
    Literal: Expressions._literal,
    Parameter: Expressions._parameter,
    Default: Expressions._default,
    Name: Paths.name,
    Member: Paths.member,
    Element: Expressions._element,
    Call: lambda self, node, clause: self.call(node, clause),
    Case: Expressions._case,
    Cast: Expressions._cast,
    Extract: Expressions._extract,
    Interval: Expressions._interval,
    ArrayLiteral: Expressions._array,
    StructLiteral: Expressions._struct,
    QueryValue: Expressions._query_value,
    InQuery: Expressions._in_query,
}
