"""The gallery in a real browser without a network."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from imagesearch.web import gallery
from tests.e2e.pictures import pictures
from tests.unit.test_report import OUTPUTS
from tests.web.page_contents import complaints, loaded, wider_than_the_screen

MANY = 3_000


@pytest.fixture
def opened(context: BrowserContext, page: Page, gallery_page: Path) -> Page:
    """The gallery, opened from a file without a network."""
    context.set_offline(True)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(gallery_page.as_uri())
    assert [url for url in requests if not url.startswith("data:")] == [gallery_page.as_uri()]
    return page


def test_every_search_is_shown_with_its_pictures(opened: Page) -> None:
    assert [text.strip("“”") for text in opened.locator("h2 q").all_inner_texts()] == [
        "musical instrument",
        "a yellow flower",
        "green vegetable",
        "pictures of white or cream colored dress from victorian era",
    ]
    assert loaded(opened) == 12
    first = opened.locator("figure").first.inner_text()
    assert re.search(r"A (cello|violin)\.\s+distance 0\.\d{4}\s+gs://demo-images/stamp_\w+\.jpg", first)


def test_it_says_how_the_stack_stands(opened: Page) -> None:
    facts = opened.locator(".facts").inner_text()
    for words in (
        "Images in the bucket\n14",
        "Embedded\n13",
        "Set aside\n1",
        "Paid so far\n13 images, about $0.0013",
        "at most $1.00",
        "multimodalembedding@001",
        "1,408 dimensions, COSINE",
        "skipped\n13 rows; BigQuery builds vector indexes from 5,000 rows on",
        "Location\nUS",
    ):
        assert words in facts
    assert re.search(r"Last embedded\n20\d\d-\d\d-\d\d \d\d:\d\d\n", facts)


def test_an_image_that_was_set_aside_is_listed_with_its_reason(opened: Page) -> None:
    opened.get_by_role("link", name="why").click()
    (row,) = opened.locator("#set-aside tbody tr").all_inner_texts()
    assert "gs://demo-images/broken.jpg" in row and "INVALID_ARGUMENT" in row and "set aside" in row


def test_axe_finds_nothing(opened: Page) -> None:
    assert complaints(opened) == []


def test_nothing_is_wider_than_a_phone(opened: Page) -> None:
    opened.set_viewport_size({"width": 390, "height": 844})
    assert not wider_than_the_screen(opened)


def test_a_script_that_got_into_it_would_not_run(opened: Page, gallery_page: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(gallery_page.read_text().replace("</main>", "<script>document.title='owned'</script></main>"))
    page = opened.context.new_page()
    page.goto(spoilt.as_uri())
    assert page.title() != "owned"


def test_printed_it_has_every_picture(opened: Page) -> None:
    opened.emulate_media(media="print")
    assert loaded(opened) == 12
    different = opened.evaluate("new Set([...document.images].map(each => each.src)).size")
    assert opened.pdf(format="A4").count(b"/Subtype /Image") == different
    assert not opened.locator(".jump").is_visible()


@pytest.mark.alone
def test_thousands_of_results_open_at_once(page: Page, tmp_path: Path) -> None:
    hits = [{"uri": f"gs://b/{n}.jpg", "distance": n / MANY, "caption": f"Picture {n}"} for n in range(MANY // 3)]
    searches = dict.fromkeys("abc", hits)
    outputs = {
        **OUTPUTS,
        "paid": MANY,
        "paid_usd": 0.3,
        "dimension": 1408,
        "queries": [{"name": name, "text": name, "top_k": MANY} for name in searches],
        "searches": searches,
    }
    photos = [data for data, _ in pictures().values()]
    side, quality = gallery._size(searches.values())
    shrunk = [gallery.thumbnail(data, side, quality) for data in photos]
    file = tmp_path / "many.html"
    file.write_text(gallery.page(outputs, {hit["uri"]: shrunk[n % len(shrunk)] for n, hit in enumerate(hits)}))
    assert file.stat().st_size < 24 * 2**20
    began = time.monotonic()
    page.goto(file.as_uri())
    page.locator("figure").first.wait_for()
    took = time.monotonic() - began
    assert page.locator("figure").count() == MANY
    print(f"{MANY} results, {file.stat().st_size / 2**20:.1f} MiB: open after {took:.2f} s")
    assert took < 6, "on a quiet machine it takes less than two seconds"
