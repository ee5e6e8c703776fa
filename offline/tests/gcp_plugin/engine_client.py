"""The engine's end of the plugin, for tests: Pulumi's provider protocol over a real gRPC channel, with plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from offline.gcp_plugin.servicer import struct_of, values_of

Properties = dict[str, Any]


class Refused(Exception):
    """A call that failed, with the message the user sees."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(error.details())
        self.metadata = dict(error.trailing_metadata() or ())


@dataclass
class Made:
    """A resource as the engine's state holds it."""

    token: str
    identifier: str
    inputs: Properties
    state: Properties


def urn(token: str, name: str = "thing") -> str:
    return f"urn:pulumi:local::test::{token}::{name}"


class EngineClient:
    """Calls of a provider over `channel`, in the engine's order."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = provider_pb2_grpc.ResourceProviderStub(channel)

    def call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.stub, method)(request, timeout=30)
        except grpc.RpcError as error:
            raise Refused(error) from error

    def configure(self, settings: Properties) -> None:
        self.call("Configure", provider_pb2.ConfigureRequest(args=struct_of(settings), acceptSecrets=True))

    def check_config(self, settings: Properties) -> list[str]:
        answer = self.call("CheckConfig", provider_pb2.CheckRequest(news=struct_of(settings)))
        return [failure.reason for failure in answer.failures]

    def check(self, token: str, news: Properties, olds: Properties | None = None, name: str = "thing") -> Properties:
        answer = self._check(token, news, olds, name)
        assert not answer.failures, [failure.reason for failure in answer.failures]
        return values_of(answer.inputs)

    def refusals(self, token: str, news: Properties) -> list[tuple[str, str]]:
        return [(failure.property, failure.reason) for failure in self._check(token, news, None, "thing").failures]

    def _check(self, token: str, news: Properties, olds: Properties | None, name: str) -> Any:
        request = provider_pb2.CheckRequest(
            urn=urn(token, name), news=struct_of(news), olds=struct_of(olds or {}), randomSeed=b"\x01\x23\x45\x67"
        )
        return self.call("Check", request)

    def create(self, token: str, arguments: Properties) -> Made:
        inputs = self.check(token, arguments)
        request = provider_pb2.CreateRequest(urn=urn(token), properties=struct_of(inputs))
        answer = self.call("Create", request)
        return Made(token, answer.id, inputs, values_of(answer.properties))

    def preview(self, token: str, arguments: Properties) -> Properties:
        inputs = self.check(token, arguments)
        request = provider_pb2.CreateRequest(urn=urn(token), properties=struct_of(inputs), preview=True)
        return values_of(self.call("Create", request).properties)

    def diff(self, made: Made, arguments: Properties) -> Any:
        news = self.check(made.token, arguments, made.inputs)
        request = provider_pb2.DiffRequest(
            urn=urn(made.token),
            id=made.identifier,
            olds=struct_of(made.state),
            old_inputs=struct_of(made.inputs),
            news=struct_of(news),
        )
        return self.call("Diff", request)

    def update(self, made: Made, arguments: Properties) -> Made:
        news = self.check(made.token, arguments, made.inputs)
        request = provider_pb2.UpdateRequest(
            urn=urn(made.token),
            id=made.identifier,
            olds=struct_of(made.state),
            old_inputs=struct_of(made.inputs),
            news=struct_of(news),
        )
        return Made(made.token, made.identifier, news, values_of(self.call("Update", request).properties))

    def refresh(self, made: Made) -> Made | None:
        return self._read(made.token, made.identifier, made.state, made.inputs)

    def imported(self, token: str, identifier: str) -> Made | None:
        return self._read(token, identifier, {}, {})

    def _read(self, token: str, identifier: str, state: Properties, inputs: Properties) -> Made | None:
        request = provider_pb2.ReadRequest(
            urn=urn(token), id=identifier, properties=struct_of(state), inputs=struct_of(inputs)
        )
        answer = self.call("Read", request)
        if not answer.id:
            return None
        return Made(token, answer.id, values_of(answer.inputs), values_of(answer.properties))

    def delete(self, made: Made) -> None:
        request = provider_pb2.DeleteRequest(
            urn=urn(made.token), id=made.identifier, properties=struct_of(made.state), old_inputs=struct_of(made.inputs)
        )
        self.call("Delete", request)

    def invoke(self, token: str, arguments: Properties) -> Properties:
        answer = self.call("Invoke", provider_pb2.InvokeRequest(tok=token, args=struct_of(arguments)))
        returned: struct_pb2.Struct = getattr(answer, "return")
        return values_of(returned)
