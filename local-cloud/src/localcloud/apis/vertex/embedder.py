"""The model behind the local embedding endpoint: texts and pictures in one space, offline and deterministic.

It takes the place of multimodalembedding@001 and finds much less (benchmarks/retrieval.py measures how much): enough to
show that a search works, not to predict what the real model finds. How it works: apis/vertex/model/__init__.py.
"""

from __future__ import annotations

import numpy as np

from localcloud.apis.vertex.model.classifier import Classifier
from localcloud.apis.vertex.model.colours import image_colours, text_colours
from localcloud.apis.vertex.model.picture import decode
from localcloud.apis.vertex.model.text import SentenceEncoder
from localcloud.apis.vertex.model.weights import DATA
from localcloud.core.ports import Vector

#: Weight of the twelve colours against the 384 numbers of meaning: a fifth of a dot product at most.
_COLOUR = np.float32(0.2**0.5)
#: JPGs of more than about this many pixels a side are decoded at half size or less, which is enough and much quicker.
_ENOUGH_PIXELS = 1024


class Embedder:
    """Implements `core.ports.Embedder`. Creating one loads both networks.

    A vector has 396 telling numbers, the most telling first. Of more dimensions the rest is zero, so that cosines are
    the same; of fewer it is cut off and normalised again, so that cosines come close.
    """

    def __init__(self) -> None:
        self._encoder = SentenceEncoder()
        self._classifier = Classifier()
        with np.load(DATA / "classes.npz") as arrays:
            self._classes = arrays["E"].astype(np.float32)
            self._rotation = arrays["R"]

    def text(self, text: str, dimension: int) -> Vector:
        """Unit vector of shape (dimension,)."""
        text = self._encoder.read(text)
        return _join(text_colours(text), self._encoder.encode(text) @ self._rotation, dimension)

    def image(self, data: bytes, dimension: int) -> Vector:
        """Unit vector of shape (dimension,). Raises ValueError when the bytes are no picture it can read."""
        seen = self._classifier.classify(decode(data, enough=_ENOUGH_PIXELS))
        return _join(image_colours(seen.picture, seen.saliency), seen.probabilities @ self._classes, dimension)


def _join(colours: Vector, meaning: Vector, dimension: int) -> Vector:
    whole = np.concatenate([_COLOUR * _unit(colours), _unit(meaning)])[:dimension]
    return np.pad(_unit(whole), (0, dimension - len(whole))).astype(np.float32)


def _unit(vector: Vector) -> Vector:
    return vector / (np.linalg.norm(vector) or np.float32(1))
