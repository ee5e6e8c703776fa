"""EfficientNet-Lite2 as an ONNX graph, from the tensors of the PyTorch port.

Architecture: Tan and Le 2019 in the "lite" form (no squeeze-and-excitation, ReLU6), as TensorFlow trained it: paddings
are SAME, batch norms have epsilon 1e-3. Input `picture`: float32 (1, 3, 260, 260). Outputs: `probabilities` (1000,) and
`saliency` (9, 9), the class activation map (Zhou et al., "Learning Deep Features for Discriminative Localization",
CVPR 2016) of all classes weighted by their probabilities: how much each place of the picture spoke for the answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from localcloud.apis.vertex.model.torch_file import Tensor

_SIDE = 260
_EPSILON = 1e-3
_OPSET = 17
#: (blocks, stride of the first) for each of the seven stages; width multiplier 1.1, depth multiplier 1.2.
_STAGES = ((1, 1), (3, 2), (3, 2), (4, 2), (4, 1), (5, 2), (1, 1))


def build(tensors: dict[str, Tensor]) -> bytes:
    """The serialised model. Raises KeyError when `tensors` are another network's."""
    graph = _Graph(tensors)
    value = graph.convolution("_conv_stem", "_bn0", "picture", stride=2)
    block = 0
    for blocks, first_stride in _STAGES:
        for position in range(blocks):
            value = graph.block(
                f"_blocks.{block}", value, stride=1 if position else first_stride, residual=position > 0
            )
            block += 1
    graph.head(graph.convolution("_conv_head", "_bn1", value))
    return graph.serialise()


class _Graph:
    """Nodes and initializers as they grow; values go by name."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self.constant("zero", np.array(0, np.float32))
        self.constant("six", np.array(6, np.float32))

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Append a node; returns the name of its output."""
        output = output or f"value_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        """Add an initializer; returns its name."""
        self._initializers.append(numpy_helper.from_array(values, name))
        return name

    def convolution(self, name: str, norm: str, value: str, *, stride: int = 1, relu: bool = True) -> str:
        """A convolution with its batch norm folded in; depthwise when its kernels are one channel deep."""
        kernel, scale = self._tensors[f"{name}.weight"], self._scale(norm)
        bias = self._tensors[f"{norm}.bias"] - self._tensors[f"{norm}.running_mean"] * scale
        convolved = self.node(
            "Conv",
            value,
            self.constant(f"{name}.weight", kernel * scale[:, None, None, None]),
            self.constant(f"{name}.bias", bias),
            auto_pad="SAME_UPPER",
            strides=[stride, stride],
            group=len(kernel) if name.endswith("_depthwise_conv") else 1,
        )
        return self.node("Clip", convolved, "zero", "six") if relu else convolved

    def block(self, name: str, value: str, *, stride: int, residual: bool) -> str:
        """An inverted residual: expand (not in the first block), filter each channel, project."""
        wide = value
        if f"{name}._expand_conv.weight" in self._tensors:
            wide = self.convolution(f"{name}._expand_conv", f"{name}._bn0", value)
        wide = self.convolution(f"{name}._depthwise_conv", f"{name}._bn1", wide, stride=stride)
        narrow = self.convolution(f"{name}._project_conv", f"{name}._bn2", wide, relu=False)
        return self.node("Add", narrow, value) if residual else narrow

    def head(self, features: str) -> None:
        """Both outputs, from the last features (1, 1280, 9, 9)."""
        weight, bias = self._tensors["_fc.weight"], self._tensors["_fc.bias"]
        classes, channels = weight.shape
        self.constant("_fc.weight", weight)
        self.constant("_fc.bias", bias)
        self.constant("_fc.mean", weight.mean(axis=0))
        pooled = self.node("Flatten", self.node("GlobalAveragePool", features))
        odds = self.node("Softmax", self.node("Gemm", pooled, "_fc.weight", "_fc.bias", transB=1))
        self.node("Reshape", odds, self.constant("classes", np.array([classes])), output="probabilities")
        telling = self.node("Sub", self.node("MatMul", odds, "_fc.weight"), "_fc.mean")
        places = self.node("Reshape", features, self.constant("places", np.array([channels, -1])))
        self.node(
            "Reshape", self.node("MatMul", telling, places), self.constant("map", np.array([9, 9])), output="saliency"
        )

    def serialise(self) -> bytes:
        graph = helper.make_graph(
            self._nodes,
            "efficientnet-lite2",
            [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, _SIDE, _SIDE])],
            [
                helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1000]),
                helper.make_tensor_value_info("saliency", TensorProto.FLOAT, [9, 9]),
            ],
            self._initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def _scale(self, norm: str) -> Tensor:
        scale: Tensor = self._tensors[f"{norm}.weight"] / np.sqrt(self._tensors[f"{norm}.running_var"] + _EPSILON)
        return scale
