"""How well the local model finds a picture by its description.

    python -m benchmarks.retrieval              # Tux Paint's photos, 161 MB to download the first time
    python -m benchmarks.retrieval FOLDER       # pictures of yours, each with its description in a .txt file beside it

Every description is a query over all pictures; right is a picture with exactly that description. R@k is the share of
queries with a right picture among the first k, MRR the mean of 1 / rank of the best right one. Many descriptions fit
more pictures than their own, so the figures are low even where the answers look right.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from localcloud.apis.vertex.embedder import Embedder
from localcloud.core.ports import Embedder as EmbedderPort
from localcloud.core.ports import Vector
from localcloud.images import folder, tuxpaint
from localcloud.images.progress import Report
from localcloud.images.selection import Picture, Selection

_RANKS = (1, 5, 10)
_DIMENSIONS = (128, 256, 512, 1408)


@dataclass(frozen=True)
class Figures:
    """Recall at 1, 5 and 10, and mean reciprocal rank."""

    recall: dict[int, float]
    mrr: float


def measure(embedder: EmbedderPort, pictures: Sequence[Picture], dimensions: Sequence[int]) -> dict[int, Figures]:
    """Figures by dimension."""
    contents = [picture.file.read_bytes() for picture in pictures]
    captions = np.array([picture.caption for picture in pictures])
    queries = sorted(set(captions))
    figures = {}
    for dimension in dimensions:
        images = np.array([embedder.image(content, dimension) for content in contents])
        texts = np.array([embedder.text(query, dimension) for query in queries])
        ranks = _ranks(texts @ images.T, captions[None, :] == np.array(queries)[:, None])
        recall = {rank: float((ranks <= rank).mean()) for rank in _RANKS}
        figures[dimension] = Figures(recall, float((1 / ranks).mean()))
    return figures


def _ranks(scores: Vector, right: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The rank of each query's best right picture; both arrays are (queries, pictures)."""
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    ahead: npt.NDArray[np.int64] = ((scores > best) & ~right).sum(axis=1)
    return ahead + 1


def _select(arguments: Sequence[str]) -> Selection:
    return folder.select(Path(arguments[0])) if arguments else tuxpaint.select(Report())


def _main(arguments: Sequence[str]) -> None:
    pictures = [picture for picture in _select(arguments).pictures if picture.caption]
    columns = ("dimension", *(f"R@{rank}" for rank in _RANKS), "MRR")
    table = Table(*columns, title=f"{len(pictures)} pictures, {len({p.caption for p in pictures})} descriptions")
    for dimension, figures in measure(Embedder(), pictures, _DIMENSIONS).items():
        numbers = (*figures.recall.values(), figures.mrr)
        table.add_row(str(dimension), *(f"{number:.3f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    _main(sys.argv[1:])
