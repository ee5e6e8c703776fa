"""What the local model finds among the demo's photos."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.retrieval import measure
from localcloud.apis.vertex.embedder import Embedder
from localcloud.images import tuxpaint
from localcloud.images.progress import Report
from localcloud.images.selection import Picture

#: A few of the photos, which every version of Debian's package has.
_NAMES = """
violin trumpet Apricot_whole pineapple broccoli lettuce lion tiger pinecone heron_greatblue seahorse trophy_cup
green_korean_bus yellow-flower chemparathi dog
"""
FEW = [f"stamp_{name}.jpg" for name in _NAMES.split()]


@pytest.fixture
def photos() -> list[Picture]:
    if not tuxpaint.kept().exists():
        pytest.skip(
            "the demo's photos are not in the cache; `python -m localcloud.images` or `pytest -m slow` gets them"
        )
    return tuxpaint.select(Report()).pictures


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("musical instrument", {"violin", "trumpet"}),
        ("a yellow flower", {"yellow-flower"}),
        ("green vegetable", {"broccoli", "lettuce"}),
        ("fruit", {"Apricot_whole", "pineapple"}),
        ("a big cat", {"lion", "tiger"}),
    ],
)
def test_the_demo_s_queries_find_what_they_name(photos: list[Picture], query: str, right: set[str]) -> None:
    embedder = Embedder()
    few = {picture.name: picture for picture in photos if picture.name in FEW}
    assert len(few) == len(FEW)
    scores = {
        name: float(embedder.image(picture.file.read_bytes(), 512) @ embedder.text(query, 512))
        for name, picture in few.items()
    }
    first = sorted(scores, key=lambda name: -scores[name])[: len(right)]
    assert set(first) == {f"stamp_{name}.jpg" for name in right}


@pytest.mark.slow
def test_the_published_figures_hold() -> None:
    pictures = tuxpaint.select(Report()).pictures
    assert len(pictures) == 335
    assert len({picture.caption for picture in pictures}) == 316
    figures = measure(Embedder(), pictures, (128, 256, 512, 1408))
    published = {
        128: (0.329, 0.516, 0.595, 0.426),
        256: (0.342, 0.541, 0.608, 0.435),
        512: (0.342, 0.541, 0.601, 0.435),
        1408: (0.342, 0.541, 0.601, 0.435),
    }
    for dimension, expected in published.items():
        found = (*figures[dimension].recall.values(), figures[dimension].mrr)
        assert np.allclose(found, expected, atol=0.01), f"at {dimension} dimensions: {found}"
