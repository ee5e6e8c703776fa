"""Refuses requests with fields and parameters that do not exist or are mistyped, as the services do.

Choice: the text of the message, which differs between the services; code, status and reason are theirs.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.core.errors import Unsupported, invalid
from localcloud.core.store import Document
from localcloud.http.discovery.conformance import parameter_problems, problems
from localcloud.http.discovery.documents import Method, document, find
from localcloud.http.json_bodies import parse
from localcloud.http.partial import Mask, malformed, mask_of

_REFUSED = ("access_token", "oauth_token", "callback")
"""Parameters of every method that name the caller or the form of the answer, and are not supported here."""


class CheckedRequests:
    """ASGI middleware behind RequestMiddleware, which puts the body into the scope. Raises ApiError invalid."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope, body = overridden(scope, scope["localcloud.body"])
        scope["localcloud.body"] = body
        _refuse_unsupported_parameters(scope)
        path = scope.get("raw_path", b"").decode("ascii", "replace").partition("?")[0]
        method = None if path.startswith("/upload/") else find(scope["method"], path)
        if method is not None:
            _check(method, scope)
        await self._app(scope, receive, send)


def overridden(scope: Scope, body: bytes) -> tuple[Scope, bytes]:
    """The request and body that a POST with X-HTTP-Method-Override means. Google's clients send a GET as a POST, with
    the parameters in the body, when its URL is longer than 2,048 characters."""
    headers = dict(scope["headers"])
    verb = headers.get(b"x-http-method-override", b"").decode("latin-1").upper()
    if not verb or scope["method"] != "POST":
        return scope, body
    if not headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        return {**scope, "method": verb}, body
    query = b"&".join(part for part in (scope["query_string"], body) if part)
    return {**scope, "method": verb, "query_string": query}, b""


def _refuse_unsupported_parameters(scope: Scope) -> None:
    query = parse_qs(scope["query_string"].decode("ascii", "replace"))
    for name in _REFUSED:
        if name in query:
            raise Unsupported(f"parameter {name!r}")


def _check(method: Method, scope: Scope) -> None:
    query = parse_qs(scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)
    form = query.get("alt", ["json"])[0]
    if form not in ("", "json") and not (form == "media" and method.spec.get("supportsMediaDownload")):
        raise Unsupported(f"parameter 'alt' with {form!r} for {method.id}")
    if method.response and query.get("fields"):
        check_selection(method, query["fields"][0])
    found = [each for each in parameter_problems(method, query) if not each.endswith(": missing")]
    body = _parse_or_none(scope["localcloud.body"])
    if method.request and isinstance(body, dict):  # anything else is a parse error, which the service reports itself
        found += [f"body: {each}" for each in problems(method.api, method.request, body, sent=True)]
    if found:
        raise invalid(f"Invalid request: {found[0]}")


def check_selection(method: Method, text: str) -> None:
    """Raises ApiError invalidParameter when `fields` names a field that the method's answers never have."""
    schemas = document(method.api)["schemas"]

    def check(mask: Mask, spec: Document) -> None:
        while "$ref" in spec or "items" in spec:
            spec = schemas[spec["$ref"]] if "$ref" in spec else spec["items"]
        known, others = spec.get("properties", {}), spec.get("additionalProperties")
        for name, below in mask.items():
            if name != "*" and name not in known and others is None and spec.get("type") == "object":
                raise malformed(name)
            check(below, known.get(name, others or {}))

    check(mask_of(text), {"$ref": method.response})


def _parse_or_none(body: bytes) -> object:
    try:
        return parse(body)
    except ValueError:
        return None
