"""ZetaSQL ready in a second: its WebAssembly is compiled once (half a minute) and the machine code is kept.

Importing this module is enough, before the first use of `zetasql.api`.
"""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import wasmtime
from zetasql.core import wasm_client

from localcloud.cache import cache_folder, write_atomically


class CompiledOnce:
    """Stands where the package names wasmtime's Module."""

    @staticmethod
    def from_file(engine: wasmtime.Engine, path: str) -> wasmtime.Module:
        """The module of a .wasm file, compiled now or before."""
        name = f"zetasql-{version('zetasql')}-wasmtime-{version('wasmtime')}-{platform.machine()}.cwasm"
        compiled = cache_folder() / name
        try:
            return wasmtime.Module.deserialize_file(engine, str(compiled))
        except wasmtime.WasmtimeError:  # not there, or of another processor
            module = wasmtime.Module.from_file(engine, Path(path))
        with suppress(OSError):  # a full or read-only disk costs the next run half a minute, nothing else
            write_atomically(compiled, bytes(module.serialize()))
        return module


wasm_client.Module = CompiledOnce
