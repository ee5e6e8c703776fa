"""Middleware that checks every request and every answer, and records what the discovery documents do not allow.

A request is recorded only when it was answered with success: the service would have refused it. An answer is always
checked, an error against the form of errors. Paths that no Google API has (control, health, tokens, signed URLs) are
not checked.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.http.discovery.conformance import error_problems, parameter_problems, problems
from localcloud.http.discovery.documents import Method, find
from localcloud.http.discovery.requests import overridden

_NOT_GOOGLES = ("/control/", "/healthz", "/token", "/signed/")


class ConformanceRecorder:
    """ASGI middleware around the whole server. One JSON object a line: of `record` {call, method, problem}; of `calls`,
    if it is given, {method, status} for every call."""

    def __init__(self, app: ASGIApp, record: Path, calls: Path | None = None) -> None:
        self._app = app
        self._record = record
        self._calls = calls
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_NOT_GOOGLES):
            await self._app(scope, receive, send)
            return
        sent, answered = _Message(), _Message()

        async def receiving() -> Message:
            message = await receive()
            sent.add(message)
            return message

        async def sending(message: Message) -> None:
            answered.add(message)
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        finally:
            if answered.complete:
                scope, body = overridden(scope, bytes(sent.body))
                sent.body = bytearray(body)
                self._write(scope, answered.status, call_problems(scope, sent, answered))

    def _write(self, scope: Scope, status: int, found: list[str]) -> None:
        call, method = f"{scope['method']} {_path(scope)}", _method(scope)
        about = {"call": call, "method": method.id if method else "unknown"}
        lines = [json.dumps({**about, "problem": problem}) + "\n" for problem in found]
        with self._lock:
            _append(self._record, lines)
            if self._calls and method:
                _append(self._calls, [json.dumps({"method": method.id, "status": status}) + "\n"])


def _append(path: Path, lines: list[str]) -> None:
    if lines:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(lines)


class _Message:
    """A request or an answer, collected while it passes."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.complete = False

    def add(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] in ("http.request", "http.response.body"):
            self.body += message.get("body", b"")
            self.complete = not message.get("more_body", False)

    def json(self) -> Any:
        """Its value. Raises ValueError."""
        return json.loads(self.body)


def call_problems(scope: Scope, sent: _Message, answered: _Message) -> list[str]:
    """What is wrong with this call and its answer."""
    if answered.status >= 400:
        return _error(scope, answered)
    upload = _path(scope).startswith("/upload/")
    if upload and scope["method"] == "DELETE":
        return []  # of the resumable protocol, which is not part of the documents
    method = _method(scope)
    if method is None:
        return ["answered, though the documents have no such method"]
    parameters = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    if upload:
        parameters.pop("upload_id", None)
        if not answered.body:
            return parameter_problems(method, parameters)  # a resumable upload has begun
        return parameter_problems(method, parameters) + _answer(scope, method, answered)
    return parameter_problems(method, parameters) + _request(method, sent) + _answer(scope, method, answered)


def _method(scope: Scope) -> Method | None:
    """The method that is called; every request of an upload is part of the call that began it."""
    return find("POST" if _path(scope).startswith("/upload/") else scope["method"], _path(scope))


def _error(scope: Scope, answered: _Message) -> list[str]:
    if scope["method"] == "HEAD" or not _is_json(answered):
        return []
    try:
        return error_problems(answered.json(), answered.status)
    except ValueError:
        return ["the error is no JSON"]


def _request(method: Method, sent: _Message) -> list[str]:
    if bytes(sent.body).strip() in (b"", b"{}"):
        return []
    if method.request is None:
        return [f"a body of {len(sent.body)} bytes was taken by {method.id}, which has none"]
    try:
        return [f"request: {each}" for each in problems(method.api, method.request, sent.json(), sent=True)]
    except ValueError:
        return ["request: no JSON, and accepted"]


def _answer(scope: Scope, method: Method, answered: _Message) -> list[str]:
    """A part of an answer (`fields`) is checked like the whole. Media, redirects and unfinished uploads are no JSON."""
    if b"alt=media" in scope["query_string"] or not 200 <= answered.status < 300 or not _is_json(answered):
        return []
    if not answered.body:
        return [] if method.response is None or answered.status == 204 else [f"{method.id} answered nothing"]
    if method.response is None:
        return [f"{method.id} answered a body, and has none"]
    try:
        return [f"answer: {each}" for each in problems(method.api, method.response, answered.json())]
    except ValueError:
        return ["answer: no JSON"]


def _is_json(answered: _Message) -> bool:
    return "json" in answered.headers.get("content-type", "application/json") and (
        "content-encoding" not in answered.headers
    )


def _path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("ascii", "replace").partition("?")[0]
