"""Where the search page listens, and who can reach it there.

Without --host that is this machine alone. Any other address lets others in, and takes --expose: the page asks nobody
who they are.
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

PORT = 8450


class CannotListen(ImageSearchError):
    """The address cannot be bound, or must not be."""


def serve(stack: Stack, host: str | None, port: int, expose: bool, say: Callable[[str], None]) -> None:
    """Serve the search page of a stack until interrupted. Raises CannotListen."""
    listener = listen(host, port, expose, stack.outputs["project"])
    address, bound = listener.getsockname()[:2]
    shown = f"[{address}]" if listener.family == socket.AF_INET6 else address
    say(f"{stack.outputs['project']}.{stack.outputs['dataset']}: http://{shown}:{bound}/")
    if _for_others(address):
        say("Others can reach it. It asks nobody who they are, and what they search for you pay.")
    say("Ctrl-C ends it. It writes nothing; a text that is new to it costs one embedding.")
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
    """A socket bound to the address. Raises CannotListen, also when others could reach it without `expose`."""
    try:
        family, _, _, _, address = min(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))  # IPv4 before IPv6
    except OSError as error:
        raise CannotListen(f"--host {host}: {error.strerror}.", "Give an address of this machine, or none.") from None
    if _for_others(str(address[0])) and not expose:
        raise CannotListen(
            f"On {address[0]} others can reach the search page. It asks nobody who they are: whoever reaches it sees "
            f"the pictures and spends the money of the project {project}.",
            "Leave --host out to keep it to this machine, and put a proxy that authenticates before it; or pass "
            "--expose if a firewall lets in only whom you trust.",
        )
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise CannotListen(
            f"Cannot listen on {address[0]} port {port}: {os.strerror(error.errno or 0)}.",
            "Choose another port with --port; 0 takes any that is free.",
        ) from None


def _for_others(address: str) -> bool:
    """Whether other machines can reach it."""
    return not ipaddress.ip_address(address).is_loopback
