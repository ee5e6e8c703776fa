"""Which requests the search page answers and which it refuses, sent as a browser or an attacker sends them."""

from __future__ import annotations

import socket

import pytest
import requests

from imagesearch.web.guard import names_of
from imagesearch.web.server import CannotListen, listen
from tests.e2e.conftest import BUCKET
from tests.e2e.stack import Stack
from tests.web.conftest import Site


def get(site: Site, path: str = "", **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(site.url + path, headers=named, timeout=30)


def test_a_name_that_somebody_points_at_this_machine_is_refused(site: Site) -> None:
    port = site.url.rstrip("/").rsplit(":", 1)[-1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST."):
        assert get(site, Host=host).status_code == 200, host
    for host in (f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", ""):
        assert get(site, "?q=never", Host=host).status_code == 421, host


def test_another_site_may_link_to_a_search_but_not_load_it(site: Site) -> None:
    paid = site.texts_paid()
    for origin in ("cross-site", "same-site"):
        for part in ("image", "iframe", "empty", "script"):
            answer = get(site, "?q=unseen", Sec_Fetch_Site=origin, Sec_Fetch_Dest=part)
            assert answer.status_code == 403, (origin, part)
    assert site.texts_paid() == paid
    assert get(site, Sec_Fetch_Site="cross-site", Sec_Fetch_Dest="document").status_code == 200


def test_every_answer_forbids_what_the_pages_do_not_need(site: Site) -> None:
    for path in ("", "style.css", "copy.js", "nowhere", "picture?uri=gs://b/o"):
        headers = get(site, path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert "unsafe" not in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
    assert "server" not in {name.lower() for name in headers}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("q=a&top_k=0", "top_k: Input should be greater than or equal to 1"),
        ("q=a&top_k=101", "top_k: Input should be less than or equal to 100"),
        ("q=a&top_k=many", "top_k: Input should be a valid integer"),
        ("q=a&distance=MANHATTAN", "distance: Input should be &#39;COSINE&#39;"),
        ("q=a&folder=/etc", "folder: must begin with gs://"),
        ("like=http://elsewhere/", "like: must begin with gs://"),
        ("q=a&like=gs://b/o", "q and like are both given"),
        ("q=a&q=b", "q is given 2 times"),
        ("q=" + "a" * 1001, "q: String should have at most 1000 characters"),
    ],
)
def test_what_an_address_may_not_ask_is_named(site: Site, query: str, words: str) -> None:
    answer = get(site, f"?{query}")
    assert answer.status_code == 400 and words in answer.text


def test_what_is_not_there_is_said(site: Site) -> None:
    assert get(site, "nowhere").status_code == 404
    missing = get(site, f"?like=gs://{BUCKET}/broken.jpg")
    assert missing.status_code == 404 and f"There is no embedding of gs://{BUCKET}/broken.jpg." in missing.text


def test_only_pictures_that_were_shown_are_passed_on(site: Site) -> None:
    assert get(site, f"picture?uri=gs://{BUCKET}/broken.jpg").status_code == 404
    get(site, "?q=rose")
    picture = get(site, f"picture?uri=gs://{BUCKET}/stamp_rose.jpg")
    assert picture.headers["Content-Type"] == "image/jpeg" and picture.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(site: Site, method: str) -> None:
    assert requests.request(method, site.url, timeout=30).status_code == 405


def test_others_are_let_in_only_when_told_to_and_told_what_that_means(web_stack: Stack) -> None:
    refused = web_stack.run(".venv/bin/python", "-m", "imagesearch", "serve", "--host", "0.0.0.0", check=False)
    assert refused.returncode == 1 and refused.stdout == ""
    assert "It does not authenticate anybody" in refused.stderr and "--expose" in refused.stderr
    assert "their searches are charged to the project local-project" in refused.stderr


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"Cannot listen on 127.0.0.1 port {port}: Address already in use\\."):
            listen(None, port, False, "my-project")


def test_an_address_that_is_not_this_machines_is_said() -> None:
    with pytest.raises(CannotListen, match=r"--host no\.such\.host\.invalid"):
        listen("no.such.host.invalid", 0, False, "my-project")


def test_exposed_it_answers_to_the_machines_addresses_and_name_and_to_no_other() -> None:
    with listen("0.0.0.0", 0, True, "my-project") as listener:
        hosts = names_of(listener.getsockname()[0])
    assert all(host in hosts for host in ("192.0.2.7:80", "[2001:db8::1]:80", socket.gethostname()))
    assert not any(host in hosts for host in ("evil.example:80", "192.0.2.7.evil.example", ""))
