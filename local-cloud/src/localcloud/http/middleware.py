"""What every request passes before a service sees it: host, origin, size, faults, caller.

Only loopback callers that mean this server get through: the Host header must name 127.0.0.1 or localhost (a page that
rebinds its own name to loopback fails here), and a request from a web page of another origin (Origin header) is
refused.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.core.errors import ApiError
from localcloud.core.faults import RequestFault
from localcloud.http.context import Context

_LOG = logging.getLogger(__name__)
_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
_MEBIBYTE = 2**20
_LOOK = 0.02
"""Seconds between looks whether a held request may go on."""
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
        fault = self._fault(scope, body)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and fault.when == "before" and await self._struck(fault, scope, receive, send):
            return
        if not scope["path"].startswith(_OPEN):
            scope["localcloud.member"] = self._member(headers.get("authorization"))
        scope["localcloud.body"] = body
        if fault is None or fault.when == "before":
            await self._app(scope, _replayed(body, receive), send)
            return
        answer: list[Message] = []
        await self._app(scope, _replayed(body, receive), _kept(answer))
        if not await self._struck(fault, scope, receive, send):
            for message in answer:
                await send(message)

    def _fault(self, scope: Scope, body: bytes) -> RequestFault | None:
        if scope["path"].startswith(("/control/", "/healthz")):
            return None  # whoever set a plan must be able to look at it and to end it
        return self._context.faults.of_request(scope["method"], scope["path"], body)

    async def _struck(self, fault: RequestFault, scope: Scope, receive: Receive, send: Send) -> bool:
        """Do what the fault says instead of going on; False when the request goes on after all."""
        if fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.hold:
            with self._context.faults.holding(scope["method"], scope["path"], fault.when) as held:
                if not await _waited(held.released, fault.seconds, receive):
                    return True
        if fault.drop:
            await _hang_up(receive)
            return True
        error = fault.error()
        if error:
            await _answer(send, error)
        return error is not None


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


async def _waited(released: threading.Event, seconds: float, receive: Receive) -> bool:
    """Wait until it is released or time is up; False as soon as the caller has gone."""
    deadline = time.monotonic() + seconds
    gone = asyncio.ensure_future(_gone(receive))
    try:
        while not released.is_set() and time.monotonic() < deadline and not gone.done():
            await asyncio.wait([gone], timeout=_LOOK)
        return not gone.done()
    finally:
        gone.cancel()


async def _hang_up(receive: Receive) -> None:
    # ASGI has no word for it. `receive` is a method of uvicorn's request cycle, which knows its transport.
    receive.__self__.transport.abort()  # type: ignore[attr-defined]
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, error: ApiError) -> None:
    body = json.dumps(error.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _kept(answer: list[Message]) -> Send:
    """Sends to a list: an answer that may be lost, or late."""

    async def keep(message: Message) -> None:
        answer.append(message)

    return keep
