"""The stand-in plugin between an engine and the smallest cloud."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc

from offline.gcp_plugin import iam, rest
from offline.gcp_plugin.servicer import GcpServicer
from offline.tests.gcp_plugin import smallest_cloud
from offline.tests.gcp_plugin.engine_client import EngineClient


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[smallest_cloud.SmallestCloud]:
    """The recorder. Waits between attempts take no time."""
    monkeypatch.setattr(rest, "RETRY_STEP", 0.0)
    monkeypatch.setattr(iam, "CONFLICT_WAIT", 0.0)
    with smallest_cloud.running() as cloud:
        yield cloud


@pytest.fixture
def plugin() -> Iterator[EngineClient]:
    """The plugin, not configured."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(GcpServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield EngineClient(channel)
    server.stop(None).wait()


@pytest.fixture
def engine(plugin: EngineClient, google: smallest_cloud.SmallestCloud) -> EngineClient:
    """The plugin, configured for the recorder."""
    plugin.configure(google.settings())
    return plugin
