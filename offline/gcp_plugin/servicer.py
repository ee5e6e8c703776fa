"""The engine's side of the plugin: Pulumi's ResourceProvider service, answered by the resource types.

The plugin accepts no secrets: the engine then sends arguments in clear text, and marks what comes back as secret where
the arguments were. Calls run in threads; each blocks on its requests.
"""

# ruff: noqa: N802 — the methods are named by the service

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from offline.gcp_plugin import UNSUPPORTED, VERSION, configuration, functions, properties
from offline.gcp_plugin.configuration import Configuration, ConfigurationError
from offline.gcp_plugin.properties import UNKNOWN, Change, Failure, Properties
from offline.gcp_plugin.resource import PartlyCreated, ResourceType
from offline.gcp_plugin.resource_types import RESOURCE_TYPES, schema
from offline.gcp_plugin.rest import Cloud, ProviderError

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key that marks an object of the engine's as more than an object: a secret, an output, an asset."""

Context = Any


class GcpServicer(provider_pb2_grpc.ResourceProviderServicer):
    """One provider process. It serves what the engine configures it for."""

    def __init__(self) -> None:
        self._cloud = Cloud(Configuration())

    def Handshake(self, request: Any, context: Context) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Context) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Context) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema()))

    def CheckConfig(self, request: Any, context: Context) -> Any:
        failures = configuration.check(values_of(request.news))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(failures))

    def DiffConfig(self, request: Any, context: Context) -> Any:
        return _diff_response(properties.changes((), values_of(request.old_inputs), values_of(request.news)), False)

    def Configure(self, request: Any, context: Context) -> Any:
        try:
            self._cloud = Cloud(configuration.configure(values_of(request.args)))
        except ConfigurationError as error:
            _fail(context, str(error))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Invoke(self, request: Any, context: Context) -> Any:
        answer = _guarded(context, lambda: functions.invoke(self._cloud, request.tok, values_of(request.args)))
        return provider_pb2.InvokeResponse(**{"return": struct_of(answer)})

    def Check(self, request: Any, context: Context) -> Any:
        token, name = _type_and_name(request.urn)
        resource_type = RESOURCE_TYPES.get(token)
        if resource_type is None:
            refusal = Failure("", f"{UNSUPPORTED}: resource type {token}")
            return provider_pb2.CheckResponse(inputs=request.news, failures=_failures([refusal]))
        olds, news = values_of(request.olds), values_of(request.news)
        inputs, failures = resource_type.check(self._cloud.configuration, name, olds, news, request.randomSeed)
        return provider_pb2.CheckResponse(inputs=struct_of(inputs), failures=_failures(failures))

    def Diff(self, request: Any, context: Context) -> Any:
        resource_type = _resource_type(context, request.urn)
        state, news = values_of(request.olds), values_of(request.news)
        olds = values_of(request.old_inputs)
        found = resource_type.diff(self._cloud.configuration, state, olds, news)
        return _diff_response(found, resource_type.delete_before_replace)

    def Create(self, request: Any, context: Context) -> Any:
        resource_type = _resource_type(context, request.urn)
        arguments = values_of(request.properties)
        if request.preview:
            state = resource_type.expected_state(self._cloud.configuration, {}, arguments)
            return provider_pb2.CreateResponse(properties=struct_of(state))
        state = _guarded(context, lambda: resource_type.create(self._cloud, arguments))
        return provider_pb2.CreateResponse(id=resource_type.identifier(state), properties=struct_of(state))

    def Read(self, request: Any, context: Context) -> Any:
        resource_type = _resource_type(context, request.urn)
        arguments = values_of(request.inputs)

        def read() -> Properties | None:
            known = values_of(request.properties) | arguments
            if not resource_type.is_named_by(known):  # an import, or the program looks an existing resource up
                known = resource_type.parse(self._cloud.configuration, request.id) | known
            return resource_type.read(self._cloud, known)

        state = _guarded(context, read)
        if state is None:
            return provider_pb2.ReadResponse()
        reported = {name: value for name, value in state.items() if resource_type.is_argument(name)}
        inputs = properties.given(resource_type.arguments, reported, arguments)
        identifier = resource_type.identifier(state)
        return provider_pb2.ReadResponse(id=identifier, properties=struct_of(state), inputs=struct_of(inputs))

    def Update(self, request: Any, context: Context) -> Any:
        resource_type = _resource_type(context, request.urn)
        state, news = values_of(request.olds), values_of(request.news)
        if request.preview:
            expected = resource_type.expected_state(self._cloud.configuration, state, news)
            return provider_pb2.UpdateResponse(properties=struct_of(expected))
        olds = values_of(request.old_inputs)
        updated = _guarded(context, lambda: resource_type.update(self._cloud, state, olds, news))
        return provider_pb2.UpdateResponse(properties=struct_of(updated))

    def Delete(self, request: Any, context: Context) -> Any:
        resource_type = _resource_type(context, request.urn)
        state = values_of(request.properties)
        _guarded(context, lambda: resource_type.delete(self._cloud, state))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Context) -> Any:
        self._cloud.cancel()
        return empty_pb2.Empty()


def values_of(struct: struct_pb2.Struct) -> Properties:
    """A message's properties as plain values: whole numbers as int, secrets opened."""
    return {name: _plain(value) for name, value in struct.fields.items()}


def _plain(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            values = values_of(value.struct_value)
            return values.get("value", UNKNOWN) if _SIGNATURE in values else values
        case "list_value":
            return [_plain(item) for item in value.list_value.values]
        case "number_value":
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "string_value" | "bool_value" as kind:
            return getattr(value, kind)
        case _:
            return None


def struct_of(values: Properties) -> struct_pb2.Struct:
    """Plain values as a message."""
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def _guarded(context: Context, operation: Callable[[], Any]) -> Any:
    """Run it; what goes wrong becomes the call's error, without a traceback."""
    try:
        return operation()
    except PartlyCreated as error:
        _fail_partly_created(context, error)
    except ProviderError as error:
        _fail(context, str(error))


def _fail(context: Context, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort raises")


def _fail_partly_created(context: Context, error: PartlyCreated) -> NoReturn:
    """Tell the engine to keep the resource in its state and to finish it on the next update."""
    # Google's own definition: Pulumi's copy cannot be loaded beside it. Imported when needed, which is hardly ever.
    from google.rpc import status_pb2

    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.identifier, properties=struct_of(error.state), reasons=[str(error)]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    _fail(context, str(error))


def _type_and_name(urn: str) -> tuple[str, str]:
    """Of urn:pulumi:stack::project::parent$type::name."""
    parts = urn.split("::", 3)
    return parts[2].rpartition("$")[2], parts[3]


def _resource_type(context: Context, urn: str) -> ResourceType:
    token, _ = _type_and_name(urn)
    if token not in RESOURCE_TYPES:
        _fail(context, f"{UNSUPPORTED}: resource type {token}")
    return RESOURCE_TYPES[token]


def _failures(failures: list[Failure]) -> list[Any]:
    return [provider_pb2.CheckFailure(property=failure.path, reason=failure.reason) for failure in failures]


def _diff_response(found: dict[str, Change], delete_before_replace: bool) -> Any:
    def kind(change: Change) -> Any:
        name = f"{change.kind}_REPLACE" if change.replaces else change.kind
        return provider_pb2.PropertyDiff.Kind.Value(name)

    names = list(dict.fromkeys(path.split(".")[0] for path in found))
    replacing = list(dict.fromkeys(path.split(".")[0] for path, change in found.items() if change.replaces))
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=names,
        replaces=replacing,
        deleteBeforeReplace=delete_before_replace and bool(replacing),
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=kind(change), inputDiff=True) for path, change in found.items()
        },
        hasDetailedDiff=True,
    )
