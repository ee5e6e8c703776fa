"""JSON bodies as Google's services take them, which is less than Python's own reader takes."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

MOST_DEEP = 100
"""Levels of objects and arrays, as many as protocol buffers read from JSON."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parsed(body: bytes) -> Any:
    """The value of a body. Raises ValueError for what is no JSON in UTF-8, for NaN and Infinity, for text that is not
    Unicode (half a surrogate pair, which could be kept but never answered), and below MOST_DEEP levels."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    if body.count(b"{") + body.count(b"[") > MOST_DEEP:
        _check_depth(value)
    if _SURROGATE.search(body):
        json.dumps(value, ensure_ascii=False).encode()  # UnicodeEncodeError is a ValueError
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEEP + 1):
        inside = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        if not inside:
            return
        level = [item for items in inside for item in items]
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"the message has more than {MOST_DEEP} levels")
