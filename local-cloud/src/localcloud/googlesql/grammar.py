"""The grammar of GoogleSQL: the syntax tree of a text that is one statement and is served.

S/query-syntax, S/dml-syntax, S/data-definition-language, S/operators, S/functions-reference. It is a recursive descent:
one method for one rule; each stops after the last lexeme of its rule. What GoogleSQL has and the local cloud
lacks is Unsupported by name; a syntax error is only what GoogleSQL does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from localcloud.core.errors import Unsupported, invalid_query
from localcloud.googlesql.lexer import RESERVED, Lexeme, Reader
from localcloud.googlesql.literals import string_of
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import (
    ArrayLiteral,
    Bound,
    Call,
    Case,
    Cast,
    Default,
    Derived,
    Element,
    Expression,
    Extract,
    Grouping,
    GroupingSet,
    Identifier,
    InQuery,
    Interval,
    Item,
    Join,
    Literal,
    Member,
    Name,
    Ordering,
    Parameter,
    Path,
    Query,
    QueryBody,
    QueryValue,
    Select,
    SetOperation,
    Source,
    Star,
    StructLiteral,
    Table,
    TableArgument,
    TableFunction,
    TypeName,
    Unnest,
    Window,
)
from localcloud.googlesql.syntax_statements import (
    AlterTable,
    Assignment,
    CallProcedure,
    ColumnDefinition,
    Create,
    CreateExternalTable,
    CreateModel,
    CreateTable,
    CreateVectorIndex,
    Delete,
    Drop,
    DropVectorIndex,
    Insert,
    Merge,
    Option,
    RebuildVectorIndex,
    Statement,
    Truncate,
    Update,
    When,
)

# Words that begin what GoogleSQL has and the local cloud lacks

_SCRIPT = """
    BEGIN BREAK CASE COMMIT CONTINUE DECLARE EXECUTE FOR IF ITERATE LEAVE LOOP RAISE REPEAT RETURN ROLLBACK SET START
    WHILE
"""
_PROCEDURAL = frozenset(_SCRIPT.split())
_OTHER_STATEMENTS = """
    ABORT ANALYZE ASSERT CLONE DEFINE DESC DESCRIBE EXPLAIN EXPORT GRANT GRAPH IMPORT LOAD MODULE RENAME REVOKE RUN
    SHOW UNDROP
"""
_UNSERVED_STATEMENTS = frozenset(_OTHER_STATEMENTS.split())
_OBJECTS = """
    ACCESS AGGREGATE ALL APPROX ASSIGNMENT BI_CAPACITY CAPACITY COLUMN CONNECTION CONSTANT CONSTRAINT DATA DATABASE
    DATA_POLICY ENTITY EXTERNAL FUNCTION GRAPH INDEX LOCALITY MATERIALIZED MODEL MODULE ORGANIZATION POLICIES POLICY
    PRIVATE PRIVILEGE PROCEDURE PROJECT PROPERTY PUBLIC RECURSIVE REPLICA RESERVATION RESTRICTION ROW SCHEMA SEARCH
    SEQUENCE SNAPSHOT TABLE TEMP TEMPORARY UNIQUE VECTOR VIEW
"""
_OBJECT_WORDS = frozenset(_OBJECTS.split())
_METADATA_TABLES = ("__TABLES__", "__TABLES_SUMMARY__", "__PARTITIONS_SUMMARY__")

# Words inside statements

_SET_OPERATIONS = ("UNION", "INTERSECT", "EXCEPT")
_SIDES = ("LEFT", "RIGHT", "FULL")
_TABLE_OPERATORS = ("PIVOT", "UNPIVOT", "TABLESAMPLE", "MATCH_RECOGNIZE")
#: Words that are names elsewhere and end a table here.
_AFTER_TABLE = (*_TABLE_OPERATORS, "QUALIFY", "WINDOW")
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
    "?": "_parameter", "@@": "_parameter", "NEW": "_unserved_expression", "WITH": "_unserved_expression",
}  # fmt: skip
_INDEX_FUNCTIONS = ("OFFSET", "ORDINAL", "SAFE_OFFSET", "SAFE_ORDINAL")
"""How the index of an array's element is counted; written as a function."""
_NESTED_TYPES = ("ARRAY", "STRUCT")


def read(text: str) -> Statement:
    """The tree of a statement.

    Raises ApiError 400 invalidQuery (`Syntax error: … at [line:column]`), and Unsupported.
    """
    source = Text(text)
    try:
        return Grammar(source).statement()
    except RecursionError as error:
        raise invalid_query(f"Query is too deeply nested at {source.at(0)}") from error


class Grammar(Reader):
    """Reads one statement."""

    #: The first operand of the next expression, where it was read already.
    _first_operand: Expression | None = None
    _positional = 0

    # Statements

    def statement(self) -> Statement:
        """One statement, and nothing but semicolons after it."""
        self._check_statement_is_served()
        readers: dict[str, Callable[[], Statement]] = {
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
            "MERGE": self._merge,
            "TRUNCATE": self._truncate,
            "CREATE": self._create,
            "DROP": self._drop,
            "ALTER": self._alter,
            "CALL": self._call_procedure,
        }
        found = readers.get(self.next.word, self.query)()
        ended = self.next
        while self.take(";"):
            pass
        if self.next.kind != "end" and ended.word == ";":
            raise Unsupported(f"a script of several statements at {self._source.at(ended.end)}")
        if self.next.kind != "end":
            self.syntax_error(f"Expected end of input but got {self.next.shown()}")
        return found

    def _check_statement_is_served(self) -> None:
        """Scripts, and statements that are known by their first word."""
        first, second = self.next, self.ahead(1)
        if first.kind == "end" or first.word == ";":
            self.syntax_error("Unexpected end of statement")
        labelled = first.kind in ("word", "quoted") and first.word not in RESERVED and second.word == ":"
        if first.word in _PROCEDURAL or labelled:
            self.unsupported(f"{first.text.upper()} and other procedural statements")
        if first.word in _UNSERVED_STATEMENTS:
            self.unsupported(f"{first.word} {second.word if second.kind == 'word' else ''}".strip())
        if self.sees("@", "{") or (self.sees("@") and second.kind == "number"):
            self.unsupported("hints")

    # Statements that change rows

    def _insert(self) -> Statement:
        begin = self.expect("INSERT")
        self._unsupported_if("OR", "IGNORE")
        self.take("INTO")
        table, columns, query = self.path(), None, None
        rows: tuple[tuple[Expression, ...], ...] = ()
        if self.sees("(") and self.ahead(1).word not in ("SELECT", "WITH", "FROM", "("):
            columns = self.names()
        if self.take("VALUES"):
            rows = self.comma_separated(self._row)
        else:
            query = self.query()
        self._unsupported_if("ON", "THEN", "ASSERT_ROWS_MODIFIED")
        return Insert(begin, table, columns, rows, query)

    def _row(self) -> tuple[Expression, ...]:
        self.expect("(")
        values = self.comma_separated(self._value)
        self.expect(")")
        return values

    def _value(self) -> Expression:
        begin = self.next.start
        return Default(begin) if self.take("DEFAULT") else self.expression()

    def _update(self) -> Statement:
        begin = self.next
        self.expect("UPDATE")
        table, alias = self.path(), self.alias()
        self._unsupported_if("WITH")
        assignments = self._assignments()
        tables = self.tables() if self.take("FROM") else None
        where = self._where("UPDATE", begin)
        return Update(begin.start, table, alias, assignments, tables, where)

    def _assignments(self) -> tuple[Assignment, ...]:
        self.expect("SET")
        return self.comma_separated(self._assignment)

    def _assignment(self) -> Assignment:
        begin = self.next.start
        if self.sees("("):
            self.unsupported("DML inside DML")
        path = self.path()
        if self.sees("["):
            self.unsupported("an assignment to an element of an ARRAY")
        self.expect("=")
        return Assignment(begin, path, self._value())

    def _delete(self) -> Statement:
        begin = self.next
        self.expect("DELETE")
        self.take("FROM")
        table, alias = self.path(), self.alias()
        self._unsupported_if("WITH")
        return Delete(begin.start, table, alias, self._where("DELETE", begin))

    def _where(self, statement: str, begin: Lexeme) -> Expression:
        if not self.take("WHERE"):
            self._expect_end()
            self.invalid(f"{statement} must have a WHERE clause", begin)
        condition = self.expression()
        self._unsupported_if("THEN", "ASSERT_ROWS_MODIFIED")
        return condition

    def _merge(self) -> Statement:
        begin = self.expect("MERGE")
        self.take("INTO")
        table, alias = self.path(), self.alias()
        self.expect("USING")
        source = self.table()
        self.expect("ON")
        on, whens = self.expression(), [self._when()]
        while self.sees("WHEN"):
            whens.append(self._when())
        return Merge(begin, table, alias, source, on, tuple(whens))

    def _when(self) -> When:
        begin = self.expect("WHEN")
        by = "TARGET" if self.take("NOT") else "MATCHED"
        self.expect("MATCHED")
        if by == "TARGET" and self.take("BY"):
            if self.take("SOURCE"):
                by = "SOURCE"
            else:
                self.expect("TARGET")
        condition = self.expression() if self.take("AND") else None
        self.expect("THEN")
        if by == "TARGET":
            return self._merge_insert(begin, condition)
        if self.take("UPDATE"):
            return When(begin, by, condition, "UPDATE", self._assignments())
        self.expect("DELETE")
        return When(begin, by, condition, "DELETE")

    def _merge_insert(self, begin: int, condition: Expression | None) -> When:
        self.expect("INSERT")
        columns = self.names() if self.sees("(") else None
        if self.take("ROW"):
            return When(begin, "TARGET", condition, "INSERT", columns=columns, row=True)
        self.expect("VALUES")
        return When(begin, "TARGET", condition, "INSERT", columns=columns, values=self._row())

    # Definitions

    def _create(self) -> Statement:
        begin = self.expect("CREATE")
        replace = self.take("OR")
        if replace:
            self.expect("REPLACE")
        readers: dict[tuple[str, ...], Callable[[Create], Statement]] = {
            ("TABLE",): self._create_table,
            ("MODEL",): self._create_model,
            ("EXTERNAL", "TABLE"): self._create_external_table,
            ("VECTOR", "INDEX"): self._create_vector_index,
        }
        if self._names_table_function():
            return self._unsupported_object("CREATE")
        for words, reader in readers.items():
            if self.take(*words):
                return reader(Create(begin, replace, self._if_not_exists()))
        return self._unsupported_object("CREATE")

    def _names_table_function(self) -> bool:
        """Whether TABLE FUNCTION comes next, and not a table of the name FUNCTION."""
        return self.sees("TABLE", "FUNCTION") and self.ahead(2).kind in ("word", "quoted")

    def _if_not_exists(self) -> bool:
        if not self.take("IF"):
            return False
        self.expect("NOT", "EXISTS")
        return True

    def _if_exists(self) -> bool:
        if not self.take("IF"):
            return False
        self.expect("EXISTS")
        return True

    def _create_table(self, how: Create) -> Statement:
        table = self.path()
        self._unsupported_if("LIKE", "COPY", "CLONE", "PARTITION", "CLUSTER", "DEFAULT", "WITH", "FOR")
        columns: tuple[ColumnDefinition, ...] | None = None
        if self.take("("):
            columns = self._column_definitions()
        self._unsupported_if("PARTITION", "CLUSTER", "DEFAULT", "WITH")
        options = self._options()
        query = self.query() if self.take("AS") else None
        return CreateTable(how.at, how.replace, how.exists, table, columns, options, query)

    def _column_definitions(self) -> tuple[ColumnDefinition, ...]:
        """Up to the closing bracket, before which a comma may stand."""
        found = [self._column_definition()]
        while self.take(",") and not self.sees(")"):
            found.append(self._column_definition())
        self.expect(")")
        return tuple(found)

    def _column_definition(self) -> ColumnDefinition:
        if self.sees_any("PRIMARY", "FOREIGN", "CONSTRAINT", "CHECK") and self.ahead(1).kind in ("word", "quoted"):
            self.unsupported(f"{self.next.word} in a table")
        name, required = self.name(), False
        options: tuple[Option, ...] = ()
        if self.next.kind != "word":
            self.unexpected()
        kind = self.type()
        while not self.sees_any(",", ")"):
            self._unsupported_if(
                "DEFAULT", "COLLATE", "PRIMARY", "REFERENCES", "CONSTRAINT", "GENERATED", "AS", "HIDDEN"
            )
            if self.take("NOT"):
                self.expect("NULL")
                required = True
            elif self.sees("OPTIONS"):
                options = self._options()
            else:
                self.unexpected()
        return ColumnDefinition(name.at, name, kind, required, options)

    def _create_model(self, how: Create) -> Statement:
        model, remote = self.path(), False
        connection: Path | None = None
        self._unsupported_if("INPUT", "TRANSFORM", "AS")
        if self.take("REMOTE"):
            remote = True
            self.expect("WITH", "CONNECTION")
            connection = self._connection()
        options = self._options()
        self._unsupported_if("AS")
        return CreateModel(how.at, how.replace, how.exists, model, remote, connection, options)

    def _create_external_table(self, how: Create) -> Statement:
        table = self.path()
        if self.sees("("):
            self.unsupported("columns of an external table")
        self._unsupported_if("LIKE", "COPY")
        if not self.take("WITH", "CONNECTION"):
            if not self.sees_any("WITH", "OPTIONS") and self.next.kind != "end":
                self.unexpected()
            self.unsupported("an external table without a connection")
        connection = self._connection()
        self._unsupported_if("WITH")
        options = self._options()
        return CreateExternalTable(how.at, how.replace, how.exists, table, connection, options)

    def _connection(self) -> Path | None:
        """The path of a connection; None for DEFAULT."""
        return None if self.take("DEFAULT") else self.path()

    def _create_vector_index(self, how: Create) -> Statement:
        name = self.name()
        self.expect("ON")
        table = self.path()
        self.expect("(")
        column = self.name()
        self._unsupported_if(",", "OPTIONS")
        self.expect(")")
        storing = self.names() if self.take("STORING") else ()
        self._unsupported_if("PARTITION")
        options = self._options()
        return CreateVectorIndex(how.at, how.replace, how.exists, name, table, column, storing, options)

    def _options(self) -> tuple[Option, ...]:
        """OPTIONS (name = expression, …), if it is there."""
        if not self.take("OPTIONS"):
            return ()
        self.expect("(")
        found = () if self.sees(")") else self.comma_separated(self._option)
        self.expect(")")
        return found

    def _option(self) -> Option:
        name = self.name()
        self._unsupported_if("+=", "-=")
        self.expect("=")
        return Option(name.at, name.key, self.expression())

    def _drop(self) -> Statement:
        begin = self.expect("DROP")
        if self.take("VECTOR", "INDEX"):
            exists, name = self._if_exists(), self.name()
            self.expect("ON")
            return DropVectorIndex(begin, name, self.path(), exists)
        if self._names_table_function():
            return self._unsupported_object("DROP")
        for words in (("TABLE",), ("EXTERNAL", "TABLE"), ("MODEL",), ("SCHEMA",)):
            if self.take(*words):
                exists, path = self._if_exists(), self.path()
                cascade = words == ("SCHEMA",) and self.take_any("CASCADE", "RESTRICT") == "CASCADE"
                return Drop(begin, " ".join(words), path, exists, cascade)
        return self._unsupported_object("DROP")

    def _alter(self) -> Statement:
        begin = self.expect("ALTER")
        if self.take("VECTOR", "INDEX"):
            exists, name = self._if_exists(), self.name()
            self.expect("ON")
            table = self.path()
            self._unsupported_if("SET")
            self.expect("REBUILD")
            return RebuildVectorIndex(begin, name, table, exists)
        if not self.take("TABLE"):
            self._unsupported_object("ALTER")
        exists, table = self._if_exists(), self.path()
        self._unsupported_if("ADD", "DROP", "RENAME", "ALTER")
        self.expect("SET")
        self._unsupported_if("DEFAULT")
        if not self.sees("OPTIONS"):
            self.expect("OPTIONS")
        options = self._options()
        self._unsupported_if(",")
        return AlterTable(begin, table, exists, options)

    def _truncate(self) -> Statement:
        begin = self.expect("TRUNCATE", "TABLE")
        table = self.path()
        self._unsupported_if("WHERE")
        return Truncate(begin, table)

    def _call_procedure(self) -> Statement:
        begin, procedure = self.expect("CALL"), self.path()
        self.expect("(")
        arguments = () if self.sees(")") else self.comma_separated(self.expression)
        self.expect(")")
        return CallProcedure(begin, procedure, arguments)

    def _unsupported_object(self, verb: str) -> NoReturn:
        """A kind of object that is not served, after CREATE, DROP or ALTER."""
        if self.sees_any("TEMP", "TEMPORARY", "AGGREGATE") and self.ahead(1).word == "FUNCTION":
            self.advance()
        words: list[str] = []
        while self.ahead(len(words)).word in _OBJECT_WORDS:
            words.append(self.ahead(len(words)).word)
        if not words:
            self.unexpected()
        self.unsupported(" ".join([verb, *words]))

    def _unsupported_if(self, *words: str) -> None:
        """GoogleSQL goes on with one of these, and the local cloud does not."""
        if self.sees_any(*words):
            self.unsupported(self.next.word)

    def _expect_end(self) -> None:
        if self.next.kind != "end" and not self.sees(";"):
            self.unexpected()

    # Queries

    def query(self, *, given: Query | None = None) -> Query:
        """[WITH …] select or set operation [ORDER BY …] [LIMIT …]; `given`: the first select was read already."""
        begin = self.next.start if given is None else given.at
        ctes: tuple[tuple[Identifier, Query], ...] = ()
        recursive = False
        if given is None and self.take("WITH"):
            recursive = self.take("RECURSIVE")
            ctes = self.comma_separated(self._cte)
        first = self._query_primary() if given is None else given
        body = self._set_operations(first)
        if body is first and isinstance(first, Select) and first.tables is None and self.sees("ORDER"):
            self.invalid("Query without FROM clause cannot have an ORDER BY clause", self.next)
        order = self.order()
        limit: tuple[Expression, ...] = ()
        if self.take("LIMIT"):
            if self.sees("ALL"):
                self.unsupported("LIMIT ALL")
            limit = (self.expression(),)
            if self.take("OFFSET"):
                limit = (*limit, self.expression())
        if self.sees("|>"):
            self.unsupported("pipe syntax")
        if self.sees("FOR", "UPDATE"):
            self.unsupported("FOR UPDATE")
        return Query(begin, body, ctes, recursive, order, limit)

    def _cte(self) -> tuple[Identifier, Query]:
        name = self.name()
        self.expect("AS", "(")
        query = self.query()
        self.expect(")")
        if self.sees("WITH", "DEPTH"):
            self.unsupported("WITH DEPTH")
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
                self.syntax_error(f"Expected keyword ALL or keyword DISTINCT but got {self.next.shown()}")
            if used not in ("", f"{operation} {kind}"):
                self.syntax_error("Different set operations cannot be used in the same query without using parentheses")
            used = f"{operation} {kind}"
            if self.sees_any("BY", "CORRESPONDING", "STRICT"):
                self.unsupported("set operations by name")
            parts.append(self._query_primary())
        return SetOperation(first.at, used, tuple(parts)) if used else first

    def _query_primary(self) -> QueryBody:
        if self.sees("FROM"):
            self.unsupported("queries that begin with FROM")
        if self.sees("TABLE") and self.ahead(1).kind in ("word", "quoted"):
            self.unsupported("TABLE as a query")
        if self.take("("):
            query = self.query()
            self.expect(")")
            return query
        return self._select()

    def _select(self) -> Select:
        begin = self.next
        self.expect("SELECT")
        if self.sees("WITH") and self.ahead(1).word != "(":
            self.unsupported("SELECT WITH")
        distinct = self.take_any("ALL", "DISTINCT") == "DISTINCT"
        kind = self._select_as() if self.take("AS") else ""
        if self.sees("FROM") or self.next.kind == "end":
            self.syntax_error("SELECT list must not be empty")
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
            self.invalid("SELECT * must have a FROM clause", begin)
        if distinct:
            self.invalid("Query without FROM clause cannot use SELECT DISTINCT", begin)
        clause = self.next.word
        if clause in ("WHERE", "GROUP", "HAVING", "QUALIFY"):
            shown = "GROUP BY" if clause == "GROUP" else clause
            self.invalid(f"Query without FROM clause cannot have a {shown} clause", self.next)

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
            replaced = self.comma_separated(self._replacement)
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
            group = Grouping(begin, () if everything else self.comma_separated(self._grouping), everything)
        having = self.expression() if self.take("HAVING") else None
        qualify = self.expression() if self.take("QUALIFY") else None
        windows = self.comma_separated(self._named_window) if self.take("WINDOW") else ()
        return Select(
            head.at, head.distinct, head.kind, head.items, head.tables, where, group, having, qualify, windows
        )

    def _grouping(self) -> Expression | GroupingSet:
        begin = self.next.start
        sets = self.sees("GROUPING", "SETS")
        if sets:
            self.advance()
        if (sets or self.sees_any("ROLLUP", "CUBE")) and self.ahead(1).word == "(":
            kind = self.advance().word
            self.expect("(")
            elements = self.comma_separated(self._grouping)
            self.expect(")")
            return GroupingSet(begin, kind, elements)
        if self.sees("(", ")"):
            self.expect("(", ")")
            return GroupingSet(begin, "", ())
        return self.expression()

    def _named_window(self) -> tuple[Identifier, Window]:
        name = self.name()
        self.expect("AS")
        begin = self.next.start
        if self.take("("):
            return name, self.window_specification(begin)
        return name, Window(begin, self.name())

    # FROM

    def tables(self) -> Source:
        """The sources of a FROM clause, joins included."""
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
            self.invalid(f"{kind} JOIN must have an immediately following ON or USING clause", begin)
        return Join(begin.start, kind, left, right, on, using)

    def table(self) -> Source:
        """One table with its alias, or joined tables in brackets."""
        begin = self.next.start
        if self.sees("("):
            within = self._bracketed_tables()
            if isinstance(within, Query):
                return Derived(begin, within, self._table_alias())
            if self.next.kind == "quoted" or self.sees("AS"):
                self.syntax_error(f"Expected end of input but got {self.next.shown()}")
            return within
        if self.sees("LATERAL"):
            self.unsupported("LATERAL")
        if self.take("UNNEST"):
            self.expect("(")
            arrays = self.comma_separated(self.expression)
            self.expect(")")
            return Unnest(begin, arrays, self._table_alias(), self._offset())
        path = self.path()
        if self.sees("(") and path[0].key == "graph_table" and len(path) == 1:
            self.unsupported("GRAPH_TABLE")
        if self.take("("):
            arguments = () if self.sees(")") else self.comma_separated(self._table_argument)
            self.expect(")")
            return TableFunction(begin, path, arguments, self._table_alias())
        self._check_table_is_served(path)
        return Table(begin, path, self._table_alias(), self._offset())

    def _check_table_is_served(self, path: Path) -> None:
        """Names that stand for several tables, or for what is known of them."""
        name = path[-1].text.rpartition(".")[2]
        if name.endswith("*"):
            self.unsupported(f"the wildcard table {name}")
        if name.upper() in _METADATA_TABLES:
            self.unsupported(f"the metadata table {name.upper()}")

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
        if self.sees_any(*_TABLE_OPERATORS):
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
            self.syntax_error(f"Expected keyword JOIN but got {self.next.shown()}")
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

    # Expressions

    def begins_query(self) -> bool:
        if self.sees("WITH", "("):
            self._unserved_expression()
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
        if self._first_operand is None and self.take("NOT"):
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
                    self.syntax_error(f"Expected end of input but got {self.next.shown()}")
                return left
            compared = self._range_predicate(left)
            compared = _operator(left.at, "$not", "NOT", compared) if negated else compared
        if self.sees_any(*_COMPARISONS, "IS", "LIKE", "BETWEEN", "IN") or self.sees("NOT"):
            self.syntax_error(f"Expected end of input but got {self.next.shown()}")
        return compared

    def _range_predicate(self, left: Expression) -> Expression:
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
        self._unsupported_if("UNKNOWN")
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
        if self._first_operand is not None:
            value, self._first_operand = self._first_operand, None
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
        index = self.expression()
        if isinstance(index, Call) and index.function in _INDEX_FUNCTIONS:
            if len(index.arguments) != 1:
                self.syntax_error(f"Expected one argument of {index.function}")
            return Element(value.at, value, index.arguments[0], index.function)
        return Element(value.at, value, index, "")

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
            self.advance()
            if self.next.kind == "word" and self.next.start == begin.end:
                self.syntax_error("Missing whitespace between literal and alias")
            return Literal(begin.start, "INT64" if whole else "FLOAT64", begin.text)
        if self.sees_any("TRUE", "FALSE", "NULL"):
            word = self.advance().word
            return Literal(begin.start, "NULL" if word == "NULL" else "BOOL", word)
        if begin.word in _TYPED_LITERALS and self.ahead(1).kind == "string":
            self.advance()
            kind = {"DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC"}.get(begin.word, begin.word)
            return Literal(begin.start, kind, string_of(self.advance().text)[0])
        if self.sees("RANGE", "<"):
            self.unsupported("the type RANGE")
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
        items = () if self.sees("]") else self.comma_separated(self.expression)
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
            members = self.comma_separated((lambda: (self.expression(), "")) if kind else self._member)
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
        """A query or expressions, with the brackets around."""
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
            self._first_operand = inner
        among = self.comma_separated(self.expression)
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
        if self.sees("@", "{"):
            self.unsupported("hints")
        begin = self.advance()
        if begin.word == "@":
            return Parameter(begin.start, self.any_name().key)
        self._positional += 1
        return Parameter(begin.start, str(self._positional - 1))

    def _unserved_expression(self) -> Expression:
        self.unsupported(f"the expression {self.next.word}")

    # Calls of functions

    def call(self, begin: int, function: str) -> Expression:
        self.expect("(")
        distinct = self.take("DISTINCT")
        arguments: tuple[tuple[str, Expression], ...] = ()
        if self.sees("*") and function == "COUNT" and not distinct:
            self.advance()
            function = "$COUNT_STAR"
        elif distinct or not self.sees(")"):
            arguments = self.comma_separated(self._argument)
        nulls = self.take_any("IGNORE", "RESPECT")
        if nulls:
            self.expect("NULLS")
        self._unsupported_if("WHERE", "GROUP")
        having_by, having = self._having()
        order = self.order()
        limit = self.expression() if self.take("LIMIT") else None
        self.expect(")")
        over = self._window() if self.take("OVER") else None
        names = tuple(name for name, _ in arguments)
        values = tuple(value for _, value in arguments)
        if function in _INDEX_FUNCTIONS and over is None and len(values) == 1:
            return Call(begin, function, values)
        return Call(
            begin,
            function,
            values,
            names=names if any(names) else (),
            distinct=distinct,
            nulls=nulls,
            having=having,
            having_by=having_by,
            order=order,
            limit=limit,
            over=over,
        )

    def _argument(self) -> tuple[str, Expression]:
        name = ""
        if self.ahead(1).word == "=>":
            name = self.name().key
            self.advance()
        value = self.expression()
        if self.sees("->"):
            self.unsupported("lambda expressions")
        if self.sees("AS"):
            self.unexpected()
        return name, value

    def _having(self) -> tuple[str, Expression | None]:
        """HAVING MAX expression or HAVING MIN expression, inside an aggregate."""
        if not self.take("HAVING"):
            return "", None
        by = self.take_any("MAX", "MIN")
        if not by:
            self.unexpected()
        return by, self.expression()

    def order(self) -> tuple[Ordering, ...]:
        """ORDER BY …, if it is there."""
        if not self.take("ORDER"):
            return ()
        self.expect("BY")
        return self.comma_separated(self._ordering)

    def _ordering(self) -> Ordering:
        by = self.expression()
        if self.sees("COLLATE"):
            self.unsupported("COLLATE")
        descending, nulls = self.take_any("ASC", "DESC") == "DESC", ""
        if self.take("NULLS"):
            nulls = self.take_any("FIRST", "LAST")
            if not nulls:
                self.unexpected()
        return Ordering(by.at, by, descending, nulls)

    def _window(self) -> Window:
        begin = self.next.start
        if self.take("("):
            return self.window_specification(begin)
        return Window(begin, self.name())

    def window_specification(self, begin: int) -> Window:
        """What is inside the brackets of a window, and the closing one."""
        base, unit = None, ""
        frame: tuple[Bound, ...] = ()
        partition: tuple[Expression, ...] = ()
        if not self.sees_any(")", "PARTITION", "ORDER", "ROWS", "RANGE"):
            base = self.name()
        if self.take("PARTITION"):
            self.expect("BY")
            partition = self.comma_separated(self.expression)
        order = self.order()
        if self.sees_any("ROWS", "RANGE"):
            unit = self.advance().word
            frame = self._frame()
        self.expect(")")
        return Window(begin, base, partition, order, frame, unit)

    def _frame(self) -> tuple[Bound, ...]:
        if not self.take("BETWEEN"):
            return (self._frame_bound(),)
        first = self._frame_bound()
        self.expect("AND")
        return first, self._frame_bound()

    def _frame_bound(self) -> Bound:
        begin = self.next.start
        if self.take("CURRENT"):
            self.expect("ROW")
            return Bound(begin, "CURRENT ROW")
        offset = None if self.take("UNBOUNDED") else self.expression()
        how = self.take_any("PRECEDING", "FOLLOWING")
        if not how:
            self.unexpected()
        return Bound(begin, how if offset else f"UNBOUNDED {how}", offset)

    # Types

    def type(self) -> TypeName:
        """A type; which ones are served is decided elsewhere."""
        begin = self.next.start
        if self.take("ARRAY"):
            self.expect("<")
            element = self.type()
            self.expect(">")
            return TypeName(begin, "ARRAY", (("", element),))
        if self.take("STRUCT"):
            self.expect("<")
            fields = () if self.sees(">") else self.comma_separated(self._field)
            self.expect(">")
            return TypeName(begin, "STRUCT", fields)
        if self.sees_any("RANGE", "ENUM", "PROTO"):
            self.unsupported(f"the type {self.next.word}")
        if self.take("INTERVAL"):
            return TypeName(begin, "INTERVAL")
        name = self.name()
        lengths = self.take("(")
        if lengths:
            self.comma_separated(self._length)
            self.expect(")")
        if self.sees("COLLATE"):
            self.unsupported("COLLATE")
        return TypeName(begin, name.text.upper(), (), lengths)

    def _field(self) -> tuple[str, TypeName]:
        following = self.ahead(1)
        named = following.kind in ("word", "quoted") and (
            following.word not in RESERVED or following.word in _NESTED_TYPES
        )
        name, kind = self.name().text if named else "", self.type()
        if self.sees_any("NOT", "OPTIONS"):
            self.unsupported(f"{self.next.word} in a STRUCT")
        return name, kind

    def _length(self) -> None:
        if self.next.kind != "number" and not self.sees("MAX"):
            self.unexpected()
        self.advance()


def _operator(at: int, function: str, shown: str, *operands: Expression) -> Call:
    return Call(at, function.upper(), operands, shown=f"operator {shown}")
