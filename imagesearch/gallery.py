"""The gallery: one self-contained HTML page of what a stack's searches found.

Pictures are read through signed URLs that BigQuery makes (EXTERNAL_OBJECT_TRANSFORM), shrunk, and put into the page, so
that it opens anywhere and without a network.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image, ImageOps

from imagesearch import sql
from imagesearch.clients import bigquery, requests
from imagesearch.report import status
from imagesearch.stack import Stack

THUMBNAIL = 320
"""Longest side of a picture in the page, in pixels."""
_READ_TIMEOUT = 30.0
_MAX_BYTES = 20 * 1024 * 1024
"""What the endpoint takes at most; larger objects are not embedded either."""


def write(stack: Stack, output: Path) -> Path:
    """Write the page for a stack that is up. Returns `output`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    outputs = status(stack.outputs)
    uris = {hit["uri"] for found in outputs["searches"].values() for hit in found}
    page = environment.get_template("gallery.html.j2").render(
        outputs=outputs, pictures=_pictures(stack, uris), written=datetime.now(UTC)
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")
    return output


def _pictures(stack: Stack, uris: Iterable[str]) -> dict[str, str]:
    """Each uri's picture as a data: URL; those that cannot be read are left out."""
    statement = sql.render("select_picture_urls", object_table=stack.name("object_table"))
    wanted = bigquery.ArrayQueryParameter("uris", "STRING", sorted(uris))
    rows = stack.warehouse.query(statement, [wanted]) if wanted.values else []
    with ThreadPoolExecutor(8) as threads:
        return {uri: picture for uri, picture in threads.map(_picture, rows) if picture}


def _picture(row: dict[str, Any]) -> tuple[str, str | None]:
    try:
        answer = requests.get(row["signed_url"], timeout=_READ_TIMEOUT, stream=True)
        answer.raise_for_status()
        return row["uri"], thumbnail(answer.raw.read(_MAX_BYTES, decode_content=True))
    except (requests.RequestException, OSError, Image.DecompressionBombError):
        return row["uri"], None


def thumbnail(data: bytes) -> str:
    """A small JPEG of a picture as a data: URL. Raises OSError for what is no picture."""
    with Image.open(io.BytesIO(data)) as picture:
        small = ImageOps.exif_transpose(picture)
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        flat = Image.new("RGB", small.size, "white")
        flat.paste(small.convert("RGB"), mask=small.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
