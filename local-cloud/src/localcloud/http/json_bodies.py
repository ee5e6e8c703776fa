"""JSON bodies as Google's services accept them, which is less than Python's json module accepts."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

MAX_DEPTH = 100
"""Levels of objects and arrays: the limit of protocol buffers' JSON parser."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(body: bytes) -> Any:
    """The value of a body. Raises ValueError for what is no JSON in UTF-8, for NaN and Infinity, for text that is not
    Unicode (half a surrogate pair, which could be stored but not encoded), and for more than MAX_DEPTH levels."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_depth(value)
    if _SURROGATE.search(body):
        json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        inside = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        if not inside:
            return
        level = [item for items in inside for item in items]
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"the message has more than {MAX_DEPTH} levels")
