"""The services around BigQuery behind the real middleware and a real HTTP server, in this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse

from localcloud.apis.vertex.hashed import HashEmbedder
from localcloud.core.clock import Clock
from localcloud.core.errors import ApiError
from localcloud.core.store import Store
from localcloud.http.context import Context
from localcloud.http.discovery.requests import CheckedRequests
from localcloud.http.middleware import RequestMiddleware
from localcloud.server.cloud import LocalServices
from localcloud.server.running import with_conformance_recorder

PROJECT = "local-project"
OWNER = "user:you@example.com"
EVERYTHING = ["aiplatform.googleapis.com", "bigqueryconnection.googleapis.com", "dataform.googleapis.com"]


@dataclass
class Running:
    """The services, and how to talk to them. Callers are named by `as_`; none is the owner."""

    context: Context
    services: LocalServices
    closing: ExitStack

    @property
    def url(self) -> str:
        return self.context.url

    def as_(self, member: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {member}"}
        return self.closing.enter_context(
            httpx.Client(base_url=self.url, headers=headers, trust_env=False, verify=False)
        )

    @cached_property
    def http(self) -> httpx.Client:
        return self.as_(OWNER)

    def discovery(self, api: str, version: str) -> Any:
        """The official client, from the discovery document that it carries."""
        from google.auth.transport.requests import AuthorizedSession  # noqa: F401  (loads before googleapiclient warns)
        from googleapiclient.discovery import build
        from httplib2 import Http

        prefix = {"storage": "storage/v1", "cloudresourcemanager": "cloudresourcemanager"}.get(api, api)
        service = build(
            api,
            version,
            http=Http(proxy_info=None),
            client_options={"api_endpoint": f"{self.url}/{prefix}/"},
            static_discovery=True,
        )
        self.closing.callback(service.close)
        return service

    def storage(self) -> storage.Client:
        client = storage.Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": self.url}
        )
        client._http.trust_env = False
        self.closing.callback(client._http.close)
        return client

    def enable(self, *services: str) -> None:
        body = {"serviceIds": list(services or EVERYTHING)}
        answer = self.http.post(f"/serviceusage/v1/projects/{PROJECT}/services:batchEnable", json=body)
        assert answer.status_code == 200, answer.text

    def connection(self, name: str = "c", location: str = "us") -> str:
        """A new connection whose service account is there; its member."""
        path = f"/bigqueryconnection/v1/projects/{PROJECT}/locations/{location}/connections"
        answer = self.http.post(path, params={"connectionId": name}, json={"cloudResource": {}})
        assert answer.status_code == 200, answer.text
        self.context.clock.advance(self.context.settings.service_account_delay)
        return f"serviceAccount:{answer.json()['cloudResource']['serviceAccountId']}"

    def grant(self, role: str, member: str) -> None:
        """A role on the project, in effect."""
        path = f"/cloudresourcemanager/v1/projects/{PROJECT}"
        policy = self.http.post(f"{path}:getIamPolicy").json()
        policy["bindings"].append({"role": role, "members": [member]})
        answer = self.http.post(f"{path}:setIamPolicy", json={"policy": policy})
        assert answer.status_code == 200, answer.text
        self.context.clock.advance(self.context.settings.propagation_delay)

    def upload(self, name: str, data: bytes, bucket: str = "demo-images", **kwargs: Any) -> storage.Blob:
        client = self.storage()
        if client.lookup_bucket(bucket) is None:
            client.create_bucket(bucket)
        blob = client.bucket(bucket).blob(name)
        blob.upload_from_string(data, content_type=kwargs.pop("content_type", "image/jpeg"), **kwargs)
        return blob


def _member(authorization: str | None) -> str:
    return authorization.removeprefix("Bearer ") if authorization else OWNER


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), status_code=error.code)


@dataclass
class Listening:
    """One HTTP server for the whole session, that serves the application of the test that runs."""

    url: str
    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def listening() -> Iterator[Listening]:
    # asyncio switches Nagle's algorithm off (40 ms an answer) only where the protocol is spelled out.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    app = Listening(f"http://127.0.0.1:{bound.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.002)
    yield app
    server.should_exit = True
    thread.join()
    bound.close()


@pytest.fixture
def cloud(tmp_path: Path, listening: Listening) -> Iterator[Running]:
    context = Context(home=tmp_path, store=Store(tmp_path / "state.duckdb"), clock=Clock(), url=listening.url)
    services = LocalServices(context, HashEmbedder())
    routed = Starlette(routes=services.routes(), exception_handlers={ApiError: _refused})
    listening.app = with_conformance_recorder(RequestMiddleware(CheckedRequests(routed), context, _member))
    with ExitStack() as closing:
        yield Running(context, services, closing)
    context.store.close()
