"""The words of a statement, one after the other, as GoogleSQL's lexer tells them apart (S/lexical)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from localcloud.core.errors import Unsupported, invalid_query
from localcloud.googlesql.literals import unescaped
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import Identifier, Path

_RESERVED = """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE CURRENT
    DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH FOLLOWING FOR FROM FULL
    GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE LIMIT LOOKUP
    MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE
    RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN
    WHERE WINDOW WITH WITHIN
"""
RESERVED = frozenset(_RESERVED.split())
_Item = TypeVar("_Item")
_LEXER = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|\#[^\n]*|/\*.*?\*/)
  | (?P<string>(?:[rR]|[bB]|[rR][bB]|[bB][rR])?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
        |'(?:\\.|[^\\'\n])*'|"(?:\\.|[^\\"\n])*"))
  | (?P<quoted>`(?:\\.|[^\\`\n])+`)
  | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign><<|<=|<>|>=|!=|\|\||\|>|=>|->|\+=|-=|@@|[-+*/%&|^~<>=().,;:?@\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
#: A backslash, after any number of pairs of them, before what it cannot escape.
_WRONG_ESCAPE = re.compile(
    r"(?<!\\)(?:\\\\)*(\\(?![abfnrtv\\?\"'`]|[xX][0-9a-fA-F]{2}|[0-3][0-7]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}).?)"
)


@dataclass(frozen=True)
class Lexeme:
    """One word, literal or sign. `kind` is string, quoted, number, word, sign or end."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """In upper case what a keyword or a sign is known by; nothing for literals and quoted names."""
        return self.text.upper() if self.kind in ("word", "sign") else ""

    def shown(self) -> str:
        """As a message names it."""
        if self.kind == "end":
            return "end of statement"
        if self.kind == "word":
            return f"keyword {self.word}" if self.word in RESERVED else f'identifier "{self.text}"'
        names = {"string": "string literal ", "quoted": "identifier ", "number": "literal "}
        return names[self.kind] + self.text if self.kind in names else f'"{self.text}"'


def lexemes(source: Text) -> list[Lexeme]:
    """The lexemes of a text and one `end`. Raises ApiError for what is none, an unclosed string for instance."""
    found, offset = [], 0
    while offset < len(source.text):
        match = _LEXER.match(source.text, offset)
        if match is None:
            character = source.text[offset]
            what = "Unclosed string literal" if character in "'\"" else f"Illegal input character {character!r}"
            what = "Unclosed identifier literal" if character == "`" else what
            raise invalid_query(f"Syntax error: {what} at {source.at(offset)}")
        if match.lastgroup == "string":
            _check_escapes(source, match)
        if match.lastgroup != "space":
            found.append(Lexeme(str(match.lastgroup), match[0], offset, match.end()))
        offset = match.end()
    return [*found, Lexeme("end", "", len(source.text), len(source.text))]


def _check_escapes(source: Text, literal: re.Match[str]) -> None:
    opening = re.match("[a-zA-Z]*", literal[0])
    if opening and "r" in opening[0].lower():
        return
    wrong = _WRONG_ESCAPE.search(literal[0])
    if wrong:
        raise invalid_query(
            f"Syntax error: Illegal escape sequence: {wrong[1]} at {source.at(literal.start() + wrong.start(1))}"
        )


class Reader:
    """A position in the lexemes of one statement. Raises ApiError 400 `Syntax error: … at [l:c]` and Unsupported."""

    def __init__(self, source: Text) -> None:
        self._source = source
        self._lexemes = lexemes(source)
        self._position = 0

    @property
    def next(self) -> Lexeme:
        return self._lexemes[self._position]

    def ahead(self, distance: int) -> Lexeme:
        """The lexeme that many after the next."""
        return self._lexemes[min(self._position + distance, len(self._lexemes) - 1)]

    def sees(self, *words: str) -> bool:
        """Whether exactly these come next."""
        return all(self.ahead(distance).word == word for distance, word in enumerate(words))

    def sees_any(self, *words: str) -> bool:
        return self.next.word in words

    def take(self, *words: str) -> bool:
        """Step over the words if they come next."""
        if not self.sees(*words):
            return False
        self._position += len(words)
        return True

    def take_any(self, *words: str) -> str:
        """Step over one of the words; which one, or nothing."""
        if not self.sees_any(*words):
            return ""
        return self.advance().word

    def advance(self) -> Lexeme:
        taken = self.next
        self._position = min(self._position + 1, len(self._lexemes) - 1)
        return taken

    def expect(self, *words: str) -> int:
        """Step over exactly these; where the first begins."""
        begin = self.next.start
        for word in words:
            if not self.take(word):
                shown = f"keyword {word}" if word.isalpha() else f'"{word}"'
                self.syntax_error(f"Expected {shown} but got {self.next.shown()}")
        return begin

    def unexpected(self) -> NoReturn:
        self.syntax_error(f"Unexpected {self.next.shown()}")

    def syntax_error(self, what: str) -> NoReturn:
        if self.sees("@", "{"):
            self.unsupported("hints")
        raise invalid_query(f"Syntax error: {what} at {self._source.at(self.next.start)}")

    def invalid(self, what: str, lexeme: Lexeme) -> NoReturn:
        """What is no error of syntax."""
        raise invalid_query(f"{what} at {self._source.at(lexeme.start)}")

    def unsupported(self, what: str) -> NoReturn:
        raise Unsupported(f"{what} at {self._source.at(self.next.start)}")

    def comma_separated(self, item: Callable[[], _Item]) -> tuple[_Item, ...]:
        """item, item, …"""
        found = [item()]
        while self.take(","):
            found.append(item())
        return tuple(found)

    def name(self) -> Identifier:
        """An identifier that is no keyword."""
        if self.next.kind != "quoted" and (self.next.kind != "word" or self.next.word in RESERVED):
            self.unexpected()
        return _identifier(self.advance())

    def names(self) -> tuple[Identifier, ...]:
        """(name, name, …)"""
        self.expect("(")
        found = self.comma_separated(self.name)
        self.expect(")")
        return found

    def any_name(self) -> Identifier:
        """An identifier after a dot, where keywords are names too."""
        if self.next.kind not in ("quoted", "word"):
            self.unexpected()
        return _identifier(self.advance())

    def path(self) -> Path:
        """name.name.name; the first may have dashes, as projects do."""
        first = self.name()
        text = first.text
        while self.sees("-") and self._touches():
            text += self.advance().text + self._dashed()
        project = text.removesuffix(".")
        parts = [Identifier(first.at, project, project.lower(), first.quoted)]
        if text != project:  # the dot was taken for the one of a number
            parts.append(self.any_name())
        while self.take("."):
            parts.append(self.any_name())
        return tuple(parts)

    def _dashed(self) -> str:
        """The part of a project's name after a dash, which the lexer reads as numbers and words."""
        if self.next.kind not in ("word", "number"):
            self.unexpected()
        last = self.advance()
        text = last.text
        while self.next.kind in ("word", "number") and self.next.start == last.end and not text.endswith("."):
            last = self.advance()
            text += last.text
        return text

    def _touches(self) -> bool:
        """Whether no space is around the next lexeme."""
        before, here, after = self._lexemes[self._position - 1], self.next, self.ahead(1)
        return before.end == here.start and here.end == after.start


def _identifier(lexeme: Lexeme) -> Identifier:
    quoted = lexeme.kind == "quoted"
    text = unescaped(lexeme.text[1:-1]) if quoted else lexeme.text
    return Identifier(lexeme.start, text, text.lower(), quoted)
