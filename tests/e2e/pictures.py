"""A dozen of the demo's photos: few enough for a quick test, different enough for searches to be right or wrong."""

from __future__ import annotations

from localcloud.images import tuxpaint
from localcloud.images.progress import Report

NAMES = (
    "stamp_violin.jpg",
    "stamp_dog.jpg",
    "stamp_horse.jpg",
    "stamp_guitar_classical.jpg",
    "stamp_drumkit.jpg",
    "stamp_yellow-flower.jpg",
    "stamp_rose.jpg",
    "stamp_apple_red.jpg",
    "stamp_tomato.jpg",
    "stamp_pineapple.jpg",
    "stamp_cello.jpg",
    "stamp_lettuce.jpg",
)


def pictures() -> dict[str, tuple[bytes, str]]:
    """Name to (content, caption)."""
    chosen = {picture.name: picture for picture in tuxpaint.select(Report()).pictures if picture.name in NAMES}
    return {name: (chosen[name].file.read_bytes(), chosen[name].caption) for name in NAMES}
