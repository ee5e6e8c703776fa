"""Pictures as thumbnails, downloaded through signed URLs that BigQuery makes.

So a caller who may query the object table can see its pictures without a role on the bucket.
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
"""The maximum size of an image for the endpoint; larger objects are not embedded either."""


def signed_urls(warehouse: Warehouse, object_table: Identifier, uris: Iterable[str]) -> dict[str, str]:
    """Signed URLs of pictures by uri, valid for six hours; missing objects are left out."""
    wanted = bigquery.ArrayQueryParameter("uris", "STRING", sorted(set(uris)))
    if not wanted.values:
        return {}
    rows = warehouse.query(sql.render("select_picture_urls", object_table=object_table), [wanted])
    return {row["uri"]: row["signed_url"] for row in rows}


def download_thumbnail(url: str, side: int = SIDE, quality: int = QUALITY) -> bytes | None:
    """The thumbnail of the picture at a signed URL; None if it cannot be read or is not a picture."""
    try:
        with requests.get(url, timeout=_READ_TIMEOUT, stream=True) as response:
            response.raise_for_status()
            data = bytearray()
            for chunk in response.iter_content(2**16):
                data += chunk
                if len(data) > _MAX_BYTES:
                    return None
            return thumbnail(bytes(data), side, quality)
    except (requests.RequestException, OSError, ValueError, Image.DecompressionBombError):
        return None


def thumbnail(data: bytes, side: int = SIDE, quality: int = QUALITY) -> bytes:
    """A JPEG of at most `side` by `side` pixels, upright and on white. Raises OSError if `data` is not a picture."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("RGB", (side, side))  # decodes a large JPEG at a fraction of its size
        small = ImageOps.exif_transpose(picture)
        small.thumbnail((side, side))
        flat = Image.new("RGB", small.size, "white")
        flat.paste(small.convert("RGB"), mask=small.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
