"""What the program declares for one stack config: the real __main__.py against Pulumi's mocks, in a process of its own.

    python -m tests.inventory.record < {"stack": …, "config": {…}}

A line each. Prints {"resources": […], "outputs": […], "error": …} as JSON for each. No engine, no cloud, nothing is
made.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import pkgutil
import runpy
import subprocess
import sys
import traceback
from functools import cache
from importlib import import_module
from typing import Any, NoReturn

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import Stack, run_pulumi_func

import components
from tests.inventory.stack_files import NO_PROJECT, ROOT

PROJECT = "image-search"
SERVICE_ACCOUNT = "bqcx-000000000000-abcd@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
INVENTED: dict[str, dict[str, Any]] = {
    "gcp:bigquery/connection:Connection": {"cloudResource": {"serviceAccountId": SERVICE_ACCOUNT}},
    "pulumi-python:dynamic/bigquery:EmbeddingsTables": {"owner": "0123456789abcdef"},
    "pulumi-python:dynamic/bigquery:EmbeddedImages": {"stored": 10_000, "version": "10000@2026-11-22T00:00:00+00:00"},
}
"""What the cloud would answer and other resources take as inputs."""


class ResourceFailed(Exception):
    """A resource that was told to fail."""


class Cloud(mocks.Mocks):
    """Answers every resource with its inputs, but those of the type that `fails`."""

    def __init__(self, fails: str) -> None:
        self.fails = fails

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if self.fails and args.typ.endswith(f":{self.fails}"):
            raise ResourceFailed(args.name)
        answer = {**args.inputs, **INVENTED.get(args.typ, {})}
        if args.typ == "gcp:bigquery/connection:Connection":
            place = f"projects/000000000000/locations/{args.inputs['location'].lower()}"
            answer["name"] = f"{place}/connections/{args.inputs['connectionId']}"
        return f"{args.name}-id", answer

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        raise AssertionError(f"the program asks the provider nothing before it declares: {args.token}")


class Recorder(mocks.MockMonitor):
    """Keeps what is registered, in order, with the options that decide about deletion and order."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.registered: list[dict[str, Any]] = []

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802  gRPC's name
        if request.type != "pulumi:pulumi:Stack":
            inputs = pulumi.runtime.rpc.deserialize_properties(request.object)
            entry: dict[str, Any] = {"type": request.type, "name": request.name}
            if parent := _name(request.parent):
                entry["parent"] = parent
            if waits_for := sorted({_name(urn) for urn in request.dependencies} - {""}):
                entry["depends_on"] = waits_for
            if hooks := list(request.hooks.on_error):
                entry["on_error"] = hooks
            if inputs := {key: inputs[key] for key in sorted(inputs) if key != "__provider"}:
                entry["inputs"] = _whole(inputs)
            self.registered.append(entry)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def record(stack: str, config: dict[str, Any], fails: str = "") -> dict[str, Any]:
    """Run the program for a stack config in a new process; resources of the type that `fails` do."""
    recorder = _recorder()
    assert recorder.stdin is not None and recorder.stdout is not None
    print(json.dumps({"stack": stack, "config": config, "fails": fails}), file=recorder.stdin, flush=True)
    answer = recorder.stdout.readline()
    assert answer.startswith("{"), "the program ended without an answer; standard error has its traceback"
    recorded: dict[str, Any] = json.loads(answer)
    return recorded


@cache
def _recorder() -> subprocess.Popen[str]:
    """A process that has loaded what the program imports, which takes longer than the program itself; it ends with
    this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.inventory.record"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "GOOGLE_"))},
    )
    atexit.register(process.communicate)
    return process


def _name(urn: str) -> str:
    return "" if "pulumi:pulumi:Stack" in urn.split("::")[2:3] else urn.rsplit("::", 1)[-1]


def _whole(value: Any) -> Any:
    """`value` with whole numbers whole again, which all are floats on the way to the engine, and keys in order."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def _main() -> None:
    for module in pkgutil.iter_modules(components.__path__, "components."):
        import_module(module.name)
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            _answer(json.loads(line))
        _, status = os.waitpid(child, 0)
        if status:
            print(status, flush=True)


def _answer(asked: dict[str, Any]) -> NoReturn:
    """Run the program and write the answer; what the program prints goes to standard error. Ends this process."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        print(json.dumps(_recorded(asked)), file=answers, flush=True)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _recorded(asked: dict[str, Any]) -> dict[str, Any]:
    config = {"gcp:project": NO_PROJECT, **asked["config"]}
    recorder = Recorder(Cloud(asked["fails"]))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(recorder.mocks, project=PROJECT, stack=asked["stack"], preview=False, monitor=recorder)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    pulumi.runtime.set_all_config(texts)
    error = ""
    try:
        loop.run_until_complete(run_pulumi_func(_program))
    except (pulumi.RunError, ResourceFailed) as refusal:
        error = str(refusal)
    root = pulumi.runtime.get_root_resource()
    outputs = sorted(root.outputs) if isinstance(root, Stack) else []
    resources = sorted(recorder.registered, key=lambda entry: (entry["type"], entry["name"]))
    return {"resources": resources, "outputs": outputs, "error": error}


if __name__ == "__main__":
    _main()
