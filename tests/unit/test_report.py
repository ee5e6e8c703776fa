"""The reports of a stack's outputs for people and for scripts, and the gallery's page."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from imagesearch.stacks import report
from imagesearch.web import gallery

OUTPUTS: dict[str, Any] = {
    "project": "my-project",
    "location": "US",
    "dataset": "pictures",
    "connection": "projects/my-project/locations/us/connections/c",
    "object_table": "my-project.pictures.met_images",
    "model": "my-project.pictures.model",
    "embeddings_table": "my-project.pictures.embeddings",
    "search_embeddings_table": "my-project.pictures.search_embedding",
    "results_table": "my-project.pictures.results",
    "endpoint": "multimodalembedding@001",
    "dimension": 1408.0,
    "distance": "COSINE",
    "estimate": {"images": 10, "usd": 0.001, "hours": 0.01, "jobs": 1},
    "labels": {},
    "objects": 5.0,
    "target": 4.0,
    "embedded": 2.0,
    "set_aside": 1.0,
    "pending": 1.0,
    "index": {"name": "i", "status": "skipped", "reason": "too few rows"},
    "queries": [{"name": "b", "text": "<b>bold</b>", "top_k": 2}, {"name": "a", "text": "nothing", "top_k": 1}],
    "searches": {"a": [], "b": [{"uri": "gs://p/<i>.jpg", "distance": 0.25}]},
}


def picture(mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (900, 600)).save(buffer, "PNG")
    return buffer.getvalue()


def test_status_has_whole_numbers_and_every_key_of_a_hit() -> None:
    told = report.with_types(OUTPUTS)
    assert (told["objects"], told["dimension"]) == (5, 1408) and isinstance(told["objects"], int)
    assert told["searches"] == {"a": [], "b": [{"uri": "gs://p/<i>.jpg", "distance": 0.25, "caption": None}]}


def test_the_table_accounts_for_every_image_and_keeps_the_order_of_the_searches() -> None:
    out = io.StringIO()
    report.show(Console(file=out, width=120), OUTPUTS)
    text = out.getvalue()
    assert "5 images in the bucket: 2 embedded, 1 set aside, 1 pending, 1 beyond images.limit" in text
    assert text.index("<b>bold</b>") < text.index("nothing found")


@pytest.mark.parametrize(("kind", "hinted"), [("permanent", True), ("retryable", False)])
def test_images_that_are_set_aside_come_with_what_to_do_about_them(kind: str, hinted: bool) -> None:
    out = io.StringIO()
    row = {"kind": kind, "attempts": 2, "status": "[red]NOT_FOUND", "uri": "gs://p/a.jpg"}
    Console(file=out, width=120).print(report.failures_table([row]))
    assert "[red]NOT_FOUND" in out.getvalue() and ("imagesearch retry" in out.getvalue()) == hinted


def test_the_gallery_shows_pictures_without_captions_and_escapes_everything() -> None:
    failures = [{"uri": "gs://p/<u>.jpg", "status": "<s>refused</s>", "kind": "permanent", "attempts": 1}]
    page = gallery.page(
        {**report.with_types(OUTPUTS), "paid": 3, "paid_usd": 0.0003},
        {"gs://p/<i>.jpg": gallery.thumbnail(picture())},
        failures,
        datetime(2026, 11, 22, 12, 5),
    )
    assert page.count('src="data:image/jpeg;base64,') == 1
    assert "<b>bold</b>" not in page and "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<i>.jpg" not in page and "<u>" not in page and "<s>" not in page
    assert "http://" not in page and "https://" not in page, "it needs no network"
    assert "2026-11-22 12:05" in page and "at most $0.0010" in page and "too few rows" in page
    assert "3 images, about $0.0003" in page


def test_the_gallery_of_many_results_keeps_the_nearest_pictures_of_each_search() -> None:
    many, few = [{}] * 8_000, [{}] * 10
    assert gallery.pictured([many, few]) == 4_990
    assert gallery.pictured([few, few]) == 10
    assert gallery.pictured([]) == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA"])
def test_a_thumbnail_is_a_small_jpeg_of_whatever_the_picture_was(mode: str) -> None:
    url = gallery.thumbnail(picture(mode))
    assert url.startswith("data:image/jpeg;base64,") and len(url) < 20_000
