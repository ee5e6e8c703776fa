"""Partial answers: the `fields` parameter that Google's REST services share.

    fields=items(name,size),nextPageToken      fields=services/name      fields=*

Source: cloud.google.com/storage/docs/json_api#partial-response.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from localcloud.core.errors import ApiError
from localcloud.core.store import Document

Mask = dict[str, Any]
"""Names asked for, each with the mask of what is below it; an empty mask is everything."""
_MAX_DEPTH = 100


def partial(request: Request, answer: Document) -> Document:
    """What of the answer the request's `fields` asks for; all of it without one. Raises ApiError 400."""
    text = request.query_params.get("fields", "")
    if not text:
        return answer
    chosen: Document = choose(answer, mask_of(text))
    return chosen


def mask_of(text: str) -> Mask:
    """The names that `fields` asks for, each with those below it. Raises ApiError 400."""
    tokens = re.findall(r"[^,()/\s]+|[,()/]", text)
    if tokens.count("(") + tokens.count("/") > _MAX_DEPTH:
        raise malformed(text)
    mask = _fields(tokens)
    if tokens:
        raise malformed(text)
    return mask


def malformed(text: str) -> ApiError:
    """400, with the services' message."""
    return ApiError(400, "invalidParameter", f"Invalid field selection {text}")


def _fields(tokens: list[str]) -> Mask:
    """Read `a,b/c,d(e,f)` off the front of the tokens; an empty mask keeps everything below."""
    mask: Mask = {}
    while tokens:
        path = [_name(tokens)]
        while tokens and tokens[0] == "/":
            tokens.pop(0)
            path.append(_name(tokens))
        below: Mask = {}
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            below = _fields(tokens)
            if not tokens or tokens.pop(0) != ")":
                raise malformed("(")
        for name in reversed(path[1:]):
            below = {name: below}
        mask.setdefault(path[0], {}).update(below)
        if not tokens or tokens[0] != ",":
            break
        tokens.pop(0)
    return mask


def _name(tokens: list[str]) -> str:
    if not tokens or tokens[0] in ",()/":
        raise malformed(tokens[0] if tokens else "")
    return tokens.pop(0)


def choose(value: Any, mask: Mask) -> Any:
    """What of the value the mask asks for."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [choose(item, mask) for item in value]
    if isinstance(value, dict):
        return {name: choose(value[name], below) for name, below in mask.items() if name in value}
    return value
