"""The gallery: one self-contained HTML page with the results of a stack's searches and the stack's status.

The pictures are in the page, so that it opens without a network. The more there are, the smaller they are, so that it
opens quickly.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from imagesearch.gcp.bigquery import Row
from imagesearch.settings import prices
from imagesearch.stacks import status
from imagesearch.stacks.stack import Stack
from imagesearch.web import pictures, rendering

SIZES = ((300, 320, 82), (1_500, 240, 75), (5_000, 160, 65))
"""For up to so many pictures in the page: the longest side in pixels, the JPEG quality. About 20, 11 and 5 kB each."""
MAX_FAILURES = 1_000
"""Rows of images that are not embedded, at most."""
_STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def write(stack: Stack, output: Path) -> Path:
    """Write the page of a stack and return `output`. Raises NotThere if its tables do not exist."""
    outputs = status.current(stack)
    warehouse, searches = stack.warehouse, outputs["searches"]
    side, quality = _size(searches.values())
    depth = pictured(searches.values())
    uris = {hit["uri"] for found in searches.values() for hit in found[:depth]}
    urls = pictures.signed_urls(warehouse, stack.name("object_table"), uris)
    html = page(
        outputs,
        _thumbnails(urls, side, quality),
        stack.embeddings.failed(MAX_FAILURES) if outputs["set_aside"] or outputs["pending"] else [],
        stack.embeddings.count().last_embedded,
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(html, encoding="utf-8")
    return output


def page(
    outputs: dict[str, Any],
    thumbnails: Mapping[str, str],
    failures: Sequence[Row] = (),
    last_embedded: datetime | None = None,
) -> str:
    """The page. `outputs` as of status.current, `thumbnails` as data: URLs by uri."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return rendering.html(
        "gallery",
        outputs=outputs,
        pictures=thumbnails,
        failures=failures,
        max_failures=MAX_FAILURES,
        depth=pictured(outputs["searches"].values()),
        paid=f"{outputs['paid']:,} images, about {prices.words(outputs['paid_usd'])}",
        estimate=_estimate(outputs["estimate"]),
        index=_index(outputs["index"]),
        last_embedded=last_embedded,
        written=datetime.now(UTC),
        style=_STYLE,
        style_hash=f"sha256-{digest}",
    )


def pictured(found: Iterable[Sequence[object]]) -> int:
    """The number of nearest results of each search that have a picture in the page; more would make it too large."""
    lengths = [len(hits) for hits in found]
    limit = SIZES[-1][0]
    depth = max(lengths, default=0)
    while sum(min(length, depth) for length in lengths) > limit:
        depth -= 1
    return depth


def thumbnail(data: bytes, side: int = pictures.SIDE, quality: int = pictures.QUALITY) -> str:
    """The thumbnail of a picture as a data: URL. Raises OSError if `data` is not a picture."""
    return _data_url(pictures.thumbnail(data, side, quality))


def _size(found: Iterable[Sequence[object]]) -> tuple[int, int]:
    """The longest side and the JPEG quality for this number of results."""
    hits = sum(len(each) for each in found)
    return next(((side, quality) for limit, side, quality in SIZES if hits <= limit), SIZES[-1][1:])


def _thumbnails(urls: Mapping[str, str], side: int, quality: int) -> dict[str, str]:
    """The thumbnail of each uri as a data: URL; pictures that cannot be read are left out."""
    with ThreadPoolExecutor(8) as threads:
        jpegs = threads.map(partial(pictures.download_thumbnail, side=side, quality=quality), urls.values())
        return {uri: _data_url(jpeg) for uri, jpeg in zip(urls, jpegs, strict=True) if jpeg}


def _data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _estimate(estimate: Mapping[str, Any]) -> str:
    if estimate.get("usd") is None:
        return "no limit"
    return f"at most {prices.words(estimate['usd'])}"


def _index(index: Mapping[str, Any]) -> str:
    """Coverage, recall and reason of the index, as far as there are any."""
    parts = [f"covers {int(index['coverage'])} %"] if index["status"] == "active" else []
    if index.get("recall") is not None:
        parts.append(f"recall {index['recall']:.0%}")
    if index.get("reason"):
        parts.append(index["reason"])
    return ", ".join(parts)
