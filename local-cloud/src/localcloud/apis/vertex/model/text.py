"""The sentence encoder: all-MiniLM-L6-v2, int8 weights, in onnxruntime; tokens by BERT's uncased WordPiece."""

from __future__ import annotations

import gzip

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from localcloud.apis.vertex.model.runtime import kept_session
from localcloud.apis.vertex.model.weights import DATA, MINILM

#: The endpoint reads 32 tokens of a text and ignores the rest (docs/bigquery-contract.md, "2. The embedding endpoint").
#: Choice: its tokens are not known; ours are word pieces, and the two that mark start and end are not counted.
MAX_TOKENS = 32
#: Goes into the name of the cached graph: raise it when text_graph.py builds another one.
_GRAPH_VERSION = 1


def tokenizer(max_tokens: int = MAX_TOKENS) -> Tokenizer:
    """BERT's tokenizer: lower case, no accents, [CLS] … [SEP], at most `max_tokens` pieces between them."""
    with gzip.open(DATA / "vocab.txt.gz", "rt", encoding="utf-8") as lines:
        vocabulary = {piece: number for number, piece in enumerate(lines.read().splitlines())}
    built = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    built.normalizer = BertNormalizer(lowercase=True)
    built.pre_tokenizer = BertPreTokenizer()
    built.post_processor = BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    built.enable_truncation(max_tokens + 2)
    return built


class SentenceEncoder:
    """Texts to vectors. Thread-safe: an onnxruntime session may run in several threads at once."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self._tokenizer = tokenizer(max_tokens)
        self._network = kept_session(f"minilm-{MINILM.sha256[:16]}-{_GRAPH_VERSION}", _build)

    def read(self, text: str) -> str:
        """The part of `text` that is read."""
        ends = [end for _, end in self._tokenizer.encode(text).offsets]
        return text[: max(ends)]

    def encode(self, text: str) -> npt.NDArray[np.float32]:
        """The mean of the last layer over all tokens: shape (384,), not normalised."""
        tokens = np.array([self._tokenizer.encode(text).ids], np.int64)
        inputs = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        (states,) = self._network.run(None, inputs)
        mean: npt.NDArray[np.float32] = states[0].mean(axis=0)
        return mean


def _build() -> bytes:
    from localcloud.apis.vertex.model import text_graph  # onnx takes longer to import than the rest to start

    return text_graph.build(MINILM.read())
