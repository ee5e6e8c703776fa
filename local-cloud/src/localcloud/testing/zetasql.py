"""ZetaSQL as a reference for tests, and its types. Needs the extra `tests`.

The package zetasql is WebAssembly, which takes half a minute to compile. Import this module before the first use of
`zetasql.api`: the machine code is then compiled once, kept in the user's cache, and loaded in a second.
"""

from __future__ import annotations

import fcntl
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import wasmtime
import zetasql.types as z
from zetasql.core import wasm_client

from localcloud.core.cache import cache_folder, write_atomically

Columns = dict[str, z.Type]
"""Names and types of a table's columns, in order."""


def scalar(kind: str) -> z.Type:
    """The type that SQL spells `kind`."""
    kinds = {"FLOAT64": "DOUBLE"}
    return z.Type(type_kind=z.TypeKind[f"TYPE_{kinds.get(kind, kind)}"])


def array(element: z.Type) -> z.Type:
    """ARRAY<element>"""
    return z.Type(type_kind=z.TypeKind.TYPE_ARRAY, array_type=z.ArrayType(element_type=element))


def struct(columns: Columns) -> z.Type:
    """STRUCT<name type, …>"""
    members = [z.StructField(field_name=name, field_type=kind) for name, kind in columns.items()]
    return z.Type(type_kind=z.TypeKind.TYPE_STRUCT, struct_type=z.StructType(field=members))


def spelled(kind: z.Type) -> str:
    """A type as SQL spells it."""
    if kind.type_kind == z.TypeKind.TYPE_ARRAY:
        return f"ARRAY<{spelled(kind.array_type.element_type)}>"
    if kind.type_kind == z.TypeKind.TYPE_STRUCT:
        members = ", ".join(f"{f.field_name} {spelled(f.field_type)}" for f in kind.struct_type.field)
        return f"STRUCT<{members}>"
    name: str = z.TypeKind(kind.type_kind).name
    return name.removeprefix("TYPE_").replace("DOUBLE", "FLOAT64")


class CompiledOnce:
    """Replaces wasmtime's Module in the package zetasql."""

    @staticmethod
    def from_file(engine: wasmtime.Engine, path: str) -> wasmtime.Module:
        """The module of a .wasm file, from the cache or compiled now."""
        name = f"zetasql-{version('zetasql')}-wasmtime-{version('wasmtime')}-{platform.machine()}.cwasm"
        compiled = cache_folder() / name
        with suppress(wasmtime.WasmtimeError):  # not in the cache, or of another processor
            return wasmtime.Module.deserialize_file(engine, str(compiled))
        with _exclusive(compiled.with_suffix(".lock")):
            with suppress(wasmtime.WasmtimeError):  # another process has compiled it meanwhile
                return wasmtime.Module.deserialize_file(engine, str(compiled))
            module = wasmtime.Module.from_file(engine, Path(path))
            with suppress(OSError):  # a full or read-only disk only costs the next run half a minute
                write_atomically(compiled, bytes(module.serialize()))
        return module


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """One process at a time, where the cache can be written; the others load what the first has compiled."""
    with ExitStack() as held:
        with suppress(OSError):
            lock.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context(lock.open("w")), fcntl.LOCK_EX)
        yield


wasm_client.Module = CompiledOnce
