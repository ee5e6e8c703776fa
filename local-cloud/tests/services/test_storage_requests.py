"""Cloud Storage's requests as no client of Google's would send them, and what a death in the middle of one leaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import storage

from localcloud.apis.storage.buckets import Buckets
from localcloud.apis.storage.objects import Checksums, StoredObject
from tests.services.conftest import PROJECT, Running

BUCKETS = "/storage/v1/b"
UPLOAD = "/upload/storage/v1/b/demo-images/o"
OBJECTS = "/storage/v1/b/demo-images/o"


@pytest.fixture
def bucket(cloud: Running) -> storage.Bucket:
    return cloud.storage().create_bucket("demo-images")


def message(answer: httpx.Response, code: int) -> str:
    assert answer.status_code == code, answer.text
    return str(answer.json()["error"]["message"])


def multipart(fields: bytes, content_type: bytes = b"image/jpeg") -> dict[str, Any]:
    head = b"--x\r\nContent-Type: application/json\r\n\r\n" + fields
    body = head + b"\r\n--x\r\nContent-Type: " + content_type + b"\r\n\r\ncontent\r\n--x--"
    return {"content": body, "headers": {"Content-Type": "multipart/related; boundary=x"}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (b'{"name": ["a"]}', "Object.name: ['a'] is no string"),
        (b'{"name": "a", "metadata": [1]}', "Object.metadata: [1] is no object"),
        (b'{"name": "a", "metadata": {"k": 1}}', "Object.metadata.k: 1 is no string"),
        (b'{"name": "a", "colour": "red"}', "Object.colour: not in Object"),
        (b'{"name": "\\ud800"}', "Malformed multipart body"),
        (b"[" * 100_000, "Malformed multipart body"),
        (b'{"name": "a", "contentType": "text/plain\\r\\nX-Injected: yes"}', "Invalid content type"),
        ('{"name": "a", "contentType": "中"}'.encode(), "Invalid content type"),
    ],
)
def test_an_upload_that_is_described_wrongly_is_invalid(
    cloud: Running, bucket: storage.Bucket, fields: bytes, words: str
) -> None:
    answer = cloud.http.post(UPLOAD, params={"uploadType": "multipart"}, **multipart(fields))
    assert words in message(answer, 400)
    if fields[:1] == b"{" and b"ud800" not in fields:
        answer = cloud.http.post(UPLOAD, params={"uploadType": "resumable"}, content=fields)
        assert words in message(answer, 400)
    assert list(bucket.list_blobs()) == []


def test_a_content_type_that_no_header_can_carry_is_invalid(cloud: Running, bucket: storage.Bucket) -> None:
    answer = cloud.http.post(UPLOAD, params={"uploadType": "multipart"}, **multipart(b'{"name": "a"}', b"\xff\xfe"))
    assert "Invalid content type" in message(answer, 400)
    bucket.blob("a").upload_from_string(b"a")
    assert "Invalid content type" in message(cloud.http.patch(f"{OBJECTS}/a", json={"contentType": "a\nb"}), 400)


@pytest.mark.parametrize(
    ("span", "code", "content"),
    [
        ("bytes=1-" + "9" * 5000, 206, b"ontent"),
        ("bytes=" + "9" * 5000 + "-", 416, None),
        ("bytes=-" + "9" * 5000, 206, b"content"),
        ("bytes=" + "0" * 30 + "1-" + "0" * 30 + "2", 206, b"on"),
        ("bytes=0-0", 206, b"c"),
    ],
)
def test_a_range_of_any_length_of_digits_is_understood(
    cloud: Running, bucket: storage.Bucket, span: str, code: int, content: bytes | None
) -> None:
    bucket.blob("a").upload_from_string(b"content")
    answer = cloud.http.get(f"{OBJECTS}/a?alt=media", headers={"Range": span})
    assert (answer.status_code, answer.content) == (code, answer.content if content is None else content)


def test_conditions_on_the_etag_hold(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.upload_from_string(b"content")
    blob.reload()
    assert blob.download_as_bytes(if_etag_match=blob.etag) == b"content"
    blob.reload(if_etag_match=["of another", blob.etag])
    with pytest.raises(exceptions.PreconditionFailed):
        blob.download_as_bytes(if_etag_match="of another")
    with pytest.raises(exceptions.PreconditionFailed):
        blob.reload(if_etag_match="of another")
    with pytest.raises(exceptions.NotModified):
        blob.reload(if_etag_not_match=blob.etag)
    blob.reload(if_etag_not_match="of another")


def test_a_change_under_another_etag_is_refused(cloud: Running, bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string(b"content")
    wrong = {"If-Match": "of another"}
    assert cloud.http.patch(f"{OBJECTS}/a", json={"contentType": "text/html"}, headers=wrong).status_code == 412
    assert cloud.http.delete(f"{OBJECTS}/a", headers=wrong).status_code == 412
    assert cloud.http.get(f"{BUCKETS}/demo-images", headers=wrong).status_code == 412
    answer = cloud.http.post(UPLOAD, params={"uploadType": "media", "name": "a"}, content=b"new", headers=wrong)
    assert "'if-match'" in message(answer, 501)
    assert bucket.blob("a").download_as_bytes() == b"content"


def test_a_key_of_the_client_is_refused_by_name(cloud: Running, bucket: storage.Bucket) -> None:
    blob = bucket.blob("secret", encryption_key=b"k" * 32)
    with pytest.raises(exceptions.MethodNotImplemented, match="x-goog-encryption"):
        blob.upload_from_string(b"content")
    assert not bucket.blob("secret").exists()
    with pytest.raises(exceptions.MethodNotImplemented, match="x-goog-encryption"):
        blob.upload_from_string(b"c" * (9 * 2**20))


def test_an_access_list_is_no_object(bucket: storage.Bucket) -> None:
    bucket.blob("folder/acl").upload_from_string(b"an object of this name")
    assert bucket.blob("folder/acl").download_as_bytes() == b"an object of this name"
    for refused in (bucket.blob("folder").acl.reload, bucket.blob("folder/acl").make_public):
        with pytest.raises(exceptions.MethodNotImplemented, match="/acl"):
            refused()


@pytest.mark.parametrize("name", ["x" * 64, "goog-x", "192.168.1.1", "ab", "A-b-c", "a..b", f"a.{'x' * 64}", "-abc"])
def test_a_bucket_name_that_is_not_given_is_invalid(cloud: Running, name: str) -> None:
    answer = cloud.http.post(BUCKETS, params={"project": PROJECT}, json={"name": name})
    assert message(answer, 400) == f"Invalid bucket name: '{name}'"


def test_a_bucket_is_in_a_place_that_there_is(cloud: Running) -> None:
    for place in ("nowhere", "US EAST", "us-central"):
        answer = cloud.http.post(BUCKETS, params={"project": PROJECT}, json={"name": "abc", "location": place})
        assert message(answer, 400) == "The specified location constraint is not valid."
    for name, place in (("in-nam4", "nam4"), ("in-region", "europe-west4"), ("in-asia", "ASIA")):
        cloud.storage().create_bucket(name, location=place)


def test_a_file_whose_name_no_object_has_is_not_listed(cloud: Running, bucket: storage.Bucket) -> None:
    folder = cloud.context.buckets / "demo-images"
    for name in (
        "two\nlines.jpg",
        "carriage\rreturn.jpg",
        "ünï\ncode.jpg",
        "e\u0301.jpg",
        "\u00e9.jpg",
        "\u202egpj.jpg",
    ):
        (folder / name).write_bytes(name.encode())
    (folder / Path(os.fsdecode(b"no-utf8-\xff.jpg"))).write_bytes(b"x")
    deep = folder.joinpath(*["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "deep.jpg").write_bytes(b"x")
    names = [blob.name for blob in bucket.list_blobs()]
    assert names == ["e\u0301.jpg", "\u00e9.jpg", "\u202egpj.jpg"], "two spellings of é are two names"
    assert [bucket.blob(name).download_as_bytes() for name in names] == [name.encode() for name in names]


def test_a_file_that_goes_while_it_is_read_is_no_object_and_one_that_may_not_be_read_is_named(
    cloud: Running, bucket: storage.Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cloud.context.buckets / "demo-images" / "a.jpg").write_bytes(b"a")
    for error, code in ((FileNotFoundError, 404), (PermissionError, 501)):

        def fails(*_: Any, error: type[OSError] = error) -> None:
            raise error

        with monkeypatch.context() as context:
            context.setattr("localcloud.apis.storage.buckets.from_file", fails)
            answer = cloud.http.get(f"{OBJECTS}/a.jpg")
            listed = cloud.http.get(OBJECTS)
        assert "a.jpg" in message(answer, code)
        assert (listed.status_code, listed.json().get("items")) == ((200, []) if code == 404 else (501, None))
    cloud.http.get(OBJECTS)
    with monkeypatch.context() as context:
        context.setattr(Path, "open", lambda *_: _raise(FileNotFoundError))
        assert "a.jpg" in message(cloud.http.get(f"{OBJECTS}/a.jpg?alt=media"), 404)


class Died(BaseException):
    """What a kill is to the code that runs."""


def test_a_death_in_an_overwriting_leaves_the_old_object_or_the_new_one(
    cloud: Running, bucket: storage.Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = bucket.blob("a.jpg")
    blob.metadata = {"caption": "old"}
    blob.upload_from_string(b"old", content_type="image/x-old")
    dying = Buckets(cloud.context)

    def overwrite() -> None:
        upload = dying.new_upload()
        upload.write_bytes(b"new")
        dying.write("demo-images", "a.jpg", upload, "image/x-new", {"caption": "new"}, Checksums.of(b"new"))

    def shown(stored: StoredObject) -> tuple[str, dict[str, str]]:
        return stored.info.content_type, stored.info.metadata

    with monkeypatch.context() as context:
        context.setattr(Path, "replace", _die)
        with pytest.raises(Died):
            overwrite()
    stored, content = Buckets(cloud.context).read("demo-images", "a.jpg")
    assert (content, shown(stored)) == (b"old", ("image/x-old", {"caption": "old"}))
    replace = Path.replace
    with monkeypatch.context() as context:
        context.setattr(Path, "replace", lambda path, target: (replace(path, target), _die()))
        with pytest.raises(Died):
            overwrite()
    stored, content = Buckets(cloud.context).read("demo-images", "a.jpg")
    assert (content, shown(stored)) == (b"new", ("image/x-new", {"caption": "new"}))


def test_a_death_while_a_bucket_is_made_leaves_none_in_another_place(
    cloud: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr(Path, "mkdir", _die)
        with pytest.raises(Died):
            cloud.services._buckets.create("half-made", "EU", {})
    assert cloud.http.get(f"{BUCKETS}/half-made").status_code == 404
    assert cloud.storage().create_bucket("half-made", location="ASIA").location == "ASIA"


def _raise(error: type[OSError]) -> None:
    raise error


def _die(*_: Any, **__: Any) -> None:
    raise Died
