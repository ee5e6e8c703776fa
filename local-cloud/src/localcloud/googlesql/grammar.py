"""Statements of GoogleSQL: the tree of a text that is one and is served (S/dml-syntax, S/data-definition-language).

The analyzer reads this tree. sqlglot makes another for DuckDB, and takes much that GoogleSQL does not: `SELECT a, , b`,
`ORDER ORDER BY`, keywords as names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from localcloud.googlesql.grammar_queries import Queries
from localcloud.googlesql.lexer import Lexeme
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import Default, Expression, Path, Query
from localcloud.googlesql.syntax_statements import (
    Assignment,
    CreateTable,
    Delete,
    Insert,
    Merge,
    Other,
    Statement,
    Update,
    When,
)

_OTHER = """
    VIEW MATERIALIZED SCHEMA SNAPSHOT FUNCTION PROCEDURE TEMP TEMPORARY ROW ACCESS POLICY SEARCH INDEX AGGREGATE
    CAPACITY RESERVATION ASSIGNMENT EXTERNAL VECTOR ALL BI_CAPACITY PROJECT ORGANIZATION COLUMN TABLE MODEL
"""
_OTHER_KINDS = frozenset(_OTHER.split())


def read(text: str) -> Statement:
    """The tree of a statement.

    Raises ApiError 400 `Syntax error: … at [line:column]`, and Unsupported for what GoogleSQL has beyond.
    """
    return _Statements(Text(text)).statement()


class _Statements(Queries):
    def statement(self) -> Statement:
        """One statement, and nothing but a semicolon after it."""
        readers: dict[str, Callable[[], Statement]] = {
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
            "MERGE": self._merge,
            "CREATE": self._create,
            "DROP": self._drop,
            "ALTER": self._alter,
            "TRUNCATE": self._truncate,
        }
        found = readers.get(self.next.word, self.query)()
        self.take(";")
        if self.next.kind != "end":
            self.refuse(f"Expected end of input but got {self.next.shown()}")
        return found

    # Data

    def _insert(self) -> Statement:
        begin = self.expect("INSERT")
        self.take("INTO")
        table, columns, query = self.path(), None, None
        rows: tuple[tuple[Expression, ...], ...] = ()
        if self.sees("(") and self.ahead(1).word not in ("SELECT", "WITH", "FROM", "("):
            columns = self.names()
        if self.take("VALUES"):
            rows = self.several(self._row)
        else:
            query = self.query()
        self._refuse_rest("ON", "THEN", "ASSERT_ROWS_MODIFIED")
        return Insert(begin, table, columns, rows, query)

    def _row(self) -> tuple[Expression, ...]:
        self.expect("(")
        values = self.several(self._value)
        self.expect(")")
        return values

    def _value(self) -> Expression:
        begin = self.next.start
        return Default(begin) if self.take("DEFAULT") else self.expression()

    def _update(self) -> Statement:
        begin = self.next
        self.expect("UPDATE")
        table, alias, assignments = self.path(), self.alias(), self._assignments()
        tables = self.tables() if self.take("FROM") else None
        where = self._where("UPDATE", begin)
        return Update(begin.start, table, alias, assignments, tables, where)

    def _assignments(self) -> tuple[Assignment, ...]:
        self.expect("SET")
        return self.several(self._assignment)

    def _assignment(self) -> Assignment:
        begin = self.next.start
        if self.sees("("):
            self.unsupported("DML inside DML")
        path = self.path()
        self.expect("=")
        return Assignment(begin, path, self._value())

    def _delete(self) -> Statement:
        begin = self.next
        self.expect("DELETE")
        self.take("FROM")
        table, alias = self.path(), self.alias()
        return Delete(begin.start, table, alias, self._where("DELETE", begin))

    def _where(self, statement: str, begin: Lexeme) -> Expression:
        if not self.take("WHERE"):
            self._refuse_end()
            self.wrong(f"{statement} must have a WHERE clause", begin)
        condition = self.expression()
        self._refuse_rest("THEN", "ASSERT_ROWS_MODIFIED")
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
        if self.take("OR"):
            self.expect("REPLACE")
        if not self.sees_any("TABLE", "MODEL"):
            self._other_kind("CREATE")
        kind = self.advance().word
        if self.take("IF"):
            self.expect("NOT", "EXISTS")
        path: Path = self.path()
        if kind == "TABLE":
            return CreateTable(begin, path, self._table_definition())
        self._model_definition()
        return Other(begin)

    def _table_definition(self) -> Query | None:
        self._refuse_rest("LIKE", "COPY", "CLONE", "PARTITION", "CLUSTER", "DEFAULT", "WITH", "FOR")
        if self.sees("("):
            self.advance()
            self.several(self._column)
            self.expect(")")
        self._refuse_rest("PARTITION", "CLUSTER", "DEFAULT", "WITH")
        if self.take("OPTIONS"):
            self._options()
        return self.query() if self.take("AS") else None

    def _column(self) -> None:
        if self.sees_any("PRIMARY", "FOREIGN", "CONSTRAINT") and self.ahead(1).kind == "word":
            self.unsupported(f"{self.next.word} in a table")
        self.name()
        if self.next.kind != "word":
            self.unexpected()
        self.type()
        while not self.sees_any(",", ")"):
            self._refuse_rest("DEFAULT", "COLLATE", "PRIMARY", "REFERENCES", "CONSTRAINT", "GENERATED", "AS")
            if self.take("NOT"):
                self.expect("NULL")
            else:
                self.expect("OPTIONS")
                self._options()

    def _model_definition(self) -> None:
        self._refuse_rest("INPUT", "TRANSFORM", "AS")
        if self.take("REMOTE"):
            self.expect("WITH", "CONNECTION")
            if not self.take("DEFAULT"):
                self.path()
        if self.take("OPTIONS"):
            self._options()
        self._refuse_rest("AS")

    def _options(self) -> None:
        self.expect("(")
        if not self.sees(")"):
            self.several(self._option)
        self.expect(")")

    def _option(self) -> None:
        self.name()
        self.expect("=")
        self.expression()

    def _drop(self) -> Statement:
        begin = self.expect("DROP")
        if not self.sees_any("TABLE", "MODEL", "SCHEMA"):
            self._other_kind("DROP")
        kind = self.advance().word
        if self.take("IF"):
            self.expect("EXISTS")
        self.path()
        if kind == "SCHEMA":
            self.take_any("CASCADE", "RESTRICT")
        return Other(begin)

    def _alter(self) -> Statement:
        begin = self.expect("ALTER")
        if not self.sees("TABLE"):
            self._other_kind("ALTER")
        self.advance()
        if self.take("IF"):
            self.expect("EXISTS")
        self.path()
        self._refuse_rest("ADD", "DROP", "RENAME", "ALTER")
        self.expect("SET")
        self._refuse_rest("DEFAULT")
        self.expect("OPTIONS")
        self._options()
        return Other(begin)

    def _truncate(self) -> Statement:
        begin = self.expect("TRUNCATE", "TABLE")
        self.path()
        self._refuse_rest("WHERE")
        return Other(begin)

    def _other_kind(self, verb: str) -> NoReturn:
        if self.sees_any("TEMP", "TEMPORARY", "AGGREGATE") and self.ahead(1).word == "FUNCTION":
            self.advance()
        words: list[str] = []
        while self.ahead(len(words)).word in _OTHER_KINDS:
            words.append(self.ahead(len(words)).word)
        if not words:
            self.unexpected()
        self.unsupported(" ".join([verb, *words]))

    def _refuse_rest(self, *words: str) -> None:
        """GoogleSQL goes on with one of these, and the local cloud does not."""
        if self.sees_any(*words):
            self.unsupported(self.next.word)

    def _refuse_end(self) -> None:
        if self.next.kind != "end" and not self.sees(";"):
            self.unexpected()
