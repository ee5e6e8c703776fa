"""The twelve basic colours: how much of each a picture's subject shows, and which of them a text names.

An ImageNet classifier is blind to colour where colour does not tell classes apart, and a sentence encoder sees it as
one word among many; these twelve numbers let "a yellow flower" find the yellow ones. The eleven basic colour terms of
Berlin and Kay (1969), and beige. A pixel counts for the colour that has the example nearest to it in CIE L*a*b*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Colour:
    words: str
    """What texts call it; its name first."""
    examples: str
    """sRGB, hexadecimal."""


_COLOURS = (
    _Colour("black ebony", "000000 141414 1c1c24 241a14"),
    _Colour("white snowy", "ffffff f4f4f4 e9eaee"),
    _Colour("gray grey silver", "808080 a9a9a9 5a5a5a c8c8cc 707880"),
    _Colour("red crimson scarlet ruby", "ff0000 b22222 8b0000 dc143c e03c31 c83232"),
    _Colour("orange", "ff8c00 ffa500 f28522 e2711d ff7538"),
    _Colour("yellow golden gold", "ffff00 ffd700 f0e130 e8d21d fff44f c8b400"),
    _Colour("green emerald olive lime", "008000 32cd32 9acd32 556b2f 2e8b57 6b8e23 90ee90 1e4620 a8c090 66a030"),
    _Colour(
        "blue navy azure turquoise teal cyan", "0000ff 1e90ff 00008b 4682b4 87ceeb 00bfff 5f9ea0 203060 00ced1 7090c0"
    ),
    _Colour("purple violet lilac mauve lavender magenta", "800080 9370db 4b0082 8a2be2 ba55d3 6a4c93 b0a0d8"),
    _Colour("pink rosy", "ffc0cb ff69b4 ff1493 db7093 f4a6b8 e75480 d0207a"),
    _Colour("brown chestnut", "8b4513 a0522d 5c4033 6b4423 3d2b1f 7b5b3a 9c6b3f 4a3728"),
    _Colour("beige cream ivory tan", "f5f5dc fffdd0 e8d9b5 d2b48c fff8e7 f0e6d0 dcc8a0 c8b48c"),
)
NAMES = tuple(colour.words.split()[0] for colour in _COLOURS)
_OF_WORD = {word: number for number, colour in enumerate(_COLOURS) for word in colour.words.split()}
#: Who asks for beige is content with some white, and the other way round.
_NEIGHBOURS = {"beige": {"white": 0.5, "yellow": 0.2}, "white": {"beige": 0.4}}
_ENDINGS = ("", "s", "ish", "coloured", "colored")
_GRID = 48


def text_colours(text: str) -> Array:
    """How often `text` names each colour, neighbours included: shape (12,)."""
    counts = np.zeros(len(NAMES), np.float32)
    for word in re.findall(r"[a-z]+", text.lower()):
        stems = (word.removesuffix(ending) for ending in _ENDINGS)
        number = next((_OF_WORD[stem] for stem in stems if stem in _OF_WORD), None)
        if number is None:
            continue
        counts[number] += 1
        for neighbour, share in _NEIGHBOURS.get(NAMES[number], {}).items():
            counts[NAMES.index(neighbour)] += share
    return counts


def image_colours(picture: Image.Image, saliency: Array) -> Array:
    """How much of each colour the subject of `picture` shows: shape (12,), square roots of weighted pixel counts.

    `saliency` says, place by place, what the classifier looked at; its shape may be any.
    """
    lab = _lab(np.asarray(picture.resize((_GRID, _GRID), Image.Resampling.BOX)))
    weights = _CENTRAL * _unlike_the_edge(lab) * _salient(saliency)
    nearest = _COLOUR_OF_EXAMPLE[_distances(lab, _EXAMPLES).argmin(axis=-1)]
    counts = np.bincount(nearest.ravel(), weights.ravel(), len(NAMES))
    return np.sqrt(counts).astype(np.float32)


def _central_weights() -> Array:
    """The middle counts most: a bell over both axes."""
    bell = np.exp(-(((np.arange(_GRID) - (_GRID - 1) / 2) / (0.35 * _GRID)) ** 2) / 2)
    return np.outer(bell, bell).astype(np.float32)


def _unlike_the_edge(lab: Array) -> Array:
    """What looks like the edge of the picture is background and counts little."""
    edge = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])[::4]
    likeness = np.exp(-_distances(lab, edge) / 100).mean(axis=-1)
    weights: Array = np.clip(1 - 3 * likeness, 0.02, 1)
    return weights


def _salient(saliency: Array) -> Array:
    """Where the classifier looked most, the top three fifths of it."""
    small = np.asarray(Image.fromarray(saliency).resize((_GRID, _GRID), Image.Resampling.BICUBIC))
    above = np.clip(small - np.quantile(small, 0.4), 0, None)
    weights: Array = above / (above.max() + 1e-9) + 0.02
    return weights


def _distances(pixels: Array, colours: Array) -> Array:
    """Squared distances of (height, width, 3) pixels from (n, 3) colours: (height, width, n)."""
    # |p - c|² multiplied out: a quarter of the time for a rounding error of a hundredth.
    squares: Array = (pixels**2).sum(axis=-1, keepdims=True) - 2 * pixels @ colours.T + (colours**2).sum(axis=-1)
    return squares


def _lab(rgb: npt.NDArray[np.uint8]) -> Array:
    """sRGB of 0 … 255 in the last axis to CIE L*a*b* under D65 (IEC 61966-2-1; CIE 15)."""
    encoded = rgb.astype(np.float32) / 255
    linear = np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)
    xyz = linear @ _XYZ_OF_RGB / _WHITE
    curve = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = curve[..., 0], curve[..., 1], curve[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


_XYZ_OF_RGB = np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]], np.float32)
_WHITE = np.array([0.9505, 1, 1.089], np.float32)
_CENTRAL = _central_weights()
_COLOUR_OF_EXAMPLE = np.array([number for number, colour in enumerate(_COLOURS) for _ in colour.examples.split()])
_EXAMPLES = _lab(
    np.array([list(bytes.fromhex(code)) for colour in _COLOURS for code in colour.examples.split()], np.uint8)
)
