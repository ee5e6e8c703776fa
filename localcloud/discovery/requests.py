"""Refuses what the services refuse before they look at it: fields and parameters that do not exist or are mistyped.

Choice: the words of the message, which differ between the services; the code, the status and the reason are theirs.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.discovery.documents import Method, find
from localcloud.discovery.fit import parameter_problems, problems
from localcloud.errors import invalid
from localcloud.parsing import parsed


class CheckedRequests:
    """ASGI middleware behind the gate, which leaves the body in the scope. Raises ApiError invalid."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("raw_path", b"").decode("ascii", "replace").partition("?")[0]
        method = None if path.startswith("/upload/") else find(scope["method"], path)
        if method is not None:
            _check(method, scope)
        await self._app(scope, receive, send)


def _check(method: Method, scope: Scope) -> None:
    query = parse_qs(scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)
    found = [each for each in parameter_problems(method, query) if not each.endswith(": missing")]
    body = _parsed(scope["localcloud.body"])
    if method.request and isinstance(body, dict):  # anything else is a parse error, which the service words itself
        found += [f"body: {each}" for each in problems(method.api, method.request, body, sent=True)]
    if found:
        raise invalid(f"Invalid request: {found[0]}")


def _parsed(body: bytes) -> Any:
    try:
        return parsed(body)
    except ValueError:
        return None
