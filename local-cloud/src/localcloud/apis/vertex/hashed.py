"""Vectors that are hashes, for tests: the same picture or text has the same vector, and similarity means nothing."""

from __future__ import annotations

import hashlib

import numpy as np

from localcloud.core.ports import Vector

#: How a JPG, PNG, GIF and BMP file begins.
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM")


class HashEmbedder:
    """Implements `core.ports.Embedder`."""

    def text(self, text: str, dimension: int) -> Vector:
        """Unit vector of shape (dimension,)."""
        return _unit(b"text " + text.encode(), dimension)

    def image(self, data: bytes, dimension: int) -> Vector:
        """Unit vector of shape (dimension,). Raises ValueError when the bytes do not begin as a picture does."""
        if not data.startswith(_PICTURES):
            raise ValueError("the bytes are no BMP, GIF, JPG or PNG picture")
        return _unit(b"image " + data, dimension)


def _unit(data: bytes, dimension: int) -> Vector:
    stream = hashlib.shake_256(data).digest(2 * dimension)
    vector = np.frombuffer(stream, dtype="<u2").astype(np.float32) - np.float32(32767.5)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
