"""The grammar's syntax tree as a sqlglot tree of the BigQuery dialect, which the rewrites make DuckDB's.

One function for one kind of node. sqlglot parses no text: functions are built by the builders of its dialect
(`BigQueryParser.FUNCTIONS`), from arguments that are converted already. Nodes that messages may point at carry
`meta["start"]`, their offset in the statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.parsers.bigquery import BigQueryParser

from localcloud.googlesql import syntax, syntax_statements
from localcloud.googlesql.names import split_path
from localcloud.googlesql.syntax import Expression, Identifier, Node, Path, Query, Source

_DIALECT = Dialect.get_or_raise("bigquery")
_TYPES = {
    "INT64": "BIGINT", "INT": "BIGINT", "SMALLINT": "BIGINT", "INTEGER": "BIGINT", "BIGINT": "BIGINT",
    "TINYINT": "BIGINT", "BYTEINT": "BIGINT", "FLOAT64": "DOUBLE", "BOOL": "BOOLEAN", "BOOLEAN": "BOOLEAN",
    "STRING": "TEXT", "BYTES": "BINARY", "TIMESTAMP": "TIMESTAMPTZ", "DATETIME": "TIMESTAMP", "DATE": "DATE",
    "TIME": "TIME", "NUMERIC": "DECIMAL", "DECIMAL": "DECIMAL", "INTERVAL": "INTERVAL", "JSON": "JSON",
}  # fmt: skip
_OPERATORS: dict[str, Any] = {
    "$OR": exp.Or, "$AND": exp.And, "$NOT": exp.Not, "$EQUAL": exp.EQ, "$NOT_EQUAL": exp.NEQ, "$LESS": exp.LT,
    "$LESS_OR_EQUAL": exp.LTE, "$GREATER": exp.GT, "$GREATER_OR_EQUAL": exp.GTE, "$LIKE": exp.Like,
    "$IS_DISTINCT_FROM": exp.NullSafeNEQ, "$IS_NOT_DISTINCT_FROM": exp.NullSafeEQ, "$BITWISE_OR": exp.BitwiseOr,
    "$BITWISE_XOR": exp.BitwiseXor, "$BITWISE_AND": exp.BitwiseAnd, "$BITWISE_LEFT_SHIFT": exp.BitwiseLeftShift,
    "$BITWISE_RIGHT_SHIFT": exp.BitwiseRightShift, "$ADD": exp.Add, "$SUBTRACT": exp.Sub, "$MULTIPLY": exp.Mul,
    "$DIVIDE": exp.Div, "$CONCAT_OP": exp.DPipe, "$UNARY_MINUS": exp.Neg, "$BITWISE_NOT": exp.BitwiseNot,
}  # fmt: skip
_TESTS: dict[str, Callable[[], Any]] = {"$IS_NULL": exp.Null, "$IS_TRUE": exp.true, "$IS_FALSE": exp.false}
#: Operators that may follow each other without brackets: DuckDB, too, reads them from the left.
_CHAINED = (exp.Or, exp.And, exp.Add, exp.Sub, exp.Mul, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseAnd, exp.DPipe)
#: What needs brackets inside another operator.
_LOOSE = (exp.Binary, exp.Unary, exp.Between, exp.In)
_CLOSED = (exp.Paren, exp.Dot)
#: Functions that the dialect's parser reads by methods of its own, and not by `FUNCTIONS`.
_BUILDERS: dict[str, Callable[..., Any]] = {
    "CEIL": lambda arguments: exp.Ceil(this=arguments[0]),
    "CHR": lambda arguments: exp.Chr(expressions=arguments),
    "FLOOR": lambda arguments: exp.Floor(this=arguments[0]),
    "STRING_AGG": exp.GroupConcat.from_arg_list,
    "$COUNT_STAR": lambda _: exp.Count(this=exp.Star(), big_int=True),
}
_WITHOUT_BRACKETS = {
    "current_date": exp.CurrentDate,
    "current_datetime": exp.CurrentDatetime,
    "current_time": exp.CurrentTime,
    "current_timestamp": exp.CurrentTimestamp,
}
_SUBSCRIPTS = {"OFFSET": (0, False), "ORDINAL": (1, False), "SAFE_OFFSET": (0, True), "SAFE_ORDINAL": (1, True)}
_SEARCH_ARGUMENTS = ("query_column_to_search", "top_k", "distance_type", "options")


def query(node: Query) -> Any:
    """A query."""
    return _Converter().query(node)


def expression(node: Expression) -> Any:
    """An expression that names no column."""
    return _Converter().expression(node)


def rows(listed: Sequence[Sequence[Expression]]) -> Any:
    """VALUES of INSERT."""
    converter = _Converter()
    return exp.Values(expressions=[converter.row(row) for row in listed])


def update(node: syntax_statements.Update) -> Any:
    """UPDATE."""
    return _Converter().update(node)


def delete(node: syntax_statements.Delete) -> Any:
    """DELETE."""
    target = table(node.table, node.alias)
    return exp.Delete(this=target, where=exp.Where(this=_Converter().expression(node.where)))


def merge(node: syntax_statements.Merge) -> Any:
    """MERGE. An INSERT without columns has none here either."""
    return _Converter().merge(node)


def table(path: Path, alias: Identifier | None = None) -> Any:
    """The table of this path, `INFORMATION_SCHEMA.VIEW` as one part."""
    parts = [(part, text) for part in path for text in split_path(part.text)]
    last, names = path[-1], [text for _, text in parts]
    view = len(names) > 1 and names[-2].upper() == "INFORMATION_SCHEMA"
    if view:
        parts[-2:] = [(parts[-2][0], f"{names[-2]}.{names[-1]}")]
    made = [_quoted(text, part.at) for part, text in parts]
    fields = dict(zip(("this", "db", "catalog"), reversed(made), strict=False))
    if len(made) > 3:
        fields["this"] = exp.Dot.build([made[2], *made[3:]])
        fields["db"], fields["catalog"] = made[1], made[0]
    found = exp.Table(**fields)
    if alias is not None or view:
        found.set("alias", _table_alias(alias or last))
    return found


class _Converter:
    """Converts one tree. It knows the names of the tables around, since a path may begin with one: an array then."""

    def __init__(self) -> None:
        self._names: list[set[str]] = []

    # Queries

    def query(self, node: Query) -> Any:
        ctes = [exp.CTE(this=self.query(one), alias=_table_alias(name)) for name, one in node.ctes]
        whole = self._body(node.body)
        if ctes:
            whole.set("with_", exp.With(expressions=ctes, recursive=node.recursive or None))
        if node.order:
            whole.set("order", self._order(node.order))
        for part, kind, given in zip(("limit", "offset"), (exp.Limit, exp.Offset), node.limit, strict=False):
            whole.set(part, kind(expression=self.expression(given)))
        return whole

    def _body(self, node: syntax.QueryBody) -> Any:
        if isinstance(node, syntax.Select):
            return self._select(node)
        if isinstance(node, Query):
            return exp.Subquery(this=self.query(node))
        assert isinstance(node, syntax.SetOperation)
        operation, _, kind = node.operation.partition(" ")
        made = {"UNION": exp.Union, "EXCEPT": exp.Except, "INTERSECT": exp.Intersect}[operation]
        left = self._body(node.parts[0])
        for part in node.parts[1:]:
            left = made(this=left, expression=self._body(part), distinct=kind == "DISTINCT")
        return left

    def _select(self, node: syntax.Select) -> Any:
        self._names.append(set())
        made = exp.Select(kind=node.kind or None, distinct=exp.Distinct() if node.distinct else None)
        if node.tables is not None:
            first, joins = self._sources(node.tables)
            made.set("from_", exp.From(this=first))
            made.set("joins", joins or None)
        made.set("expressions", [self._item(item) for item in node.items])
        for part, kind, given in (
            ("where", exp.Where, node.where),
            ("having", exp.Having, node.having),
            ("qualify", exp.Qualify, node.qualify),
        ):
            if given is not None:
                made.set(part, kind(this=self.expression(given)))
        if node.group is not None:
            made.set("group", self._group(node.group))
        if node.windows:
            made.set("windows", [self._window(_identifier(name), window) for name, window in node.windows])
        self._names.pop()
        return made

    def _item(self, item: syntax.Item | syntax.Star) -> Any:
        if isinstance(item, syntax.Item):
            value = self.expression(item.value)
            return value if item.alias is None else exp.Alias(this=value, alias=_identifier(item.alias))
        star = exp.Star(
            except_=[exp.Column(this=_identifier(name)) for name in item.left_out] or None,
            replace=[exp.Alias(this=self.expression(value), alias=_identifier(name)) for value, name in item.replaced]
            or None,
        )
        if item.of is None:
            return star
        of = self.expression(item.of)
        if isinstance(of, exp.Column) and len(of.parts) == 1:
            return exp.Column(this=star, table=of.this)
        return exp.Dot(this=_closed(of), expression=star)

    def _group(self, node: syntax.Grouping) -> Any:
        if node.everything:
            return exp.Group(all=True)
        return exp.Group(expressions=[self._grouping(one) for one in node.elements])

    def _grouping(self, node: Expression | syntax.GroupingSet) -> Any:
        if not isinstance(node, syntax.GroupingSet):
            return self.expression(node)
        kind = {"ROLLUP": exp.Rollup, "CUBE": exp.Cube, "SETS": exp.GroupingSets}.get(node.kind, exp.Tuple)
        return kind(expressions=[self._grouping(one) for one in node.elements])

    def _order(self, items: Sequence[syntax.Ordering], of: Any = None) -> Any:
        return exp.Order(this=of, expressions=[self._ordered(item) for item in items])

    def _ordered(self, item: syntax.Ordering) -> Any:
        first = item.nulls == "FIRST" if item.nulls else not item.descending
        return exp.Ordered(this=self.expression(item.by), desc=item.descending or None, nulls_first=first)

    # FROM

    def _sources(self, node: Source) -> tuple[Any, list[Any]]:
        """The first source, and the others joined to it."""
        if not isinstance(node, syntax.Join):
            return self._source(node), []
        first, joins = self._sources(node.left)
        right = self._source(node.right)
        joined = exp.Join(this=right)
        if node.kind in ("LEFT", "RIGHT", "FULL"):
            joined.set("side", node.kind)
        elif node.on is None and not node.using:
            joined.set("kind", "CROSS")
        if node.on is not None:
            joined.set("on", self.expression(node.on))
        if node.using:
            joined.set("using", [_identifier(name) for name in node.using])
        return first, [*joins, joined]

    def joined(self, node: Source) -> Any:
        """Sources as one: the others inside the first, as UPDATE … FROM has them."""
        first, joins = self._sources(node)
        if joins:
            first.set("joins", joins)
        return first

    def _source(self, node: Source) -> Any:
        if isinstance(node, syntax.Join):
            return exp.Subquery(this=self.joined(node))
        if isinstance(node, syntax.Table):
            return self._table(node)
        if isinstance(node, syntax.Unnest):
            arrays = [self.expression(array) for array in node.arrays]
            return self._elements(arrays, node.alias, node.offset, node.at)
        if isinstance(node, syntax.Derived):
            made = exp.Subquery(this=self.query(node.query))
        else:
            assert isinstance(node, syntax.TableFunction)
            made = self._table_function(node)
        if node.alias is not None:
            made.set("alias", _table_alias(node.alias))
            self._add_name(node.alias.key)
        return made

    def _table(self, node: syntax.Table) -> Any:
        first, *rest = node.path
        if rest and any(first.key in names for names in self._names):
            array: Expression = syntax.Name(first.at, first)
            for name in rest:
                array = syntax.Member(first.at, array, name)
            return self._elements([self.expression(array)], node.alias or rest[-1], node.offset, node.at)
        name = node.alias or node.path[-1]
        self._add_name(name.key if node.alias else name.key.rpartition(".")[2])
        return table(node.path, node.alias)

    def _add_name(self, name: str) -> None:
        if self._names:
            self._names[-1].add(name)

    def _elements(self, arrays: list[Any], alias: Identifier | None, offset: Identifier | None, at: int) -> Any:
        made = exp.Unnest(expressions=arrays, offset=_identifier(offset) if offset else None)
        if alias is not None:
            made.set("alias", exp.TableAlias(columns=[_identifier(alias)]))
            self._add_name(alias.key)
        return _at(made, at)

    def _table_function(self, node: syntax.TableFunction) -> Any:
        *space, name = node.function
        given = [self._argument(argument) for argument in node.arguments]
        called = name.text.upper()
        function: Any
        if called == "GENERATE_EMBEDDING":
            function = exp.GenerateEmbedding(**dict(zip(("this", "expression", "params_struct"), given, strict=False)))
        elif called == "VECTOR_SEARCH":
            function = exp.VectorSearch(**dict(zip(("this", "column_to_search", "query_table"), given, strict=False)))
            for place, argument in enumerate(node.arguments[3:]):
                function.set(argument.name or _SEARCH_ARGUMENTS[place], given[place + 3])
        else:
            function = exp.Anonymous(this=name.text, expressions=given)
        made = exp.Table(this=_at(function, name.at))
        if space:
            made.set("db", _identifier(space[-1]))
        return made

    def _argument(self, node: syntax.TableArgument) -> Any:
        if node.value is None:
            return table(node.path)
        value = self.expression(node.value)
        return exp.Kwarg(this=exp.var(node.name), expression=value) if node.name else value

    # Statements that change rows

    def row(self, values: Sequence[Expression]) -> Any:
        """(value, …) of INSERT."""
        return exp.Tuple(expressions=[self._value(value) for value in values])

    def _value(self, node: Expression) -> Any:
        return exp.var("DEFAULT") if isinstance(node, syntax.Default) else self.expression(node)

    def update(self, node: syntax_statements.Update) -> Any:
        self._names.append({(node.alias or node.table[-1]).key.rpartition(".")[2]})
        made = exp.Update(this=table(node.table, node.alias))
        if node.tables is not None:
            made.set("from_", exp.From(this=self.joined(node.tables)))
        made.set("expressions", self._assignments(node.assignments))
        made.set("where", exp.Where(this=self.expression(node.where)))
        return made

    def _assignments(self, assignments: Sequence[syntax_statements.Assignment]) -> list[Any]:
        return [
            exp.EQ(this=_column([_identifier(part) for part in one.path]), expression=_closed(self._value(one.value)))
            for one in assignments
        ]

    def merge(self, node: syntax_statements.Merge) -> Any:
        return exp.Merge(
            this=table(node.table, node.alias),
            using=self._source(node.source),
            on=self.expression(node.on),
            whens=exp.Whens(expressions=[self._when(when) for when in node.whens]),
        )

    def _when(self, node: syntax_statements.When) -> Any:
        then: Any = exp.var("DELETE")
        if node.action == "UPDATE":
            then = exp.Update(expressions=self._assignments(node.assignments))
        elif node.action == "INSERT":
            columns = [exp.Column(this=_identifier(name)) for name in node.columns or ()]
            then = exp.Insert(
                this=exp.Tuple(expressions=columns) if columns else exp.var("ROW") if node.row else None,
                expression=None if node.row else self.row(node.values),
            )
        condition = self.expression(node.condition) if node.condition is not None else None
        return exp.When(matched=node.by == "MATCHED", source=node.by == "SOURCE", condition=condition, then=then)

    # Expressions

    def expression(self, node: Expression) -> Any:
        """An expression."""
        return _CONVERTERS[type(node)](self, node)

    def _literal(self, node: syntax.Literal) -> Any:
        text = node.text
        if node.kind in ("INT64", "FLOAT64"):
            digits = text.removeprefix("-")
            digits = str(int(digits, 16)) if digits[:2].lower() == "0x" else digits
            number = _at(exp.Literal.number(digits), node.at)
            return number if digits == text or not text.startswith("-") else exp.Neg(this=number)
        if node.kind == "NULL":
            return exp.Null()
        if node.kind == "BOOL":
            return exp.Boolean(this=text == "TRUE")
        if node.kind == "BYTES":
            return exp.ByteString(this=text, is_bytes=True)
        string = exp.Literal.string(text)
        if node.kind == "STRING":
            return _at(string, node.at)
        if node.kind == "JSON":
            return exp.ParseJSON(this=string, is_literal=True)
        return exp.Cast(this=string, to=_scalar_type(node.kind))

    def _parameter(self, node: syntax.Parameter) -> Any:
        return _at(exp.Parameter(this=exp.var(node.name)), node.at)

    def _name(self, node: syntax.Name) -> Any:
        if node.name.key in _WITHOUT_BRACKETS and not node.name.quoted:
            return _WITHOUT_BRACKETS[node.name.key]()
        return _column([_identifier(node.name)])

    def _member(self, node: syntax.Member) -> Any:
        of, name = self.expression(node.of), _identifier(node.name)
        if isinstance(of, exp.Column) and len(of.parts) < 4:
            return _column([*of.parts, name])
        return exp.Dot(this=_closed(of), expression=name)

    def _element(self, node: syntax.Element) -> Any:
        found = exp.Bracket(this=_operand(self.expression(node.of)), expressions=[self.expression(node.index)])
        if node.how:
            offset, safe = _SUBSCRIPTS[node.how]
            found.set("offset", offset)
            found.set("safe", safe)
        return found

    def _case(self, node: syntax.Case) -> Any:
        return exp.Case(
            this=self.expression(node.value) if node.value is not None else None,
            ifs=[exp.If(this=self.expression(when), true=self.expression(then)) for when, then in node.whens],
            default=self.expression(node.default) if node.default is not None else None,
        )

    def _cast(self, node: syntax.Cast) -> Any:
        value, to = self.expression(node.value), _type(node.to)
        return exp.TryCast(this=value, to=to, safe=True) if node.safe else exp.Cast(this=value, to=to)

    def _extract(self, node: syntax.Extract) -> Any:
        value = self.expression(node.value)
        if node.zone is not None:
            value = exp.AtTimeZone(this=_closed(value), zone=self.expression(node.zone))
        part, _, day = node.part.partition("(")
        name = exp.WeekStart(this=exp.var(day.removesuffix(")"))) if day else exp.var(part)
        return _at(exp.Extract(this=name, expression=value), node.at)

    def _interval(self, node: syntax.Interval) -> Any:
        unit: Any = exp.var(node.unit)
        if node.to:
            unit = exp.IntervalSpan(this=unit, expression=exp.var(node.to))
        if isinstance(node.value, syntax.Literal) and node.value.kind == "INT64":
            return exp.Interval(this=exp.Literal.string(node.value.text), unit=unit)
        return exp.Interval(this=_closed(self.expression(node.value)), unit=unit)

    def _array(self, node: syntax.ArrayLiteral) -> Any:
        made = exp.Array(expressions=[self.expression(item) for item in node.items])
        return made if node.kind is None else exp.Cast(this=made, to=_type(node.kind))

    def _struct(self, node: syntax.StructLiteral) -> Any:
        items = [self.expression(item) for item in node.items]
        if node.kind is not None:
            return exp.Cast(this=exp.Struct(expressions=items), to=_type(node.kind))
        if len(items) > 1 and not any(node.names):
            return exp.Tuple(expressions=items)
        named = zip(node.names, items, strict=True)
        fields = [exp.PropertyEQ(this=_quoted(n, node.at), expression=item) if n else item for n, item in named]
        return exp.Struct(expressions=fields)

    def _query_value(self, node: syntax.QueryValue) -> Any:
        inner = self.query(node.query)
        if node.how == "ARRAY":
            return exp.Array(expressions=[inner])
        return exp.Exists(this=inner) if node.how == "EXISTS" else exp.Subquery(this=inner)

    def _in_query(self, node: syntax.InQuery) -> Any:
        return exp.In(this=_operand(self.expression(node.value)), query=exp.Subquery(this=self.query(node.query)))

    # Calls

    def _call(self, node: syntax.Call) -> Any:
        if node.function.startswith("$") and node.function != "$COUNT_STAR":
            return self._operator(node)
        name = node.function.removeprefix("SAFE.")
        found = _function(name, self._arguments(node), node.at)
        if node.function != name:
            found = exp.SafeFunc(this=found)
        if node.nulls:
            found = (exp.IgnoreNulls if node.nulls == "IGNORE" else exp.RespectNulls)(this=found)
        return found if node.over is None else self._window(found, node.over, over="OVER")

    def _arguments(self, node: syntax.Call) -> list[Any]:
        given = [self.expression(argument) for argument in node.arguments]
        for place, name in enumerate(node.names):
            if name:
                given[place] = exp.Kwarg(this=exp.var(name), expression=given[place])
        aggregated = 0 if node.function == "STRING_AGG" else -1
        if node.distinct:
            if aggregated == 0:
                given[0] = exp.Distinct(expressions=[given[0]])
            else:
                given = [exp.Distinct(expressions=given)]
        if node.having is not None:
            more = self.expression(node.having)
            given[aggregated] = exp.HavingMax(this=given[aggregated], expression=more, max=node.having_by == "MAX")
        if node.order:
            given[aggregated] = self._order(node.order, given[aggregated])
        if node.limit is not None:
            given[aggregated] = exp.Limit(this=given[aggregated], expression=self.expression(node.limit))
        return given

    def _operator(self, node: syntax.Call) -> Any:
        kind = _OPERATORS.get(node.function)
        first, *rest = (self.expression(argument) for argument in node.arguments)
        if kind is not None and not rest:
            return kind(this=_operand(first))
        if kind is not None:
            left = first if type(first) is kind and kind in _CHAINED else _operand(first)
            more = {exp.Div: {"typed": False, "safe": False}, exp.DPipe: {"safe": True}}.get(kind, {})
            return kind(this=left, expression=_operand(rest[0]), **more)
        if node.function in _TESTS:
            return exp.Is(this=_operand(first), expression=_TESTS[node.function]())
        if node.function == "$BETWEEN":
            return exp.Between(this=_operand(first), low=_operand(rest[0]), high=_operand(rest[1]))
        if node.function == "$IN":
            return exp.In(this=_operand(first), expressions=rest)
        assert node.function == "$IN_ARRAY", node.function
        return exp.In(this=_operand(first), unnest=exp.Unnest(expressions=rest))

    def _window(self, of: Any, node: syntax.Window, **more: Any) -> Any:
        made = exp.Window(this=of, **more)
        if node.base is not None:
            made.set("alias", _identifier(node.base))
        if node.partition:
            made.set("partition_by", [self.expression(one) for one in node.partition])
        if node.order:
            made.set("order", self._order(node.order))
        if node.frame:
            bounds = zip(("start", "end"), node.frame, strict=False)
            made.set("spec", exp.WindowSpec(kind=node.unit, **self._bounds(dict(bounds))))
        return made

    def _bounds(self, frame: dict[str, syntax.Bound]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for end, bound in frame.items():
            first, _, second = bound.how.partition(" ")
            if bound.how == "CURRENT ROW":
                made[end] = bound.how
            else:
                made[end] = self.expression(bound.offset) if bound.offset is not None else first
                made[f"{end}_side"] = second or first
        return made


_CONVERTERS: dict[type[Node], Callable[[_Converter, Any], Any]] = {
    syntax.ArrayLiteral: _Converter._array,
    syntax.Call: _Converter._call,
    syntax.Case: _Converter._case,
    syntax.Cast: _Converter._cast,
    syntax.Element: _Converter._element,
    syntax.Extract: _Converter._extract,
    syntax.InQuery: _Converter._in_query,
    syntax.Interval: _Converter._interval,
    syntax.Literal: _Converter._literal,
    syntax.Member: _Converter._member,
    syntax.Name: _Converter._name,
    syntax.Parameter: _Converter._parameter,
    syntax.QueryValue: _Converter._query_value,
    syntax.StructLiteral: _Converter._struct,
}


def _function(name: str, arguments: list[Any], at: int) -> Any:
    builder: Callable[..., Any] | None = _BUILDERS.get(name) or BigQueryParser.FUNCTIONS.get(name)
    if builder is None:
        return _at(exp.Anonymous(this=name, expressions=arguments), at)
    if name in ("DIV", "MOD"):
        arguments = [_operand(argument) for argument in arguments]
    try:
        made = builder(arguments)
    except TypeError:  # as sqlglot's parser does: compiled builders do not tell whether they take the dialect
        made = builder(arguments, dialect=_DIALECT)
    made.meta["bigquery_name"] = name.removeprefix("$").removesuffix("_STAR")
    return _at(made, at)


def _type(node: syntax.TypeName) -> Any:
    if node.name == "ARRAY":
        return exp.DataType(this=exp.DType.ARRAY, expressions=[_type(node.members[0][1])], nested=True)
    if node.name == "STRUCT":
        fields = [
            exp.ColumnDef(this=_quoted(name, node.at), kind=_type(kind)) if name else _type(kind)
            for name, kind in node.members
        ]
        return exp.DataType(this=exp.DType.STRUCT, expressions=fields, nested=True)
    return _scalar_type(node.name)


def _scalar_type(name: str) -> Any:
    return exp.DataType(this=exp.DType[_TYPES[name]], nested=False)


def _column(parts: Sequence[Any]) -> Any:
    """At most four parts of a name."""
    return exp.Column(**dict(zip(("this", "table", "db", "catalog"), reversed(parts), strict=False)))


def _operand(node: Any) -> Any:
    """In brackets where it is an operator itself: DuckDB's operators bind in another order."""
    return exp.Paren(this=node) if isinstance(node, _LOOSE) and not isinstance(node, _CLOSED) else node


def _closed(node: Any) -> Any:
    """In brackets, unless it is a name or a literal."""
    return node if isinstance(node, (exp.Column, exp.Literal, exp.Dot, exp.Paren, exp.Var)) else exp.Paren(this=node)


def _identifier(name: Identifier) -> Any:
    return _at(exp.Identifier(this=name.text, quoted=False), name.at)


def _quoted(name: str, at: int) -> Any:
    return _at(exp.Identifier(this=name, quoted=True), at)


def _table_alias(name: Identifier) -> Any:
    return exp.TableAlias(this=_identifier(name))


def _at(node: Any, offset: int) -> Any:
    node.meta["start"] = offset
    return node
