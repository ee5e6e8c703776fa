"""The routes of the local cloud, as its own application has them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from starlette.routing import Route

from localcloud.assembly import assemble
from localcloud.auth import Authority
from localcloud.clock import Clock
from localcloud.context import Context
from localcloud.store import Store
from localcloud.vertex.hashed import HashEmbedder
from localcloud.vertex.loading import LoadingEmbedder


@cache
def routes() -> tuple[Route, ...]:
    """Every route, in the order in which they are tried."""
    with tempfile.TemporaryDirectory() as folder:
        home, url = Path(folder), "http://127.0.0.1:1"
        context = Context(home, Store(home / "state.duckdb"), Clock(), url, "local-project")
        authority = Authority(home / "credentials.json", url, "local-project", context.owner)
        cloud = assemble(context, authority, LoadingEmbedder("hash", HashEmbedder))
        found = tuple(route for route in cloud.app._app._app.routes if isinstance(route, Route))  # type: ignore[attr-defined]
        cloud.cancel_jobs()
        cloud.close()
    return found
