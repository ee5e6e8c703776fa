"""What every request passes before a service sees it: host, origin, size, faults, caller.

Only loopback callers that mean this server get through: the Host header must name 127.0.0.1 or localhost (a page that
rebinds its own name to loopback fails here), and a request from a web page of another origin (Origin header) is
refused.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.context import Context
from localcloud.errors import ApiError
from localcloud.faults import RequestFault

_LOG = logging.getLogger(__name__)
_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
_MEBIBYTE = 2**20
_MOST, _MOST_UPLOADED = 32 * _MEBIBYTE, 64 * _MEBIBYTE
#: No token is asked for here: liveness, the token endpoint itself, URLs that carry their own signature.
_OPEN = ("/healthz", "/token", "/signed/")


class Gate:
    """ASGI middleware. `member` finds the caller's IAM member from the Authorization header, or raises ApiError."""

    def __init__(self, app: ASGIApp, context: Context, member: Callable[[str | None], str]) -> None:
        self._app = app
        self._context = context
        self._member = member

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = time.monotonic()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._admitted(scope, receive, noting)
        except ApiError as error:
            await _answer(noting, error)
        finally:
            elapsed = (time.monotonic() - started) * 1000
            _LOG.info("%s %s -> %s in %.0f ms", scope["method"], scope["path"], status or "no answer", elapsed)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        _check_origin(headers)
        body = await _body(scope["path"], headers, receive)
        fault = self._fault(scope)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and fault.when == "before" and await _struck(fault, receive, send):
            return
        if not scope["path"].startswith(_OPEN):
            scope["localcloud.member"] = self._member(headers.get("authorization"))
        scope["localcloud.body"] = body
        lost = fault is not None and fault.when == "after" and (fault.drop or fault.status is not None)
        await self._app(scope, _replayed(body, receive), _discard if lost else send)
        if fault and lost:
            await _struck(fault, receive, send)

    def _fault(self, scope: Scope) -> RequestFault | None:
        if scope["path"].startswith(("/control/", "/healthz")):
            return None  # whoever set a plan must be able to look at it and to end it
        return self._context.faults.of_request(scope["method"], scope["path"])


def _check_origin(headers: dict[str, str]) -> None:
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise ApiError(403, "forbidden", f"Host {host!r} is not this server: call 127.0.0.1 or localhost.")
    if "origin" in headers:
        raise ApiError(403, "forbidden", "Requests from web pages (Origin header) are refused.")


async def _body(path: str, headers: dict[str, str], receive: Receive) -> bytes:
    limit = _MOST_UPLOADED if path.startswith("/upload/") else _MOST
    too_large = ApiError(413, "uploadTooLarge", f"The request body exceeds {limit // _MEBIBYTE} MiB.")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            raise too_large
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, for handlers that read it themselves."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _struck(fault: RequestFault, receive: Receive, send: Send) -> bool:
    """Do what the fault says instead of answering; False when it only delays."""
    if fault.drop:
        # ASGI has no word for hanging up. `receive` is a method of uvicorn's request cycle, which knows its transport.
        receive.__self__.transport.abort()  # type: ignore[attr-defined]
        while (await receive())["type"] != "http.disconnect":
            pass
        return True
    error = fault.error()
    if error:
        await _answer(send, error)
    return error is not None


async def _answer(send: Send, error: ApiError) -> None:
    body = json.dumps(error.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _discard(message: Message) -> None:
    """Where a lost answer goes."""
