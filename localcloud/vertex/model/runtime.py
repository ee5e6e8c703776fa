"""How both networks run: onnxruntime on the CPU, one thread a call, since callers bring threads of their own."""

from __future__ import annotations

import onnxruntime


def session(model: bytes) -> onnxruntime.InferenceSession:
    """A network ready to run. Raises onnxruntime's exceptions when `model` is no model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings are about nodes of the exported graph that it optimises away
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
