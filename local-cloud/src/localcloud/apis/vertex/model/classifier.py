"""What is in a picture: EfficientNet-Lite2's probabilities of the 1,000 ImageNet classes, in onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from localcloud.apis.vertex.model.runtime import kept_session
from localcloud.apis.vertex.model.weights import EFFICIENTNET_LITE2

Array = npt.NDArray[np.float32]
_SIDE = 260
#: Goes into the name of the cached graph: raise it when graph.py builds another one.
_GRAPH_VERSION = 1


@dataclass(frozen=True)
class Classification:
    """The classifier's answer about one picture."""

    probabilities: Array
    """Shape (1000,), in ImageNet's order; they add up to 1."""
    picture: Image.Image
    """What the network saw: RGB, without the white that made it square."""
    saliency: Array
    """Shape (height, width) of `picture`: how much each place spoke for the answer; any range."""


class Classifier:
    """Thread-safe: an onnxruntime session may run in several threads at once."""

    def __init__(self) -> None:
        self._network = _network()

    def classify(self, picture: Image.Image) -> Classification:
        """`picture` is RGB of any size."""
        square, subject = _square(picture)
        pixels = (np.asarray(square, np.float32) - 127) / 128
        probabilities, saliency = self._network.run(None, {"picture": pixels.transpose(2, 0, 1)[None]})
        left, top, right, bottom = subject
        enlarged = np.asarray(Image.fromarray(saliency).resize(square.size, Image.Resampling.BICUBIC))
        return Classification(probabilities, square.crop(subject), enlarged[top:bottom, left:right])


def _square(picture: Image.Image) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """The picture on a white square, scaled to the square's area, and the box it fills.

    A long side is cut off a little and a short side padded a little: measured better than fitting the whole picture in
    and better than filling the square.
    """
    scale = _SIDE / (picture.width * picture.height) ** 0.5
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    left, top = (_SIDE - width) // 2, (_SIDE - height) // 2
    square = Image.new("RGB", (_SIDE, _SIDE), "white")
    square.paste(picture.resize((width, height), Image.Resampling.BICUBIC), (left, top))
    return square, (max(left, 0), max(top, 0), min(left + width, _SIDE), min(top + height, _SIDE))


def _network() -> onnxruntime.InferenceSession:
    """The network, from a graph that is built once for these weights and this version of graph.py."""
    return kept_session(f"efficientnet-lite2-{EFFICIENTNET_LITE2.sha256[:16]}-{_GRAPH_VERSION}", _build)


def _build() -> bytes:
    from localcloud.apis.vertex.model import graph, torch_file  # onnx takes longer to import than the rest to start

    return graph.build(torch_file.read_tensors(EFFICIENTNET_LITE2.read()))
