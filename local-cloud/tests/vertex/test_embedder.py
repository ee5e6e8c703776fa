"""The local model: what it returns, what it refuses, and that it is the model whose figures are published."""

from __future__ import annotations

import io
import os
import pickle
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from localcloud.apis.vertex.embedder import Embedder
from localcloud.apis.vertex.model import classifier, picture, text_graph, torch_file
from localcloud.apis.vertex.model.text import SentenceEncoder, tokenizer
from localcloud.apis.vertex.model.weights import MINILM, WeightsFile
from localcloud.core.cache import cache_folder
from localcloud.core.ports import Vector

WIDTH, HEIGHT = 160, 120


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


def _gradient() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return Image.fromarray(np.stack([x * 255 // 159, y * 255 // 119, (x + y) % 256], axis=-1).astype(np.uint8))


def _encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _square(colour: str) -> bytes:
    image = Image.new("RGB", (200, 200), "white")
    image.paste(colour, (50, 50, 150, 150))
    return _encoded(image)


def _same(one: Vector, other: Vector) -> bool:
    return bool(np.allclose(one, other, atol=1e-6))


@pytest.mark.parametrize("dimension", [128, 256, 512, 768, 1408, 1536, 3072])
def test_every_vector_has_the_dimension_asked_for_and_length_one(embedder: Embedder, dimension: int) -> None:
    for vector in (embedder.text("castle", dimension), embedder.image(_square("red"), dimension)):
        assert vector.shape == (dimension,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_cosine_is_the_same_at_512_and_1408_dimensions_and_close_at_256(embedder: Embedder) -> None:
    def cosine(dimension: int) -> float:
        return float(embedder.text("a red box", dimension) @ embedder.image(_square("red"), dimension))

    assert cosine(1408) == pytest.approx(cosine(512), abs=1e-6)
    assert cosine(256) == pytest.approx(cosine(512), abs=0.05)


def test_the_vectors_are_those_of_the_model_whose_figures_are_published(embedder: Embedder) -> None:
    # From an independent implementation in numpy, which read the same weights (float32, 2026-11).
    places = [4, 7, 12, 13, 14, 200]
    image = embedder.image(_encoded(_gradient()), 512)
    expected = [0.0, 0.0603077, -0.8414401, -0.2364259, -0.0464758, 0.0004527]
    assert image[places] == pytest.approx(expected, abs=1e-4)
    castle = embedder.text("castle", 512)
    assert castle[places] == pytest.approx([0, 0, -0.4476003, -0.1837017, 0.0206910, -0.0046241], abs=1e-4)
    flower = embedder.text("a yellow flower", 512)
    assert flower[places[2:]] == pytest.approx([-0.2977503, 0.0585655, 0.0510311, 0.0222081], abs=1e-4)
    assert flower[5] == pytest.approx(0.4082483, abs=1e-4), "the colour yellow has a place of its own"
    assert castle @ image == pytest.approx(0.3594656, abs=1e-4)


@pytest.mark.parametrize("colour", ["red", "green", "blue", "yellow", "black"])
def test_a_colour_word_finds_the_square_of_that_colour(embedder: Embedder, colour: str) -> None:
    names = ["red", "green", "blue", "yellow", "black"]
    pictures = np.array([embedder.image(_square(name), 512) for name in names])
    scores = pictures @ embedder.text(f"something {colour}", 512)
    assert names[int(scores.argmax())] == colour


def test_words_close_in_meaning_are_closer_than_others(embedder: Embedder) -> None:
    dog, puppy, teapot = (embedder.text(word, 1408) for word in ("dog", "puppy", "teapot"))
    assert dog @ puppy > dog @ teapot + 0.2


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A “Sierra Beauty” apple.", [101, 1037, 1523, 7838, 5053, 1524, 6207, 1012, 102]),
        ("naïve Ångström", [101, 15743, 17076, 15687, 102]),
        ("don't stop—now!", [101, 2123, 1005, 1056, 2644, 1517, 2085, 999, 102]),
        ("中文 picture", [101, 1746, 1861, 3861, 102]),
        ("tab\tnew\nline", [101, 21628, 2047, 2240, 102]),
        ("a\u200bb\x00c\ufffd", [101, 5925, 102]),
        ("x" * 150, [101, 100, 102]),
        ("", [101, 102]),
    ],
)
def test_texts_become_the_word_pieces_that_bert_was_trained_on(text: str, tokens: list[int]) -> None:
    assert tokenizer().encode(text).ids == tokens


def test_what_follows_the_32nd_token_of_a_text_is_not_read(embedder: Embedder) -> None:
    whole = "castle " * 32
    assert _same(embedder.text(whole + "garden", 512), embedder.text(whole, 512))
    assert _same(embedder.text(whole + "yellow", 512), embedder.text(whole, 512)), "nor the colours named there"
    assert not _same(embedder.text("castle " * 31 + "yellow", 512), embedder.text(whole, 512))


def test_transparent_parts_of_a_picture_are_white(embedder: Embedder) -> None:
    clear = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    clear.paste("red", (50, 50, 150, 150))
    assert _same(embedder.image(_encoded(clear), 512), embedder.image(_square("red"), 512))


def test_a_photo_taken_sideways_is_turned_upright_first(embedder: Embedder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright
    sideways = _gradient().rotate(90, expand=True)
    assert _same(embedder.image(_encoded(sideways, exif=exif), 512), embedder.image(_encoded(_gradient()), 512))


def test_of_an_animation_the_first_frame_counts(embedder: Embedder) -> None:
    frames = [Image.new("P", (64, 64), number) for number in (0, 1)]
    for frame in frames:
        frame.putpalette([255, 0, 0, 0, 0, 255])
    moving = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert _same(embedder.image(moving, 512), embedder.image(_encoded(frames[0].convert("RGB")), 512))


@pytest.mark.parametrize(
    ("kind", "mode"), [("BMP", "RGB"), ("GIF", "P"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "I;16")]
)
def test_all_four_formats_are_read_in_all_their_colour_modes(embedder: Embedder, kind: str, mode: str) -> None:
    grey = np.full((50, 50), 32768, np.uint16)
    plain = Image.new("RGB", (50, 50), "gray")
    image = Image.fromarray(grey) if mode == "I;16" else plain.quantize() if mode == "P" else plain.convert(mode)
    expected = embedder.image(_encoded(plain), 512)
    assert embedder.image(_encoded(image, kind), 512) @ expected > 0.95


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "PNG"])
def test_half_a_picture_is_refused(embedder: Embedder, kind: str) -> None:
    whole = _encoded(_gradient(), kind)
    with pytest.raises(ValueError, match=f"the {kind} picture cannot be decoded"):
        embedder.image(whole[: len(whole) // 2], 512)


def test_pictures_with_flipped_bytes_are_read_or_refused_and_nothing_else() -> None:
    random = np.random.default_rng(7)
    for kind in ("BMP", "GIF", "JPEG", "PNG"):
        whole = _encoded(_gradient().resize((40, 30)), kind)
        for _ in range(100):
            broken = bytearray(whole)
            for place in random.integers(0, len(broken), 3):
                broken[place] ^= int(random.integers(1, 256))
            try:
                assert picture.decode(bytes(broken), enough=1024).mode == "RGB"
            except ValueError as error:
                assert "picture" in str(error)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF"])
def test_a_picture_of_another_format_is_refused_by_name(embedder: Embedder, kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind} pictures are not supported; BMP, GIF, JPG and PNG are"):
        embedder.image(_encoded(_gradient(), kind), 512)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_bytes_that_are_no_picture_are_refused(embedder: Embedder, data: bytes) -> None:
    with pytest.raises(ValueError, match="no picture"):
        embedder.image(data, 512)


def test_more_than_20_megabytes_are_refused_before_they_are_read(embedder: Embedder) -> None:
    with pytest.raises(ValueError, match=r"20,971,521 bytes; 20,971,520 are allowed"):
        embedder.image(_square("red").ljust(20 * 1024 * 1024 + 1, b"\0"), 512)


@pytest.mark.parametrize("side", [9_000, 9_800, 60_000])
def test_a_small_file_that_unpacks_into_gigabytes_is_refused_before_it_is_unpacked(
    embedder: Embedder, side: int
) -> None:
    with pytest.raises(ValueError, match=r"pixels; 64,000,000 are allowed|too large"):
        embedder.image(_png_header(side, side), 512)


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_picture_of_one_pixel_in_width_is_read(embedder: Embedder) -> None:
    assert np.linalg.norm(embedder.image(_encoded(Image.new("RGB", (1, 5000), "red")), 512)) == pytest.approx(1)


def test_two_threads_get_what_one_gets(embedder: Embedder) -> None:
    pictures = [_square(colour) for colour in ("red", "green", "blue")]
    alone = [embedder.image(data, 512) for data in pictures] + [embedder.text("castle", 512)]
    answers: list[list[Vector]] = [[], []]

    def ask(number: int) -> None:
        answers[number] = [embedder.image(data, 512) for data in pictures] + [embedder.text("castle", 512)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        assert all(np.array_equal(one, other) for one, other in zip(alone, answer, strict=True))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache_folder()


def test_the_classifiers_graph_is_built_once_and_again_when_it_is_broken(cache: Path) -> None:
    classifier.Classifier()
    (graph,) = (cache / "models").iterdir()
    built = graph.read_bytes()
    before = graph.stat()
    classifier.Classifier()
    assert graph.stat().st_mtime_ns == before.st_mtime_ns, "it is read, not built again"
    graph.write_bytes(built[:1000])
    classifier.Classifier()
    assert graph.read_bytes() == built


def test_looking_words_up_before_they_are_numbers_changes_no_number(cache: Path) -> None:
    encoder = SentenceEncoder()
    tokens = np.array([tokenizer().encode("a violin on a table").ids], np.int64)
    inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
    exported = onnxruntime.InferenceSession(MINILM.read(), providers=["CPUExecutionProvider"])
    assert np.allclose(encoder.encode("a violin on a table"), exported.run(None, inputs)[0][0].mean(axis=0), atol=1e-6)
    (smaller,) = (cache / "models").iterdir()
    with pytest.raises(ValueError, match="looks nothing up"):
        text_graph.build(smaller.read_bytes())


def test_without_a_cache_the_model_still_loads(cache: Path) -> None:
    cache.parent.joinpath(cache.name).write_text("a file where the folder would be")
    seen = classifier.Classifier().classify(_gradient())
    assert seen.probabilities.sum() == pytest.approx(1, abs=1e-4)


def test_weights_that_are_not_the_pinned_ones_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some_weights").mkdir()
    (tmp_path / "some_weights" / "__init__.py").touch()
    (tmp_path / "some_weights" / "model.bin").write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match=r"some_weights/model\.bin is not the file this model was built on"):
        WeightsFile("some_weights", "model.bin", "0" * 64).read()
    with pytest.raises(RuntimeError, match="package no_such_weights is not installed; `pip install"):
        WeightsFile("no_such_weights", "model.bin", "0" * 64).read()


class _Call:
    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call


@pytest.mark.parametrize("call", [_Call(os.system, "true"), _Call(eval, "1"), _Call(io.open, os.devnull)])
def test_a_file_of_weights_cannot_call_anything(call: _Call) -> None:
    header = b"".join(pickle.dumps(part, 2) for part in (0, 1001, {}))
    with pytest.raises(pickle.UnpicklingError, match="has no place in a file of weights"):
        torch_file.read_tensors(header + pickle.dumps({"_fc.weight": call}, 2))
