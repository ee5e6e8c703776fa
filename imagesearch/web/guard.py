"""Refuses requests that come from other sites, as ASGI middleware.

The search page does not authenticate anybody, so another page in the same browser must not be able to use it: neither
by a host name that resolves to this machine (DNS rebinding, recognised by the Host header), nor by loading one of our
addresses as an image or a frame, which would cost a search (recognised by Fetch Metadata). Links from other sites are
allowed.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True)
class Hosts:
    """The host names that the Host header may have."""

    names: frozenset[str]
    any_address: bool = False
    """Bound to every interface: any IP address is accepted, because DNS rebinding needs a name."""

    def __contains__(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]").rstrip(".").lower()
        return name in self.names or (self.any_address and _is_address(name))


def names_of(address: str) -> Hosts:
    """The host names of a server that is bound to `address`: the address, and its names on this machine."""
    if ipaddress.ip_address(address).is_unspecified:
        return Hosts(frozenset({socket.gethostname().lower(), socket.getfqdn().lower()}), any_address=True)
    return Hosts(frozenset({address, *_reverse_lookup(address)}))


def _reverse_lookup(address: str) -> Iterable[str]:
    try:
        name, aliases, _ = socket.gethostbyaddr(address)
    except OSError:  # the address has no name
        return ()
    return (each.lower() for each in (name, *aliases))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Middleware that refuses other hosts and cross-site requests, and sets the headers of every response."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        respond = self._refusal(Headers(scope=scope)) or self.app
        await respond(scope, receive, with_headers)

    def _refusal(self, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if host not in self.hosts:
            expected = " or ".join(sorted(self.hosts.names))
            return PlainTextResponse(f"This server is not {host!r}. Open it as {expected}.\n", 421)
        cross_site = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if cross_site and headers.get("sec-fetch-dest") != "document":
            return PlainTextResponse("Another site may link to this page, not load it as a part of itself.\n", 403)
        return None
