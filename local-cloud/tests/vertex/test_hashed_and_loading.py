"""The embedder of tests, and the one that loads while the server already answers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from localcloud.apis.vertex.hashed import HashEmbedder
from localcloud.apis.vertex.loading import LoadingEmbedder

JPG = b"\xff\xd8\xff rest of a picture"


@pytest.mark.parametrize("dimension", [128, 512, 1408, 3072])
def test_the_same_picture_has_the_same_unit_vector_and_another_one_has_not(dimension: int) -> None:
    embedder = HashEmbedder()
    vector = embedder.image(JPG, dimension)
    assert (vector.shape, vector.dtype) == ((dimension,), np.float32)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(vector, HashEmbedder().image(JPG, dimension))
    assert abs(float(vector @ embedder.image(JPG + b"!", dimension))) < 0.4
    assert not np.array_equal(vector, embedder.text(JPG.decode("latin-1"), dimension))


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="no BMP, GIF, JPG or PNG"):
        HashEmbedder().image(b"text", 128)


def test_who_needs_a_vector_waits_for_the_model_and_status_says_so() -> None:
    loaded = threading.Event()

    def load() -> HashEmbedder:
        assert loaded.wait(10)
        return HashEmbedder()

    embedder = LoadingEmbedder("real", load)
    assert embedder.describe() == "real (loading)"
    vectors: list[np.ndarray] = []
    waiting = threading.Thread(target=lambda: vectors.append(embedder.text("a", 128)))
    waiting.start()
    embedder.start()
    loaded.set()
    waiting.join(10)
    assert len(vectors) == 1 and embedder.describe() == "real"


def test_a_model_that_cannot_be_loaded_fails_whoever_needs_it_by_name() -> None:
    def load() -> HashEmbedder:
        raise FileNotFoundError("weights are missing")

    embedder = LoadingEmbedder("real", load)
    embedder.start()
    with pytest.raises(FileNotFoundError, match="weights are missing"):
        embedder.text("a", 128)
    assert embedder.describe() == "real (failed: weights are missing)"
