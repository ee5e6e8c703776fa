"""What is on a page in the browser: results, loaded pictures, accessibility violations, overflow."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def shown(page: Page) -> list[str]:
    """The names of the pictures that were found, nearest first."""
    return [uri.rsplit("/", 1)[-1] for uri in page.locator(".hits figcaption p:last-of-type").all_inner_texts()]


def loaded(page: Page) -> int:
    """How many pictures are really there, once all that will come have come."""
    page.wait_for_function("[...document.images].every(each => each.loading === 'lazy' || each.complete)")
    for picture in page.locator(".hits img").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every(each => each.complete)")
    return int(page.evaluate("[...document.images].filter(each => each.naturalWidth > 0).length"))


def complaints(page: Page) -> list[str]:
    """What axe finds, in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        result = Axe().run(page)
        found += [f"{scheme}: {each['id']} {each['nodes'][0]['target']}" for each in result.response["violations"]]
    return found


def wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
