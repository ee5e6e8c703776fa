"""The gallery: one self-contained HTML page of what a stack's searches found and how the stack stands.

The pictures are in the page, so that it opens anywhere and without a network; the more there are, the smaller they
are, so that it opens at once.
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

import jinja2

from imagesearch.gcp.bigquery import Row
from imagesearch.settings import prices
from imagesearch.stacks import status
from imagesearch.stacks.stack import Stack
from imagesearch.web import pictures

SIZES = ((300, 320, 82), (1_500, 240, 75), (5_000, 160, 65))
"""Up to so many pictures in the page: their longest side in pixels, their JPEG quality. About 20, 11 and 5 kB each."""
MOST_FAILURES = 1_000
"""Rows of images that are not embedded."""
_HERE = Path(__file__).parent
_STYLE = (_HERE / "style.css").read_text(encoding="utf-8")


def write(stack: Stack, output: Path) -> Path:
    """Write the page for a stack that is up. Returns `output`. Raises NotThere when its tables are gone."""
    outputs = status.look(stack)
    warehouse, searches = stack.warehouse, outputs["searches"]
    side, quality = _size(searches.values())
    depth = pictured(searches.values())
    uris = {hit["uri"] for found in searches.values() for hit in found[:depth]}
    urls = pictures.signed_urls(warehouse, stack.name("object_table"), uris)
    text = page(
        outputs,
        _thumbnails(urls, side, quality),
        stack.embeddings.failed(MOST_FAILURES) if outputs["set_aside"] or outputs["pending"] else [],
        stack.embeddings.count().last_embedded,
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    return output


def page(
    outputs: dict[str, Any],
    thumbnails: Mapping[str, str],
    failures: Sequence[Row] = (),
    last_embedded: datetime | None = None,
) -> str:
    """The page. `outputs` as status.look gives them, `thumbnails` as data: URLs by uri."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return environment.get_template("gallery.html.j2").render(
        outputs=outputs,
        pictures=thumbnails,
        failures=failures,
        most_failures=MOST_FAILURES,
        depth=pictured(outputs["searches"].values()),
        paid=f"{outputs['paid']:,} images, about {prices.words(outputs['paid_usd'])}",
        estimate=_estimate(outputs["estimate"]),
        index=_index(outputs["index"]),
        last_embedded=last_embedded,
        written=datetime.now(UTC),
        style=_STYLE,
        style_hash=f"sha256-{digest}",
    )


def pictured(found: Iterable[Sequence[Any]]) -> int:
    """How many pictures of each search, the nearest ones, are in the page without making it too large."""
    lengths = [len(hits) for hits in found]
    most = SIZES[-1][0]
    depth = max(lengths, default=0)
    while sum(min(length, depth) for length in lengths) > most:
        depth -= 1
    return depth


def thumbnail(data: bytes, side: int = pictures.SIDE, quality: int = pictures.QUALITY) -> str:
    """A small JPEG of a picture as a data: URL. Raises OSError for what is no picture."""
    return _data_url(pictures.shrunk(data, side, quality))


def _size(found: Iterable[Sequence[Any]]) -> tuple[int, int]:
    hits = sum(len(each) for each in found)
    return next(((side, quality) for most, side, quality in SIZES if hits <= most), SIZES[-1][1:])


def _thumbnails(urls: Mapping[str, str], side: int, quality: int) -> dict[str, str]:
    """Each uri's picture as a data: URL; those that cannot be read are left out."""
    with ThreadPoolExecutor(8) as threads:
        read = threads.map(partial(pictures.read, side=side, quality=quality), urls.values())
        return {uri: _data_url(data) for uri, data in zip(urls, read, strict=True) if data}


def _data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _estimate(estimate: Mapping[str, Any]) -> str:
    if estimate.get("usd") is None:
        return "no limit"
    return f"at most {prices.words(estimate['usd'])}"


def _index(index: Mapping[str, Any]) -> str:
    """What there is to say beyond its status."""
    parts = [f"covers {int(index['coverage'])} %"] if index["status"] == "active" else []
    if index.get("recall") is not None:
        parts.append(f"recall {index['recall']:.0%}")
    if index.get("reason"):
        parts.append(index["reason"])
    return ", ".join(parts)
