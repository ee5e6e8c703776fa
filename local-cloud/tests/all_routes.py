"""The routes of the local cloud, as its own application has them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from starlette.routing import Route

from localcloud.apis.vertex.hashed import HashEmbedder
from localcloud.apis.vertex.loading import LoadingEmbedder
from localcloud.core.clock import Clock
from localcloud.core.store import Store
from localcloud.http.auth import Authority
from localcloud.http.context import Context
from localcloud.server.assembly import assemble


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
