"""The embedder while it loads: the server answers at once, and only calls that need a vector wait for the model."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future

from localcloud.core.ports import Embedder, Vector


class LoadingEmbedder:
    """Implements `core.ports.Embedder` with one that a background thread makes after `start`."""

    def __init__(self, name: str, make: Callable[[], Embedder]) -> None:
        self._name = name
        self._make = make
        self._made: Future[Embedder] = Future()

    def start(self) -> None:
        """Begin to load; calls made earlier wait."""
        threading.Thread(target=self._load, name="embedder", daemon=True).start()

    def text(self, text: str, dimension: int) -> Vector:
        """Unit vector of shape (dimension,). Raises what loading the model raised."""
        return self._made.result().text(text, dimension)

    def image(self, data: bytes, dimension: int) -> Vector:
        """Unit vector of shape (dimension,). Raises ValueError when the bytes are no picture it can read."""
        return self._made.result().image(data, dimension)

    def describe(self) -> str:
        """The model's name and whether it is loaded, for `status`."""
        if not self._made.done():
            return f"{self._name} (loading)"
        error = self._made.exception()
        return f"{self._name} (failed: {error})" if error else self._name

    def _load(self) -> None:
        try:
            made = self._make()
        except Exception as error:
            self._made.set_exception(error)
            return
        _release_memory()
        self._made.set_result(made)


def _release_memory() -> None:
    """Return freed memory to the system: up to 30 MB that glibc would keep after loading."""
    with contextlib.suppress(OSError, AttributeError):  # another libc has no such function
        ctypes.CDLL(None).malloc_trim(0)
