"""The server process once its port is open: uvicorn around the assembled application, until the last commit."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import uvicorn
from starlette.types import ASGIApp

from localcloud.apis.vertex.loading import LoadingEmbedder
from localcloud.core.clock import Clock
from localcloud.core.home import ServerInfo
from localcloud.core.ports import Embedder
from localcloud.core.store import Store, UnreadableState
from localcloud.http.auth import Authority
from localcloud.http.context import Context
from localcloud.server.assembly import assemble
from localcloud.server.process import CannotStart, Options

_LOG = logging.getLogger(__name__)
_GRACE = 1
"""Seconds that open requests are given at the end."""


def run(options: Options, listener: socket.socket, ready: Callable[[ServerInfo], None]) -> None:
    """Answer on `listener` until SIGTERM or SIGINT. `ready(about)` comes once requests are answered."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    home = options.home
    context = Context(home.path, _state(options), Clock(), url, options.project)
    authority = Authority(home.credentials, url, options.project, context.owner)
    embedder = LoadingEmbedder(options.embedder, lambda: _embedder(options.embedder))
    cloud = assemble(context, authority, embedder)

    def started() -> None:
        about = ServerInfo(
            url=url,
            port=listener.getsockname()[1],
            pid=os.getpid(),
            home=str(home.path),
            project=options.project,
            embedder=options.embedder,
            started=time.time(),
        )
        home.announce(about)
        ready(about)
        embedder.start()  # not earlier: loading the model would delay readiness

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it again after its end; `serve` ends the process
    _Server(_configuration(with_conformance_recorder(cloud.app)), started, cloud.cancel_jobs).run(sockets=[listener])
    try:
        cloud.close()
    except duckdb.Error as error:  # a job that did not end in time still runs; DuckDB's log has all that was committed
        _LOG.warning("the state was not closed: %s", error)


def _state(options: Options) -> Store:
    """The state of the home. Raises CannotStart when it is another version's, or another project's, whose resources
    would be out of reach."""
    try:
        store = Store(options.home.state)
    except UnreadableState as error:
        raise CannotStart(
            f"{options.home.state} {error}; take another --home, use the version that wrote it, or remove that folder"
        ) from None
    stored = store.get("meta", "project")
    if stored is None:
        with store.transaction() as change:
            change.put("meta", "project", {"id": options.project})
    elif stored["id"] != options.project:
        store.close()
        raise CannotStart(
            f"{options.home.path} holds project {stored['id']}: add --project {stored['id']}, or another --home"
        )
    return store


class _Server(uvicorn.Server):
    """uvicorn, with a call when it answers requests and one when it is told to end."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started
        self._ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._ending)  # requests that wait for a job are answered then
        await super().shutdown(sockets)


def with_conformance_recorder(app: ASGIApp) -> ASGIApp:
    """The application; with LOCALCLOUD_CONFORMANCE=FILE inside a recorder of what the discovery documents forbid."""
    record = os.environ.get("LOCALCLOUD_CONFORMANCE")
    if not record:
        return app
    from localcloud.http.discovery.recorder import ConformanceRecorder

    calls = os.environ.get("LOCALCLOUD_CALLS")
    return ConformanceRecorder(app, Path(record), Path(calls) if calls else None)


def _configuration(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        log_config=None,
        access_log=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=128 * 1024,
    )


def _embedder(name: str) -> Embedder:
    if name == "hash":
        from localcloud.apis.vertex.hashed import HashEmbedder

        return HashEmbedder()
    from localcloud.apis.vertex.embedder import Embedder as RealEmbedder

    return RealEmbedder()
