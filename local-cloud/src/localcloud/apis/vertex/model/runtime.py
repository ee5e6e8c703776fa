"""How both networks run: onnxruntime on the CPU, one thread a call, since callers bring threads of their own.

Graphs that are built here are kept in the user's cache and read from there by onnxruntime itself; no arena holds on to
the memory of past calls. Both keep an idle server small.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, InvalidProtobuf, NoSuchFile

from localcloud.core.cache import cache_folder, write_atomically


def kept_session(name: str, build: Callable[[], bytes]) -> onnxruntime.InferenceSession:
    """The network of the graph `name` in the cache; `build` makes it when it is missing or broken."""
    kept = cache_folder() / "models" / f"{name}.onnx"
    try:
        return _session(str(kept))
    except (OSError, NoSuchFile, InvalidProtobuf, InvalidGraph, Fail):
        built = build()
    with contextlib.suppress(OSError):  # without a cache it is built at every start
        write_atomically(kept, built)
    return _session(built)


def _session(model: bytes | str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3  # errors; warnings are about nodes of the exported graph that it optimises away
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
