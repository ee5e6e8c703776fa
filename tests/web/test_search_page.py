"""The search page in a real browser, over a stack."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import BUCKET
from tests.web.conftest import HOSTILE, HOSTILE_CAPTION, Site
from tests.web.page_contents import complaints, loaded, shown, wider_than_the_screen

VIOLIN = f"gs://{BUCKET}/stamp_violin.jpg"


def address(site: Site, **parameters: str) -> str:
    return f"{site.url}?{urlencode(parameters)}"


def test_words_find_pictures_and_the_page_says_how(site: Site, page: Page) -> None:
    page.goto(site.url)
    page.get_by_label("What to look for").fill("musical instrument")
    page.get_by_label("Pictures", exact=True).fill("4")
    page.get_by_role("button", name="Search").click()
    names = shown(page)
    assert len(names) == 4 and {"stamp_violin.jpg", "stamp_cello.jpg"} <= set(names)
    assert loaded(page) == 4
    distances = [float(text) for text in re.findall(r"distance ([\d.]+)", page.inner_text("main"))]
    assert len(distances) == 4 and distances == sorted(distances)
    how = page.locator(".how").inner_text()
    assert re.search(r"\d\.\d\d s\nembed the text \d\.\d\d s, search \d\.\d\d s", how)
    assert "not used: every vector was compared. There is no index" in how


def test_the_link_to_the_job_leads_to_the_job(site: Site, page: Page) -> None:
    page.goto(address(site, q="a red fruit"))
    link = page.locator(".how dl a").first
    job = page.request.get(link.get_attribute("href") or "").json()
    assert job["jobReference"]["jobId"] == link.inner_text()
    assert "VECTOR_SEARCH" in job["configuration"]["query"]["query"]


def test_more_like_this_finds_others_by_the_stored_vector_of_the_picture(site: Site, page: Page) -> None:
    page.goto(address(site, q="violin"))
    paid = site.texts_paid()
    page.locator("figure", has_text="stamp_violin.jpg").get_by_role("link", name="More like this").click()
    names = shown(page)
    assert names[0] == "stamp_cello.jpg" and "stamp_violin.jpg" not in names and len(names) == 12
    assert page.locator("h2").first.inner_text() == "Like A violin."
    assert loaded(page) == 13, "the picture that was asked about is shown too"
    assert site.texts_paid() == paid, "no text was embedded"


def test_filters_leave_out_what_is_elsewhere_and_keep_the_number_of_results(site: Site, page: Page) -> None:
    page.goto(address(site, q="musical instrument", top_k="3"))
    page.get_by_label("Folder, or how the uri begins").fill(f"gs://{BUCKET}/stamp_r")
    page.get_by_role("button", name="Search").click()
    assert shown(page) == ["stamp_rose.jpg"]
    assert "A filtered search is exact." in page.locator(".how").inner_text()
    page.get_by_label("Folder, or how the uri begins").fill("")
    page.get_by_label("image/jpeg").check()
    page.get_by_role("button", name="Search").click()
    assert len(shown(page)) == 3
    page.get_by_label("image/jpeg").uncheck()
    page.get_by_label("image/png").check()
    page.get_by_role("button", name="Search").click()
    assert len(shown(page)) == 1 and page.get_by_label("image/png").is_checked()
    page.get_by_label("Folder, or how the uri begins").fill(f"gs://{BUCKET}/elsewhere/")
    page.get_by_role("button", name="Search").click()
    assert "No embedded picture is in this folder and of these types" in page.inner_text("main")


def test_a_folder_is_taken_as_it_is_written_not_as_a_pattern(site: Site, page: Page) -> None:
    page.goto(address(site, q="anything", folder=f"gs://{BUCKET}/stamp%"))
    assert shown(page) == []


def test_the_address_of_a_search_shows_the_same_to_somebody_else(site: Site, page: Page, chromium: Browser) -> None:
    page.goto(site.url)
    page.get_by_label("What to look for").fill("a green vegetable & more")
    page.get_by_label("Pictures", exact=True).fill("5")
    page.get_by_label("Distance").select_option("EUCLIDEAN")
    page.get_by_role("button", name="Search").click()
    link = page.locator(".how dl").get_by_role("link").last.get_attribute("href") or ""
    assert link == "/?q=a+green+vegetable+%26+more&top_k=5&distance=EUCLIDEAN"
    other = chromium.new_page()
    other.goto(site.url.rstrip("/") + link)
    assert shown(other) == shown(page) and len(shown(other)) == 5
    assert other.get_by_label("Distance").input_value() == "EUCLIDEAN"
    assert 'distance_type => "EUCLIDEAN"' in other.locator("#sql-1").text_content()
    other.close()


def test_the_sql_is_shown_and_the_button_copies_it(site: Site, page: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(address(site, q="a text that is new"))
    page.get_by_text("The SQL that ran").click()
    page.get_by_role("button", name="Copy SQL").nth(1).click()
    expect(page.get_by_role("status")).to_have_text("The statement is in the clipboard.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#sql-2").text_content()
    assert "VECTOR_SEARCH" in copied and "`local-project.bqml_tutorial.met_image_embeddings`" in copied
    assert "@search_text STRING: a text that is new" in page.locator("details").inner_text()


def test_a_text_is_paid_once_and_a_search_writes_nothing(site: Site, page: Page) -> None:
    dataset = f"http://127.0.0.1:{site.stack.port}/bigquery/v2/projects/local-project/datasets/bqml_tutorial/tables"
    tables = {table["id"] for table in page.request.get(dataset).json()["tables"]}
    paid = site.texts_paid()
    page.goto(address(site, q="a text to pay for"))
    page.goto(address(site, q="a text to pay for", top_k="7", folder=f"gs://{BUCKET}/"))
    assert len(shown(page)) == 7 and "the vector of the text was cached" in page.locator(".how").inner_text()
    assert site.texts_paid() == paid + 1
    assert {table["id"] for table in page.request.get(dataset).json()["tables"]} == tables


def test_captions_names_and_words_are_text_and_nothing_else(site: Site, page: Page) -> None:
    words = "</title><script>document.title='owned'</script><b>bold</b>"
    page.goto(address(site, q=words, top_k="100"))
    assert page.title().startswith("</title>") and page.locator("main b").count() == 0
    assert page.locator(".hits .caption", has_text=HOSTILE_CAPTION).count() == 1
    figure = page.locator("figure", has_text="toys/")
    assert f"gs://{BUCKET}/{HOSTILE}" in figure.inner_text()
    assert figure.locator("img").get_attribute("alt") == HOSTILE_CAPTION
    figure.get_by_role("link", name="More like this").click()
    assert page.locator("h2").first.inner_text() == f"Like {HOSTILE_CAPTION}"
    assert page.title() != "owned" and loaded(page) == 13


@pytest.mark.parametrize("path", ["", "?q=flower", f"?like={quote(VIOLIN)}", "?q=a&like=gs://b", "nowhere"])
def test_axe_finds_nothing(site: Site, page: Page, path: str) -> None:
    page.goto(site.url + path)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert complaints(page) == []


@pytest.mark.parametrize("path", ["", f"?q=flower&folder=gs://{BUCKET}/", f"?like={quote(VIOLIN)}", "nowhere"])
def test_nothing_is_wider_than_a_phone(site: Site, page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(site.url + path)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert not wider_than_the_screen(page)
    button = page.get_by_role("button", name="Search").bounding_box()
    assert button and button["x"] + button["width"] <= 390


def test_all_of_it_works_by_keyboard(site: Site, page: Page) -> None:
    page.goto(site.url)
    for _ in range(3):  # past the link that skips to the results, and the title
        page.keyboard.press("Tab")
    page.keyboard.type("violin")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hits")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "More like this: A violin."
    page.keyboard.press("Enter")
    page.wait_for_selector(".asked")
    assert shown(page)[0] == "stamp_cello.jpg"


def test_it_works_without_a_script(site: Site, chromium: Browser) -> None:
    page = chromium.new_page(java_script_enabled=False)
    page.goto(site.url)
    page.get_by_role("link", name="a yellow flower").click()
    assert "stamp_yellow-flower.jpg" in shown(page)
    page.get_by_text("The SQL that ran").click()
    assert page.get_by_role("button", name="Copy SQL").count() == 0, "it would do nothing"
    assert "VECTOR_SEARCH" in page.locator("pre").last.inner_text()
    page.close()


def test_an_error_of_the_cloud_is_a_page_with_its_words(site: Site, page: Page) -> None:
    status = "INVALID_ARGUMENT: the text is refused"
    fault = {"rows": {"uris": ["a refused text"], "status": status, "times": 5}}
    page.request.post(f"http://127.0.0.1:{site.stack.port}/control/faults", data=fault)
    answer = page.goto(address(site, q="a refused text"))
    assert answer and answer.status == 502
    assert status in page.get_by_role("alert").inner_text()
    assert page.get_by_label("What to look for").is_visible(), "and one can go on from there"
