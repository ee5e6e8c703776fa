"""The pictures themselves: read through signed URLs that BigQuery makes, and shrunk.

So whoever may query the object table sees its pictures, and needs no role on the bucket.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image, ImageOps

from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.clients import bigquery, requests
from imagesearch.gcp.sql import Identifier

SIDE = 320
"""Longest side of a thumbnail, in pixels."""
QUALITY = 82
_READ_TIMEOUT = 30.0
_MAX_BYTES = 20 * 1024 * 1024
"""What the endpoint takes at most; larger objects are not embedded either."""


def signed_urls(warehouse: Warehouse, object_table: Identifier, uris: Iterable[str]) -> dict[str, str]:
    """Addresses from which pictures can be read for six hours, by uri; what is gone is left out."""
    wanted = bigquery.ArrayQueryParameter("uris", "STRING", sorted(set(uris)))
    if not wanted.values:
        return {}
    rows = warehouse.query(sql.render("select_picture_urls", object_table=object_table), [wanted])
    return {row["uri"]: row["signed_url"] for row in rows}


def read(url: str, side: int = SIDE, quality: int = QUALITY) -> bytes | None:
    """The thumbnail of the picture at a signed URL, or None when it cannot be read or is no picture."""
    try:
        with requests.get(url, timeout=_READ_TIMEOUT, stream=True) as answer:
            answer.raise_for_status()
            data = bytearray()
            for chunk in answer.iter_content(2**16):
                data += chunk
                if len(data) > _MAX_BYTES:
                    return None
            return shrunk(bytes(data), side, quality)
    except (requests.RequestException, OSError, ValueError, Image.DecompressionBombError):
        return None


def shrunk(data: bytes, side: int = SIDE, quality: int = QUALITY) -> bytes:
    """A small JPEG of a picture, upright and on white. Raises OSError for what is no picture."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", (side, side))  # a large JPEG is decoded at a fraction of its size
        small = ImageOps.exif_transpose(picture)
        small.thumbnail((side, side))
        flat = Image.new("RGB", small.size, "white")
        flat.paste(small.convert("RGB"), mask=small.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
