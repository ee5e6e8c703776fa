"""Whether a text is one statement of GoogleSQL that is served here (S/dml-syntax, S/data-definition-language).

sqlglot makes the trees, but takes much that GoogleSQL does not: `SELECT a, , b`, `ORDER ORDER BY`, keywords as names.
"""

from __future__ import annotations

from typing import NoReturn

from localcloud.bigquery.sql.grammar_queries import Queries
from localcloud.bigquery.sql.places import Text

_OTHER = """
    VIEW MATERIALIZED SCHEMA SNAPSHOT FUNCTION PROCEDURE TEMP TEMPORARY ROW ACCESS POLICY SEARCH INDEX AGGREGATE
    CAPACITY RESERVATION ASSIGNMENT EXTERNAL VECTOR ALL BI_CAPACITY PROJECT ORGANIZATION COLUMN TABLE MODEL
"""
_OTHER_KINDS = frozenset(_OTHER.split())


def check(text: str) -> None:
    """Raises ApiError 400 `Syntax error: … at [line:column]`, and Unsupported for what GoogleSQL has beyond."""
    _Statements(Text(text)).statement()


class _Statements(Queries):
    def statement(self) -> None:
        """One statement, and nothing but semicolons after it."""
        readers = {
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
            "MERGE": self._merge,
            "CREATE": self._create,
            "DROP": self._drop,
            "ALTER": self._alter,
            "TRUNCATE": self._truncate,
        }
        readers.get(self.next.word, self.query)()
        while self.take(";"):
            pass
        if self.next.kind != "end":
            self.refuse(f"Expected end of input but got {self.next.shown()}")

    # Data

    def _insert(self) -> None:
        self.expect("INSERT")
        self.take("INTO")
        self.path()
        if self.sees("(") and self.ahead(1).word not in ("SELECT", "WITH", "FROM", "("):
            self.names()
        if self.take("VALUES"):
            self.several(self._row)
        else:
            self.query()
        self._refuse_rest("ON", "THEN", "ASSERT_ROWS_MODIFIED")

    def _row(self) -> None:
        self.expect("(")
        self.several(self._value)
        self.expect(")")

    def _value(self) -> None:
        if not self.take("DEFAULT"):
            self.expression()

    def _update(self) -> None:
        begin = self.next
        self.expect("UPDATE")
        self.path()
        self._alias()
        self._assignments()
        if self.take("FROM"):
            self.tables()
        if not self.take("WHERE"):
            self._refuse_end()
            self.wrong("UPDATE must have a WHERE clause", begin)
        self.expression()
        self._refuse_rest("THEN", "ASSERT_ROWS_MODIFIED")

    def _assignments(self) -> None:
        self.expect("SET")
        self.several(self._assignment)

    def _assignment(self) -> None:
        if self.sees("("):
            self.unsupported("DML inside DML")
        self.path()
        self.expect("=")
        self._value()

    def _delete(self) -> None:
        begin = self.next
        self.expect("DELETE")
        self.take("FROM")
        self.path()
        self._alias()
        if not self.take("WHERE"):
            self._refuse_end()
            self.wrong("DELETE must have a WHERE clause", begin)
        self.expression()
        self._refuse_rest("THEN", "ASSERT_ROWS_MODIFIED")

    def _merge(self) -> None:
        self.expect("MERGE")
        self.take("INTO")
        self.path()
        self._alias()
        self.expect("USING")
        self._table()
        self.expect("ON")
        self.expression()
        while True:
            self._when()
            if not self.sees("WHEN"):
                return

    def _when(self) -> None:
        self.expect("WHEN")
        missing = self.take("NOT")
        self.expect("MATCHED")
        by_source = False
        if missing and self.take("BY"):
            by_source = self.take("SOURCE")
            if not by_source:
                self.expect("TARGET")
        if self.take("AND"):
            self.expression()
        self.expect("THEN")
        if missing and not by_source:
            self._merge_insert()
        elif self.take("UPDATE"):
            self._assignments()
        else:
            self.expect("DELETE")

    def _merge_insert(self) -> None:
        self.expect("INSERT")
        if self.sees("("):
            self.names()
        if not self.take("ROW"):
            self.expect("VALUES")
            self._row()

    # Definitions

    def _create(self) -> None:
        self.expect("CREATE")
        if self.take("OR"):
            self.expect("REPLACE")
        if self.sees_any("TABLE", "MODEL"):
            kind = self.advance().word
            if self.take("IF"):
                self.expect("NOT", "EXISTS")
            self.path()
            if kind == "TABLE":
                self._table_definition()
            else:
                self._model_definition()
        else:
            self._other_kind("CREATE")

    def _table_definition(self) -> None:
        self._refuse_rest("LIKE", "COPY", "CLONE", "PARTITION", "CLUSTER", "DEFAULT", "WITH", "FOR")
        if self.sees("("):
            self.advance()
            self.several(self._column)
            self.expect(")")
        self._refuse_rest("PARTITION", "CLUSTER", "DEFAULT", "WITH")
        if self.take("OPTIONS"):
            self._options()
        if self.take("AS"):
            self.query()

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

    def _drop(self) -> None:
        self.expect("DROP")
        if not self.sees_any("TABLE", "MODEL", "SCHEMA"):
            self._other_kind("DROP")
        kind = self.advance().word
        if self.take("IF"):
            self.expect("EXISTS")
        self.path()
        if kind == "SCHEMA":
            self.take_any("CASCADE", "RESTRICT")

    def _alter(self) -> None:
        self.expect("ALTER")
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

    def _truncate(self) -> None:
        self.expect("TRUNCATE", "TABLE")
        self.path()
        self._refuse_rest("WHERE")

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
