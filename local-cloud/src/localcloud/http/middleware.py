"""The middleware in front of all services: checks host, origin, size and caller of a request, and injects faults.

Only loopback callers that address this server are accepted: the Host header must name 127.0.0.1 or localhost (which
stops a web page whose name resolves to loopback), and a request of a web page (Origin header) is refused.
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
_POLL_INTERVAL = 0.02
"""Seconds between checks whether a held request is released."""
_MAX_BODY, _MAX_UPLOAD = 32 * _MEBIBYTE, 64 * _MEBIBYTE
#: Paths that need no token: liveness, the token endpoint itself, URLs that carry a signature.
_WITHOUT_TOKEN = ("/healthz", "/token", "/signed/")


class RequestMiddleware:
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

        async def recording_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._process(scope, receive, recording_status)
        except ApiError as error:
            await _send_error(recording_status, error)
        finally:
            elapsed = (time.monotonic() - started) * 1000
            _LOG.info("%s %s -> %s in %.0f ms", scope["method"], scope["path"], status or "no answer", elapsed)

    async def _process(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        _check_origin(headers)
        body = await _body(scope["path"], headers, receive)
        fault = self._fault(scope, body)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and fault.when == "before" and await self._inject_fault(fault, scope, receive, send):
            return
        if not scope["path"].startswith(_WITHOUT_TOKEN):
            scope["localcloud.member"] = self._member(headers.get("authorization"))
        scope["localcloud.body"] = body
        if fault is None or fault.when == "before":
            await self._app(scope, _replay(body, receive), send)
            return
        answer: list[Message] = []
        await self._app(scope, _replay(body, receive), _buffered(answer))
        if not await self._inject_fault(fault, scope, receive, send):
            for message in answer:
                await send(message)

    def _fault(self, scope: Scope, body: bytes) -> RequestFault | None:
        if scope["path"].startswith(("/control/", "/healthz")):
            return None  # a plan can always be read and ended
        return self._context.faults.of_request(scope["method"], scope["path"], body)

    async def _inject_fault(self, fault: RequestFault, scope: Scope, receive: Receive, send: Send) -> bool:
        """Apply the fault; whether the request ends with it. False when it continues."""
        if fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.hold:
            with self._context.faults.holding(scope["method"], scope["path"], fault.when) as held:
                if not await _wait_for_release(held.released, fault.seconds, receive):
                    return True
        if fault.drop:
            await _drop_connection(receive)
            return True
        error = fault.error()
        if error:
            await _send_error(send, error)
        return error is not None


def _check_origin(headers: dict[str, str]) -> None:
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise ApiError(403, "forbidden", f"Host {host!r} is not this server: call 127.0.0.1 or localhost.")
    if "origin" in headers:
        raise ApiError(403, "forbidden", "Requests from web pages (Origin header) are refused.")


async def _body(path: str, headers: dict[str, str], receive: Receive) -> bytes:
    limit = _MAX_UPLOAD if path.startswith("/upload/") else _MAX_BODY
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


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body again, for handlers that read it themselves."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _wait_for_release(released: threading.Event, seconds: float, receive: Receive) -> bool:
    """Wait for the release or `seconds`; False as soon as the client has disconnected."""
    deadline = time.monotonic() + seconds
    disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        while not released.is_set() and time.monotonic() < deadline and not disconnected.done():
            await asyncio.wait([disconnected], timeout=_POLL_INTERVAL)
        return not disconnected.done()
    finally:
        disconnected.cancel()


async def _drop_connection(receive: Receive) -> None:
    # ASGI has no message for it. `receive` is a method of uvicorn's request cycle, which has the transport.
    receive.__self__.transport.abort()  # type: ignore[attr-defined]
    await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_error(send: Send, error: ApiError) -> None:
    body = json.dumps(error.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _buffered(answer: list[Message]) -> Send:
    """Collects the answer in a list, for a fault that loses or delays it."""

    async def buffer(message: Message) -> None:
        answer.append(message)

    return buffer
