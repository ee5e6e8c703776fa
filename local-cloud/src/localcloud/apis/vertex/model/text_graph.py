"""The sentence encoder's graph, with the vectors of its words left in int8.

As exported, the graph turns the table of all 30,522 words into float32 and then looks up those of a text; onnxruntime
does that once and keeps 47 MB. Here the words of the text are looked up first: the same numbers, a quarter of the size.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

_TABLE = "inner.embeddings.word_embeddings.weight"


def build(exported: bytes) -> bytes:
    """The serialised model. Raises ValueError when `exported` is another network's."""
    model = onnx.load_from_string(exported)
    nodes = model.graph.node
    place = next((n for n, node in enumerate(nodes) if node.op_type == "Gather" and node.input[0] == _TABLE), None)
    if place is None:
        raise ValueError(f"the graph looks nothing up in {_TABLE}")
    lookup = nodes[place]
    words, vectors = lookup.input[1], lookup.output[0]
    del nodes[place]
    for step in (
        helper.make_node("Gather", [f"{_TABLE}_q", words], ["words.q"]),
        helper.make_node("Gather", [f"{_TABLE}_scale", words], ["words.scale"]),
        helper.make_node("Cast", ["words.q"], ["words.f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["words.f", "words.scale"], [vectors]),
    ):
        nodes.insert(place, step)
        place += 1
    for node in [node for node in nodes if {f"{_TABLE}_f", _TABLE} & set(node.output)]:
        nodes.remove(node)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
