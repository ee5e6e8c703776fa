"""A stack with its search page and its gallery, and Debian's Chromium to open them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.conftest import BUCKET, put, storage_client
from tests.e2e.generated import picture
from tests.e2e.pictures import pictures
from tests.e2e.stack import Stack

HOSTILE = "toys/<script>document.title='owned'</script>\"'&.png"
HOSTILE_CAPTION = '<img src=x onerror="document.title=\'owned\'"> & "quoted"'
BROKEN = "broken.jpg"


@dataclass(frozen=True)
class Site:
    """The search page of a stack that is up."""

    stack: Stack
    url: str

    def texts_paid(self) -> int:
        return int(self.stack.ledger()["texts"])


@pytest.fixture(scope="package")
def web_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A dozen real photos, one object whose name and caption are markup, and one that is no picture; all is up."""
    stack = Stack(tmp_path_factory.mktemp("web") / "project")
    stack.start_cloud()
    try:
        bucket = storage_client(stack).create_bucket(BUCKET)
        for name, (data, caption) in pictures().items():
            put(bucket, name, data, caption)
        put(bucket, HOSTILE, picture(7), HOSTILE_CAPTION, "image/png")
        put(bucket, BROKEN, b"no picture", "")
        stack.up()
        yield stack
    finally:
        stack.stop_cloud()


@pytest.fixture(scope="package")
def site(web_stack: Stack) -> Iterator[Site]:
    """`python -m imagesearch serve`, as a person starts it."""
    command = [str(web_stack.folder / ".venv/bin/python"), "-m", "imagesearch", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=web_stack.folder, env=web_stack.environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield Site(web_stack, server.stdout.readline().split()[-1])
        finally:
            server.terminate()


@pytest.fixture(scope="package")
def gallery_page(web_stack: Stack) -> Path:
    """The gallery, as the command writes it."""
    page = web_stack.folder / "gallery.html"
    web_stack.run(".venv/bin/python", "-m", "imagesearch", "gallery", "--output", str(page))
    return page


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1100, "height": 900})
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab. Whatever the page complains about in the console fails the test."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert [text for text in complaints if "status of 4" not in text and "status of 5" not in text] == []
