"""From the text of a statement to its syntax tree.

Plain SQL is parsed by sqlglot's BigQuery dialect. What that dialect leaves as raw text (external tables, vector
indexes, CALL) is parsed here, and the two table functions whose `TABLE name` argument it cannot read are prepared for
it. Everything that is not one plain statement is refused by name.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from localcloud.core.errors import ApiError, Unsupported, invalid_query
from localcloud.engine.commands import (
    Call,
    Command,
    CreateExternalTable,
    CreateVectorIndex,
    DropExternalTable,
    DropVectorIndex,
    RebuildVectorIndex,
)
from localcloud.googlesql import grammar
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax_statements import Statement

logging.getLogger("sqlglot").setLevel(logging.ERROR)

_SCRIPT_WORDS = {"DECLARE", "BEGIN", "IF", "LOOP", "WHILE", "REPEAT", "FOR", "SET", "EXECUTE", "COMMIT", "ROLLBACK"}
_REFUSED_WORDS = {
    "EXPORT",
    "LOAD",
    "ASSERT",
    "GRANT",
    "REVOKE",
    "CLONE",
    "FROM",
    "EXPLAIN",
    "DESCRIBE",
    "SHOW",
    "UNDROP",
}
_FIRST_WORDS = {"GENERATE_EMBEDDING": ("MODEL",), "VECTOR_SEARCH": ("TABLE", "(")}
_TABLE_ARGUMENT = ("EXTERNAL_OBJECT_TRANSFORM", "STATISTICS")


@dataclass(frozen=True)
class Parsed:
    """`tree`: a command, or sqlglot's, which becomes DuckDB's; `syntax`: the analyzer's, of what is no command."""

    tree: Command | exp.Expr
    syntax: Statement | None = None


def parse(text: str) -> Parsed:
    """The statement's trees.

    Raises ApiError 400 invalidQuery (`Syntax error: … at [l:c]`) and Unsupported.
    """
    source = Text(text)
    tokens = _tokens(source)
    _one_statement(source, tokens)
    if tokens[0].text.upper() == "CALL":
        return Parsed(_call(text, tokens))
    command = _Words(source, tokens).command()
    if command is not None:
        return Parsed(command)
    _first_arguments(source, tokens)
    _named_arguments(source, tokens)
    try:
        syntax = grammar.read(text)
    except RecursionError as error:
        raise invalid_query(f"Query is too deeply nested at {source.at(0)}") from error
    return Parsed(_tree(source, _without_table_keyword(text, tokens)), syntax)


def _tokens(source: Text) -> list[Token]:
    try:
        tokens: list[Token] = sqlglot.tokenize(source.text, dialect="bigquery")
    except TokenError as error:
        raise invalid_query(f"Syntax error: Unclosed string literal or illegal input at {source.at(0)}") from error
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise invalid_query("Syntax error: Unexpected end of statement at [1:1]")
    return tokens


def _one_statement(source: Text, tokens: list[Token]) -> None:
    first = tokens[0].text.upper()
    second = tokens[1].text.upper() if len(tokens) > 1 else ""
    if first in _SCRIPT_WORDS:
        raise Unsupported(f"{first} and other procedural statements at {source.at(tokens[0].start)}")
    if first in _REFUSED_WORDS:
        raise Unsupported(f"{first} {second}".strip() + f" at {source.at(tokens[0].start)}")
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.token_type == TokenType.SEMICOLON:
            raise Unsupported(f"a script of several statements at {source.at(token.end + 1)}")
        if token.token_type == TokenType.SELECT and following and following.token_type == TokenType.FROM:
            raise invalid_query(f"Syntax error: SELECT list must not be empty at {source.at(following.start)}")


def _call(text: str, tokens: list[Token]) -> Call:
    """The tokenizer takes everything after CALL for one piece of text."""
    rest = Text(text[tokens[0].end + 1 :].strip().rstrip(";"))
    return _Words(rest, _tokens(rest)).call()


def _first_arguments(source: Text, tokens: list[Token]) -> None:
    """The words that sqlglot does not miss: MODEL and TABLE before the arguments of the AI and search functions."""
    for function, bracket, word in zip(tokens, tokens[1:], tokens[2:], strict=False):
        wanted = _FIRST_WORDS.get(function.text.upper())
        if wanted and bracket.token_type == TokenType.L_PAREN and word.text.upper() not in wanted:
            raise invalid_query(
                f'Syntax error: Expected {" or ".join(wanted)} but got "{word.text}" at {source.at(word.start)}'
            )


def _named_arguments(source: Text, tokens: list[Token]) -> None:
    """AI.GENERATE_EMBEDDING takes none (contract section 1)."""
    depth: int | None = None
    for place, token in enumerate(tokens):
        if depth is None:
            if token.text.upper() == "GENERATE_EMBEDDING":
                depth = 0
            continue
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth == 1 and token.token_type == TokenType.FARROW:
            name = tokens[place - 1]
            raise invalid_query(
                f"Named argument {name.text} not found in signature for call to function AI.GENERATE_EMBEDDING"
                f" at {source.at(name.start)}"
            )
        depth = depth if depth else None


def _without_table_keyword(text: str, tokens: list[Token]) -> str:
    """Blanks, of the same length, for TABLE in `f(TABLE t)`, for the functions the parser does not know."""
    for function, bracket, keyword in zip(tokens, tokens[1:], tokens[2:], strict=False):
        called = function.text.upper() in _TABLE_ARGUMENT and bracket.token_type == TokenType.L_PAREN
        if called and keyword.token_type == TokenType.TABLE:
            text = text[: keyword.start] + " " * len("TABLE") + text[keyword.end + 1 :]
    return text


def _tree(source: Text, text: str) -> Any:
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect="bigquery") if tree is not None]
    except ParseError as error:
        raise _syntax_error(source, error) from error
    except TokenError as error:
        raise invalid_query(f"Syntax error: Illegal input at {source.at(0)}") from error
    except RecursionError as error:
        raise invalid_query(f"Query is too deeply nested at {source.at(0)}") from error
    except (AttributeError, IndexError, KeyError, ValueError) as error:  # sqlglot fails where arguments are odd
        raise invalid_query(f"Syntax error: Unexpected arguments at {source.at(0)}") from error
    tree = trees[0]
    if isinstance(tree, exp.Command):
        raise Unsupported(f"{' '.join(text.split()[:3]).upper()} … at {source.at(0)}")
    return tree


def _syntax_error(source: Text, error: Any) -> ApiError:
    details = error.errors[0] if error.errors else {}
    highlight = details.get("highlight") or ""
    offset = sum(len(line) + 1 for line in source.text.split("\n")[: details.get("line", 1) - 1])
    offset += max(details.get("col", 1) - len(highlight), 0)
    what = f'Unexpected "{highlight}"' if highlight else details.get("description", "Unexpected input")
    expected = details.get("description", "")
    if expected.startswith("Expecting"):
        what = f"{expected.replace('Expecting', 'Expected')} but got {highlight!r}"
    return invalid_query(f"Syntax error: {what} at {source.at(offset)}")


class _Words:
    """Reads the statements that sqlglot does not, token by token."""

    def __init__(self, source: Text, tokens: list[Token]) -> None:
        self._source = source
        self._tokens = tokens
        self._next = 0

    def command(self) -> Command | None:
        """The statement, or None when it is one for sqlglot."""
        if self._take("DROP"):
            return self._drop()
        if self._take("ALTER"):
            return self._alter()
        if not self._take("CREATE"):
            return None
        replace = self._take("OR", "REPLACE")
        if self._take("EXTERNAL", "TABLE"):
            return self._external_table(replace)
        if self._take("VECTOR", "INDEX"):
            return self._vector_index(replace)
        return None

    def call(self) -> Call:
        """`procedure('argument', …)`"""
        procedure = ".".join(part.name.upper() for part in self._path().parts)
        self._expect("(")
        arguments = []
        while not self._take(")"):
            token = self._token()
            if token.token_type != TokenType.STRING:
                raise self._error(token, "Expected string literal")
            arguments.append(token.text)
            self._take(",")
        self._end()
        return Call(procedure, tuple(arguments))

    def _drop(self) -> DropVectorIndex | DropExternalTable | None:
        if self._take("EXTERNAL", "TABLE"):
            exists = self._take("IF", "EXISTS")
            external = self._path()
            self._end()
            return DropExternalTable(external, exists)
        if not self._take("VECTOR", "INDEX"):
            return None
        exists = self._take("IF", "EXISTS")
        name = self._name()
        self._expect("ON")
        table = self._path()
        self._end()
        return DropVectorIndex(name, table, exists)

    def _alter(self) -> RebuildVectorIndex | None:
        if not self._take("VECTOR", "INDEX"):
            return None
        exists = self._take("IF", "EXISTS")
        name = self._name()
        self._expect("ON")
        table = self._path()
        self._expect("REBUILD")
        self._end()
        return RebuildVectorIndex(name, table, exists)

    def _external_table(self, replace: bool) -> CreateExternalTable:
        exists = self._take("IF", "NOT", "EXISTS")
        table = self._path()
        if not self._take("WITH", "CONNECTION"):
            raise Unsupported(f"an external table without a connection at {self._here()}")
        connection = None if self._take("DEFAULT") else self._path()
        options = self._options()
        self._end()
        return CreateExternalTable(table, replace, exists, connection, options)

    def _vector_index(self, replace: bool) -> CreateVectorIndex:
        exists = self._take("IF", "NOT", "EXISTS")
        name = self._name()
        self._expect("ON")
        table = self._path()
        self._expect("(")
        column = self._name()
        self._expect(")")
        storing: list[str] = []
        if self._take("STORING"):
            self._expect("(")
            while not self._take(")"):
                storing.append(self._name())
                self._take(",")
        options = self._options()
        self._end()
        return CreateVectorIndex(name, table, column, replace, exists, tuple(storing), options)

    def _options(self) -> dict[str, Any]:
        """OPTIONS (name = expression, …) as sqlglot expressions by lower-case name."""
        if not self._take("OPTIONS"):
            return {}
        self._expect("(")
        options: dict[str, Any] = {}
        while not self._take(")"):
            name = self._name().lower()
            self._expect("=")
            options[name] = self._expression()
            self._take(",")
        return options

    def _expression(self) -> Any:
        """Everything up to the comma or the bracket that ends one option."""
        begin, depth = self._next, 0
        while self._next < len(self._tokens):
            kind = self._tokens[self._next].token_type
            if depth == 0 and kind in (TokenType.COMMA, TokenType.R_PAREN):
                break
            depth += kind in (TokenType.L_PAREN, TokenType.L_BRACKET)
            depth -= kind in (TokenType.R_PAREN, TokenType.R_BRACKET)
            self._next += 1
        taken = self._tokens[begin : self._next]
        if not taken:
            raise self._error(self._peek(), "Expected an expression")
        text = self._source.text[taken[0].start : taken[-1].end + 1]
        return _tree(self._source, f"SELECT {text}").expressions[0]

    def _path(self) -> Any:
        """A table, model or connection path, backquoted or not."""
        first = self._token()
        last = first
        while (dot := self._peek()) and dot.text in (".", "-") and dot.start == last.end + 1:
            self._token()
            last = self._token()
        text = self._source.text[first.start : last.end + 1]
        table = exp.maybe_parse(text, into=exp.Table, dialect="bigquery")
        for identifier in table.find_all(exp.Identifier):
            identifier.meta.update(start=first.start, end=last.end)
        return table

    def _name(self) -> str:
        token = self._token()
        if token.token_type == TokenType.STRING or not token.text[:1].isidentifier():
            raise self._error(token, "Expected an identifier")
        return str(token.text)

    def _take(self, *words: str) -> bool:
        upcoming = self._tokens[self._next : self._next + len(words)]
        if [t.text.upper() for t in upcoming] != list(words) or any(t.token_type == TokenType.STRING for t in upcoming):
            return False
        self._next += len(words)
        return True

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._error(self._peek(), f'Expected "{word}"')

    def _end(self) -> None:
        if self._peek():
            raise self._error(self._peek(), "Expected end of input")

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _token(self) -> Token:
        token = self._peek()
        if token is None:
            raise self._error(None, "Unexpected end of statement")
        self._next += 1
        return token

    def _here(self) -> str:
        token = self._peek()
        return self._source.at(token.start if token else len(self._source.text))

    def _error(self, token: Token | None, what: str) -> ApiError:
        got = f' but got "{token.text}"' if token else " but got end of statement"
        if what.startswith("Unexpected"):
            got = ""
        return invalid_query(f"Syntax error: {what}{got} at {self._here()}")
