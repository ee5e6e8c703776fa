"""Bytes to pixels: the formats and sizes that the embedding endpoint reads, and no others.

Source: docs/bigquery-contract.md, "2. The embedding endpoint".
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps, UnidentifiedImageError

#: "up to 20 MB"; Choice: binary megabytes.
MAX_BYTES = 20 * 1024 * 1024
#: Choice: the endpoint's documentation has no limit in pixels; this one keeps a picture under 1 GB of memory.
MAX_PIXELS = 64_000_000
#: As Pillow names them; MPO is the JPG with a second picture behind it that many phones write.
FORMATS = {"BMP", "GIF", "JPEG", "MPO", "PNG"}


def decode(data: bytes, *, enough: int) -> Image.Image:
    """The picture upright, on white where it is transparent, as RGB; of an animation the first frame.

    A side need not be decoded to more than about `enough` pixels. Raises ValueError when the bytes are no picture, not
    a whole one, too large or of another format than BMP, GIF, JPG and PNG.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"the picture has {len(data):,} bytes; {MAX_BYTES:,} are allowed")
    opened = _open(data)
    try:
        opened.draft("RGB", (enough, enough))
        return _on_white(ImageOps.exif_transpose(opened))
    except Exception as error:  # decoders raise whatever broken bytes lead them to
        raise ValueError(f"the {opened.format} picture cannot be decoded: {error}") from error


def _open(data: bytes) -> Image.Image:
    try:
        opened = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise ValueError("the bytes are no picture") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"the picture is too large: {error}") from error
    except Exception as error:
        raise ValueError(f"the bytes are no picture: {error}") from error
    if opened.format not in FORMATS:
        raise ValueError(f"{opened.format} pictures are not supported; BMP, GIF, JPG and PNG are")
    if opened.width * opened.height > MAX_PIXELS:
        raise ValueError(f"the picture has {opened.width} x {opened.height} pixels; {MAX_PIXELS:,} are allowed")
    return opened


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):  # Pillow would clip 16 bits a pixel instead of scaling them
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    white.alpha_composite(layer)
    return white.convert("RGB")
