"""The Python plugins of the engine: the language host, which runs a Pulumi program, and its dynamic providers.

They are installed beside a CLI that was built from its Go module, which has none, as `pulumi-language-python` and
`pulumi-resource-pulumi-python` (see launcher.sh), run with the project's own Python, print their port, serve on it, and
end when the engine interrupts them or goes away. The engine starts a host for every question about a program, and most
of them run none: only `Run` imports the SDK.

Facts from the engine's side (sdk/v3/go/common/resource/plugin/langruntime_plugin.go and plugin.go, v3.259.0) and from
the official host's program runner in the same module (python/cmd/pulumi-language-python-exec):
- the last argument is the engine's address; the first line of stdout is the port; later lines are shown to the user;
- one host runs one program, with the working directory of the program;
- `bail` in the answer of Run means that the error has been shown; `error` is shown as an unhandled one;
- the engine ends a plugin with SIGINT to its process group and, five seconds later, SIGKILL.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import gc
import importlib.metadata
import importlib.util
import json
import logging
import os
import platform
import queue
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

_SDK = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")


def _stand_in_for_the_sdk() -> None:
    """Let the SDK's messages be imported without the SDK, which takes 0.4 s. `_import_sdk` undoes it."""
    specification = importlib.util.find_spec("pulumi")
    if specification is None or specification.origin is None:
        raise ImportError("there is no package pulumi")
    folder = Path(specification.origin).parent
    for name in _SDK:
        package = types.ModuleType(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package


def _import_sdk() -> None:
    """The SDK itself, around the messages that are imported already. Does nothing when it is imported."""
    if getattr(sys.modules["pulumi"], "__file__", None):
        return
    for name in _SDK:
        del sys.modules[name]
    import pulumi.runtime  # noqa: F401


try:
    _stand_in_for_the_sdk()
    import grpc  # type: ignore[import-untyped]
    from google.protobuf import empty_pb2
    from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
    from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2
except ImportError as missing:
    sys.exit(
        f"error: {sys.executable} has no usable Pulumi SDK ({missing}).\n"
        f"Install the project's requirements into it: {sys.executable} -m pip install -r requirements.txt"
    )

ENGINE_POLL_SECONDS = 0.5


def main() -> None:
    """Serve until the engine ends this process: programs, or with `--dynamic-providers` those."""
    # Pulumi's SDK and Google's clients create a million objects that stay. Searching them for garbage takes a tenth to
    # a fifth of the half second that a program or a provider needs to import them (measured on 2026-11-28).
    gc.set_threshold(200_000, 20, 20)
    # The kernel ends this process at once. A Python handler waits for the main thread, which a signal may miss.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_engine, daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # stdin is the engine's, which never writes: reading would hang
    if sys.argv[1] == "--dynamic-providers":
        _serve_dynamic_providers(sys.argv[2:])
    else:
        _serve_programs(engine_address=sys.argv[-1])


def _serve_dynamic_providers(arguments: list[str]) -> None:
    """What `python -m pulumi.dynamic` does, which by itself outlives an engine that was killed."""
    _import_sdk()
    sys.argv = ["pulumi.dynamic", *arguments]
    sys.path.insert(0, str(Path.cwd()))
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


def _serve_programs(engine_address: str) -> None:
    programs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    server = grpc.server(ThreadPoolExecutor(8), options=_GRPC_CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine_address, programs), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while True:  # programs run here, as they would on their own: signals and event loops want the main thread
        programs.get()()


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """`pulumirpc.LanguageRuntime` for projects whose `runtime` is python with the toolchain pip."""

    def __init__(self, engine_address: str, programs: queue.SimpleQueue[Callable[[], None]]) -> None:
        self._engine_address = engine_address
        self._programs = programs

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.AboutResponse(executable=sys.executable, version=platform.python_version())

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.LanguageHandshakeResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()  # the interrupt that follows ends this process

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program once; a failure that was shown to the user is answered with `bail`."""
        answer: Future[Any] = Future()
        self._programs.put(lambda: answer.set_result(_run(request, self._engine_address)))
        return answer.result()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPackagesResponse(
            packages=[plugin_pb2.PackageDependency(**plugin) for plugin in _provider_plugins()]
        )

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802
        plugins = [{k: v for k, v in p.items() if k != "parameterization"} for p in _provider_plugins()]
        return language_pb2.GetRequiredPluginsResponse(plugins=[plugin_pb2.PluginDependency(**p) for p in plugins])

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        installed = _distributions(required_by_others=request.transitiveDependencies)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in installed]
        )

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """`pip install -r requirements.txt` into the environment that this process runs in."""
        _check_runtime(request.info, context)
        requirements = Path(request.info.program_directory or request.directory, "requirements.txt")
        if not requirements.is_file():
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"there is no {requirements} to install from")
        command = [sys.executable, "-m", "pip", "install", "-r", str(requirements)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as pip:
            assert pip.stdout is not None
            for line in pip.stdout:
                yield language_pb2.InstallDependenciesResponse(stdout=line)
        if pip.returncode:
            context.abort(grpc.StatusCode.INTERNAL, f"`{' '.join(command)}` failed with code {pip.returncode}")

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: Any) -> Any:  # noqa: N802
        return language_pb2.TemplateResponse()

    def RunPlugin(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, "run plugins written in Python from their source (PulumiPlugin.yaml)")

    def GenerateProgram(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, "convert programs to Python")

    def GenerateProject(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, "convert projects to Python")

    def GeneratePackage(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, "generate SDKs")

    def Pack(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, "pack SDKs")

    def Link(self, request: Any, context: Any) -> NoReturn:  # noqa: N802
        _refuse(context, "link local SDKs")


def _run(request: Any, engine_address: str) -> Any:
    """Answer a RunRequest on the main thread."""
    if complaint := _runtime_complaint(request.info) or _attach_complaint(request):
        return language_pb2.RunResponse(error=complaint)
    _import_sdk()
    from pulumi.runtime import reset_options, set_all_config

    reset_options(
        project=request.project,
        stack=request.stack,
        root_directory=request.info.root_directory,
        parallel=request.parallel,
        engine_address=engine_address,
        monitor_address=request.monitor_address,
        preview=request.dryRun,
        organization=request.organization,
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    try:
        return _run_program(request)
    finally:
        atexit._run_exitfuncs()  # the program has ended, though its process has not
        sys.stdout.flush()
        sys.stderr.flush()


def _run_program(request: Any) -> Any:
    """Run to the end, every registration included; show what went wrong and answer accordingly."""
    import pulumi

    directory = Path(request.info.program_directory or request.pwd)
    entry = directory / (request.info.entry_point or ".")
    if entry.is_dir() and not (entry / "__main__.py").is_file():
        pulumi.log.error(f"there is no program to run: {entry.resolve()} has no __main__.py")
        return language_pb2.RunResponse(bail=True)
    os.chdir(request.pwd or directory)
    sys.argv = [str(entry), *request.args]
    sys.path.insert(0, str(directory))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a failed program leaves tasks behind, by design
    try:
        _until_complete(lambda: runpy.run_path(str(entry), run_name="__main__"), request.parallel)
    except SystemExit as left:
        return _exit_answer(left)
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except BaseException as error:  # whatever a program raises is its author's to see
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_program_traceback(error, directory)}")
    else:
        return language_pb2.RunResponse()
    return language_pb2.RunResponse(bail=True)


def _until_complete(program: Callable[[], Any], parallel: int) -> None:
    """Run the program in an event loop of its own and await all that it started."""
    from pulumi.runtime import run_in_stack

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(parallel, 1) * 4)
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(run_in_stack(program))
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        executor.shutdown(wait=True, cancel_futures=True)
        loop.close()


def _exit_answer(left: SystemExit) -> Any:
    """What `sys.exit(code)` in a program means."""
    import pulumi

    if left.code in (None, 0):
        return language_pb2.RunResponse()
    if isinstance(left.code, int):
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {left.code}")
    pulumi.log.error(str(left.code))
    return language_pb2.RunResponse(bail=True)


def _program_traceback(error: BaseException, directory: Path) -> str:
    """The traceback from the first frame of the program on; whole when no frame is the program's."""
    frames = error.__traceback__
    while frames and not _belongs(frames.tb_frame.f_code.co_filename, directory.resolve()):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


def _belongs(filename: str, directory: Path) -> bool:
    if filename.startswith("<"):  # <frozen runpy>, <string>: no file
        return False
    path = Path(filename).resolve()
    return path.is_relative_to(directory) and not path.is_relative_to(Path(sys.prefix).resolve())


def _check_runtime(info: Any, context: Any) -> None:
    if complaint := _runtime_complaint(info):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, complaint)


def _runtime_complaint(info: Any) -> str | None:
    """Why the runtime's options cannot be served by this process, or None."""
    options = dict(info.options)
    toolchain = options.get("toolchain") or "pip"
    if toolchain != "pip":
        return f"this language host knows the toolchain pip, not {toolchain} (runtime options in Pulumi.yaml)"
    wanted = options.get("virtualenv")
    if wanted and Path(info.root_directory, wanted).resolve() != Path(sys.prefix).resolve():
        return (
            f"Pulumi.yaml asks for the virtual environment {wanted}, but this language host was started with "
            f"{sys.prefix}; write the option as `virtualenv: PATH`"
        )
    return None


def _attach_complaint(request: Any) -> str | None:
    return "this language host cannot attach a debugger" if request.attach_debugger else None


def _refuse(context: Any, ability: str) -> NoReturn:
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"this language host does not {ability}; the one of an official Pulumi release does",
    )
    raise AssertionError("abort raises")


def _provider_plugins() -> list[dict[str, Any]]:
    """The plugins of installed provider SDKs (`pulumi-…` with a pulumi-plugin.json), as PackageDependency fields."""
    plugins = []
    for folder in sorted({found for entry in sys.path for found in Path(entry).glob("[Pp]ulumi[-_]*.dist-info")}):
        distribution = importlib.metadata.Distribution.at(folder)  # not one of all that are installed: each is read
        name = distribution.metadata["Name"]
        description = Path(str(distribution.locate_file(name.lower().replace("-", "_"))), "pulumi-plugin.json")
        if description.is_file():
            plugin = json.loads(description.read_text())
            if plugin.get("resource"):
                plugins.append(_plugin_fields(plugin, name, distribution.version))
    return plugins


def _plugin_fields(plugin: dict[str, Any], package: str, version: str) -> dict[str, Any]:
    fields = {
        "name": plugin.get("name") or package[len("pulumi-") :],
        "kind": "resource",
        "version": plugin.get("version") or version,
        "server": plugin.get("server", ""),
    }
    if parameters := plugin.get("parameterization"):
        value = base64.b64decode(parameters.get("value", ""))
        fields["parameterization"] = plugin_pb2.PackageParameterization(**{**parameters, "value": value})
    return fields


def _distributions(*, required_by_others: bool) -> list[tuple[str, str]]:
    """(name, version) of what is installed; without those that another one requires unless asked for."""
    installed = {_normal(d.metadata["Name"]): d for d in importlib.metadata.distributions()}
    hidden = {"pip", "setuptools", "wheel"}
    if not required_by_others:
        needs = (need for d in installed.values() for need in d.requires or [] if "extra ==" not in need)
        hidden |= {_normal(re.split(r"[^\w.-]", need, maxsplit=1)[0]) for need in needs}
    return sorted((d.metadata["Name"], d.version) for name, d in installed.items() if name not in hidden)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _end_with_the_engine() -> None:
    """Exit when the parent is gone: an engine that was killed sends no interrupt."""
    engine = os.getppid()
    while os.getppid() == engine:
        time.sleep(ENGINE_POLL_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
