"""Reads tensors from a `.pth` file without PyTorch.

The format is PyTorch's before 1.6 (torch/serialization.py, `_legacy_save`): five pickles in a row (magic number,
protocol, system information, the state dictionary, the keys of its storages), then each storage as an int64 count and
that many little-endian values. A tensor is a window into a storage: offset, size and strides, counted in elements.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class _Window:
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def on(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The tensor. Raises pickle.UnpicklingError when it would reach outside its storage."""
        last = self.offset + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True))
        if min(self.offset, *self.stride, 0) < 0 or min(self.size, default=1) < 1 or last >= len(values):
            raise pickle.UnpicklingError("a tensor reaches outside its storage")
        steps = [step * values.itemsize for step in self.stride]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.size, steps, writeable=False)


def read_tensors(content: bytes) -> dict[str, Tensor]:
    """The float tensors by name, C-contiguous; counters are left out.

    Raises pickle.UnpicklingError when anything but tensors of floats and integers is inside.
    """
    file = io.BytesIO(content)
    for _ in ("magic number", "protocol", "system information"):
        _Unpickler(file).load()
    state: dict[str, _Window] = _Unpickler(file).load()
    dtypes = {window.storage.key: window.storage.dtype for window in state.values()}
    values: dict[str, npt.NDArray[Any]] = {}
    for key in _Unpickler(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        values[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
    tensors = {name: window.on(values[window.storage.key]) for name, window in state.items()}
    # Strides matter: these weights were transposed in place when they came from TensorFlow.
    return {name: np.ascontiguousarray(t) for name, t in tensors.items() if t.dtype == np.float32}


class _Unpickler(pickle.Unpickler):
    """Knows the names that a state dictionary of tensors is made of, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage, by the key under which its values follow."""
        kind, dtype, key, *_ = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"{kind} is not a storage")
        return _Storage(str(key), dtype)


def _rebuild_tensor(storage: _Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Window:
    return _Window(storage, offset, size, stride)
