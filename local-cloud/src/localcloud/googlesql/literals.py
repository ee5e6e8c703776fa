"""What the literals of GoogleSQL say (S/lexical#literals)."""

from __future__ import annotations

import re

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:([xX])([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)


def string_of(text: str) -> tuple[str, bool]:
    """The value of a string or bytes literal as it is spelled, and whether it is BYTES (one character a byte)."""
    opening = re.match("[a-zA-Z]*", text)
    prefix = opening[0].lower() if opening else ""
    body = text[len(prefix) :]
    marks = 3 if body[:3] in ("'''", '"""') else 1
    body = body[marks:-marks]
    if "b" in prefix:
        body = body.encode().decode("latin-1")
    return (body if "r" in prefix else unescaped(body)), "b" in prefix


def unescaped(text: str) -> str:
    """The text with what its escape sequences stand for."""
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    _, two, octal, four, eight, character = match.groups()
    if two or four or eight:
        return chr(min(int(two or four or eight, 16), 0x10FFFF))
    if octal:
        return chr(int(octal, 8))
    return _ESCAPES.get(character, character)
