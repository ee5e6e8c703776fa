"""Binds the address of the search page and serves it.

Without --host only this machine can connect. An address that other machines can reach needs --expose, because the page
does not authenticate anybody.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable

import uvicorn

from imagesearch.errors import ImageSearchError
from imagesearch.stacks.stack import Stack
from imagesearch.web.app import application
from imagesearch.web.guard import names_of


class CannotListen(ImageSearchError):
    """The address cannot be bound, or is refused."""


def serve(stack: Stack, host: str | None, port: int, expose: bool, say: Callable[[str], None]) -> None:
    """Serve the search page of a stack until interrupted. Raises CannotListen."""
    listener = listen(host, port, expose, stack.outputs["project"])
    address, bound = listener.getsockname()[:2]
    shown = f"[{address}]" if listener.family == socket.AF_INET6 else address
    say(f"{stack.outputs['project']}.{stack.outputs['dataset']}: http://{shown}:{bound}/")
    if _is_public(address):
        say("Other machines can reach it. It does not authenticate anybody, and you pay for their searches.")
    say("Stop it with Ctrl-C. It writes nothing; each text that is new to it costs one embedding.")
    config = uvicorn.Config(
        application(stack, names_of(address)),
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        say("")


def listen(host: str | None, port: int, expose: bool, project: str) -> socket.socket:
    """A socket bound to the address. Raises CannotListen, also if other machines can reach it and `expose` is False."""
    try:
        family, _, _, _, address = min(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))  # IPv4 before IPv6
    except OSError as error:
        raise CannotListen(f"--host {host}: {error.strerror}.", "Give an address of this machine, or none.") from None
    if _is_public(str(address[0])) and not expose:
        raise CannotListen(
            f"On {address[0]} other machines can reach the search page. It does not authenticate anybody: they can see "
            f"the pictures, and their searches are charged to the project {project}.",
            "Omit --host so that only this machine can connect, with an authenticating proxy in front of it; or pass "
            "--expose if a firewall admits only people whom you trust.",
        )
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {address[0]} port {port}: {os.strerror(error.errno or 0)}.",
            "Choose another port with --port; 0 takes any that is free.",
        ) from None


def _is_public(address: str) -> bool:
    """Whether other machines can reach the address."""
    return not ipaddress.ip_address(address).is_loopback
