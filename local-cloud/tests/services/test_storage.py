"""Cloud Storage as its official client sees it, and as files."""

from __future__ import annotations

import io
import os
import threading

import pytest
from google.api_core import exceptions
from google.cloud import storage

from tests.services.conftest import PROJECT, Running

MEBIBYTE = 2**20


@pytest.fixture
def bucket(cloud: Running) -> storage.Bucket:
    return cloud.storage().create_bucket("demo-images")


def test_a_bucket_can_be_made_found_listed_and_deleted(cloud: Running) -> None:
    client = cloud.storage()
    made = client.create_bucket("demo-images", location="eu")
    assert made.location == "EU"
    assert made.iam_configuration.uniform_bucket_level_access_enabled
    assert [b.name for b in client.list_buckets()] == ["demo-images"]
    assert client.get_bucket("demo-images").exists()
    made.delete()
    assert client.lookup_bucket("demo-images") is None


def test_a_bucket_name_is_given_once(cloud: Running, bucket: storage.Bucket) -> None:
    with pytest.raises(exceptions.Conflict, match="you already own it"):
        cloud.storage().create_bucket("demo-images")


def test_a_bucket_with_objects_is_not_deleted(bucket: storage.Bucket) -> None:
    bucket.blob("a.jpg").upload_from_string(b"a")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        bucket.delete()
    bucket.delete(force=True)


def test_a_bucket_says_when_it_does_not_exist(cloud: Running) -> None:
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        list(cloud.storage().list_blobs("nowhere"))


def test_an_upload_comes_back_as_it_was_with_type_and_metadata(bucket: storage.Bucket) -> None:
    blob = bucket.blob("folder/ünï code.jpg")
    blob.metadata = {"caption": "a castle"}
    blob.upload_from_string(b"\xff\xd8\xff castle", content_type="image/jpeg")
    found = bucket.get_blob("folder/ünï code.jpg")
    assert found is not None
    assert found.download_as_bytes() == b"\xff\xd8\xff castle"
    assert (found.content_type, found.metadata, found.size) == ("image/jpeg", {"caption": "a castle"}, 10)
    assert found.md5_hash and found.crc32c and found.updated


def test_a_resumable_upload_in_pieces_comes_back_whole(bucket: storage.Bucket) -> None:
    data = os.urandom(3 * MEBIBYTE + 17)
    blob = bucket.blob("large.bin", chunk_size=MEBIBYTE)
    blob.metadata = {"caption": "large"}
    blob.upload_from_file(io.BytesIO(data), content_type="application/octet-stream")
    assert bucket.get_blob("large.bin").metadata == {"caption": "large"}
    assert bucket.blob("large.bin").download_as_bytes() == data


def test_a_resumable_upload_of_unknown_size_comes_back_whole(bucket: storage.Bucket) -> None:
    data = os.urandom(MEBIBYTE)
    with bucket.blob("stream.bin").open("wb", chunk_size=256 * 1024) as file:
        file.write(data)
    assert bucket.blob("stream.bin").download_as_bytes() == data


def test_a_broken_resumable_upload_goes_on_where_the_server_says(cloud: Running, bucket: storage.Bucket) -> None:
    data = os.urandom(512 * 1024)
    query = {"uploadType": "resumable", "name": "x.bin"}
    place = cloud.http.post("/upload/storage/v1/b/demo-images/o", params=query).headers["location"]
    first = cloud.http.put(
        place, content=data[: 300 * 1024], headers={"Content-Range": f"bytes 0-{300 * 1024 - 1}/{len(data)}"}
    )
    assert (first.status_code, first.headers["range"]) == (308, f"bytes=0-{256 * 1024 - 1}")
    asked = cloud.http.put(place, headers={"Content-Range": f"bytes */{len(data)}"})
    assert asked.headers["range"] == f"bytes=0-{256 * 1024 - 1}"
    span = {"Content-Range": f"bytes {256 * 1024}-{len(data) - 1}/{len(data)}"}
    assert cloud.http.put(place, content=data[256 * 1024 :], headers=span).status_code == 200
    assert bucket.blob("x.bin").download_as_bytes() == data


def test_a_part_of_an_object_can_be_downloaded(bucket: storage.Bucket) -> None:
    bucket.blob("a.txt").upload_from_string(b"0123456789")
    assert bucket.blob("a.txt").download_as_bytes(start=2, end=4) == b"234"
    assert bucket.blob("a.txt").download_as_bytes(start=7) == b"789"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        bucket.blob("a.txt").download_as_bytes(start=10)


def test_damaged_content_is_refused(cloud: Running, bucket: storage.Bucket) -> None:
    body = b'--b\r\nContent-Type: application/json\r\n\r\n{"name": "a", "crc32c": "AAAAAA=="}\r\n--b\r\n\r\nx\r\n--b--'
    answer = cloud.http.post(
        "/upload/storage/v1/b/demo-images/o?uploadType=multipart",
        content=body,
        headers={"Content-Type": "multipart/related; boundary=b"},
    )
    assert answer.status_code == 400
    assert "doesn't match calculated CRC32C" in answer.json()["error"]["message"]
    assert bucket.get_blob("a") is None
    assert not list((cloud.context.home / "uploads").iterdir())


def test_an_overwrite_gets_a_new_generation_and_drops_the_metadata(bucket: storage.Bucket) -> None:
    first = bucket.blob("a.jpg")
    first.metadata = {"caption": "old"}
    first.upload_from_string(b"one")
    second = bucket.blob("a.jpg")
    second.upload_from_string(b"two")
    assert second.generation > first.generation
    assert bucket.get_blob("a.jpg").metadata is None
    assert bucket.get_blob("a.jpg", generation=first.generation) is None


def test_preconditions_on_the_generation_are_kept(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a.jpg")
    blob.upload_from_string(b"one", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("a.jpg").upload_from_string(b"two", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=1)
    blob.delete(if_generation_match=blob.generation)
    assert not blob.exists()


def test_of_many_who_create_one_object_exactly_one_succeeds(cloud: Running, bucket: storage.Bucket) -> None:
    outcomes: list[str] = []

    def create(content: str) -> None:
        try:
            cloud.storage().bucket("demo-images").blob("one.txt").upload_from_string(content, if_generation_match=0)
            outcomes.append(content)
        except exceptions.PreconditionFailed:
            pass

    threads = [threading.Thread(target=create, args=(f"content {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [bucket.blob("one.txt").download_as_text()] == outcomes


def test_metadata_can_be_patched_and_keeps_the_generation(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a.jpg")
    blob.upload_from_string(b"one", content_type="image/jpeg")
    blob.metadata = {"caption": "new"}
    blob.content_type = "image/png"
    blob.patch()
    found = bucket.get_blob("a.jpg")
    assert (found.metadata, found.content_type) == ({"caption": "new"}, "image/png")
    assert (found.generation, found.metageneration) == (blob.generation, 2)


def test_listing_knows_prefixes_delimiters_offsets_and_pages(bucket: storage.Bucket) -> None:
    for name in ("a.jpg", "b/1.jpg", "b/2.jpg", "b/c/3.jpg", "d/4.jpg", "e.jpg"):
        bucket.blob(name).upload_from_string(b"x")
    assert [b.name for b in bucket.list_blobs(prefix="b/")] == ["b/1.jpg", "b/2.jpg", "b/c/3.jpg"]
    folded = bucket.list_blobs(delimiter="/")
    assert [b.name for b in folded] == ["a.jpg", "e.jpg"]
    assert folded.prefixes == {"b/", "d/"}
    assert [b.name for b in bucket.list_blobs(start_offset="b/2", end_offset="e")] == [
        "b/2.jpg",
        "b/c/3.jpg",
        "d/4.jpg",
    ]
    paged = [b.name for page in bucket.list_blobs(page_size=4).pages for b in page]
    assert paged == ["a.jpg", "b/1.jpg", "b/2.jpg", "b/c/3.jpg", "d/4.jpg", "e.jpg"]
    assert [b.name for b in bucket.list_blobs(fields="items(name),nextPageToken")] == paged


def test_files_put_into_the_folder_by_hand_are_objects(cloud: Running) -> None:
    folder = cloud.context.buckets / "by-hand" / "inner"
    folder.mkdir(parents=True)
    (folder / "castle.jpg").write_bytes(b"one")
    bucket = cloud.storage().get_bucket("by-hand")
    first = bucket.get_blob("inner/castle.jpg")
    assert first.content_type == "image/jpeg"
    assert first.download_as_bytes() == b"one"
    (folder / "castle.jpg").write_bytes(b"other")
    assert bucket.get_blob("inner/castle.jpg").generation != first.generation
    (folder / "castle.jpg").unlink()
    assert list(bucket.list_blobs()) == []


def test_what_an_upload_said_holds_after_a_restart(cloud: Running, bucket: storage.Bucket) -> None:
    from localcloud.apis.vertex.hashed import HashEmbedder
    from localcloud.server.cloud import LocalServices

    blob = bucket.blob("a")
    blob.metadata = {"caption": "kept"}
    blob.upload_from_string(b"x", content_type="image/png")
    restarted = LocalServices(cloud.context, HashEmbedder())
    (found,) = restarted.list_objects("user:you@example.com", "demo-images", "")
    assert (found.generation, found.content_type, found.metadata) == (blob.generation, "image/png", {"caption": "kept"})


@pytest.mark.parametrize(
    "name", ["../outside", "a/../../outside", "/etc/passwd", "a//b", "a/./b", "nul\0byte", "x" * 300]
)
def test_names_that_are_no_path_below_the_bucket_are_refused(cloud: Running, bucket: storage.Bucket, name: str) -> None:
    before = sorted(cloud.context.home.rglob("*"))
    with pytest.raises((exceptions.MethodNotImplemented, exceptions.BadRequest)):
        bucket.blob(name).upload_from_string(b"x", retry=None)
    assert not bucket.blob(name).exists()
    assert sorted(cloud.context.home.rglob("*")) == before


def test_symbolic_links_do_not_lead_out_of_the_bucket(cloud: Running, bucket: storage.Bucket) -> None:
    outside = cloud.context.home / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (cloud.context.buckets / "demo-images" / "link").symlink_to(outside)
    (cloud.context.buckets / "demo-images" / "secret.txt").symlink_to(outside / "secret.txt")
    assert list(bucket.list_blobs()) == []
    assert bucket.get_blob("secret.txt") is None
    for name in ("link/secret.txt", "link/new.txt"):
        with pytest.raises(exceptions.MethodNotImplemented, match="symbolic link"):
            bucket.blob(name).upload_from_string(b"x", retry=None)
    assert [f.name for f in outside.iterdir()] == ["secret.txt"]


def test_objects_that_would_be_folders_of_others_are_refused_by_name(bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string(b"x")
    with pytest.raises(exceptions.MethodNotImplemented, match="'a/b'"):
        bucket.blob("a/b").upload_from_string(b"x", retry=None)
    bucket.blob("c/d").upload_from_string(b"x")
    with pytest.raises(exceptions.MethodNotImplemented, match="'c'"):
        bucket.blob("c").upload_from_string(b"x", retry=None)
    bucket.blob("c/d").delete()
    bucket.blob("c").upload_from_string(b"x")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/storage/v1/b/demo-images/o?softDeleted=true"),
        ("GET", "/storage/v1/b/demo-images/o?matchGlob=**"),
        ("POST", "/storage/v1/b?project=local-project"),
    ],
)
def test_what_is_not_there_is_refused_by_name(cloud: Running, bucket: storage.Bucket, method: str, path: str) -> None:
    answer = cloud.http.request(
        method, path, json={"name": "b", "versioning": {"enabled": True}} if method == "POST" else None
    )
    assert answer.status_code == 501
    assert answer.json()["error"]["message"].startswith("Unsupported by the local cloud: ")


def test_a_caller_without_a_role_reads_only_public_buckets(cloud: Running, bucket: storage.Bucket) -> None:
    bucket.blob("a.jpg").upload_from_string(b"x")
    stranger = cloud.as_("user:stranger@example.com")
    refused = stranger.get("/storage/v1/b/demo-images/o")
    assert refused.status_code == 403
    assert "does not have storage.objects.list access to the Google Cloud Storage bucket" in refused.text
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"allUsers"}})
    bucket.set_iam_policy(policy)
    assert stranger.get("/storage/v1/b/demo-images/o").status_code == 403, "a grant takes time to act"
    cloud.context.clock.advance(cloud.context.settings.propagation_delay)
    assert stranger.get("/storage/v1/b/demo-images/o").status_code == 200
    assert stranger.get("/download/storage/v1/b/demo-images/o/a.jpg").content == b"x"
    assert stranger.delete("/storage/v1/b/demo-images/o/a.jpg").status_code == 403


def test_a_signed_url_opens_without_credentials_until_it_expires(cloud: Running) -> None:
    cloud.upload("folder/a b.jpg", b"\xff\xd8\xff", content_type="image/jpeg")
    url = cloud.services.signed_url("user:you@example.com", "demo-images", "folder/a b.jpg")
    opened = cloud.http.get(url)
    assert (opened.status_code, opened.headers["content-type"], opened.content) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert cloud.http.get(url.replace("a%20b", "other")).status_code == 403
    assert (
        "SignatureDoesNotMatch" in cloud.http.get(url.replace("X-Goog-Expires=21600", "X-Goog-Expires=99999999")).text
    )
    cloud.context.clock.advance(6 * 3600 + 1)
    expired = cloud.http.get(url)
    assert (expired.status_code, "ExpiredToken" in expired.text) == (400, True)


def test_a_signed_url_gives_no_more_than_its_signer_may_see(cloud: Running) -> None:
    cloud.upload("a.jpg", b"x")
    url = cloud.services.signed_url("user:stranger@example.com", "demo-images", "a.jpg")
    assert cloud.http.get(url).status_code == 403


def test_a_disabled_service_answers_as_google_does(cloud: Running) -> None:
    cloud.http.post(f"/serviceusage/v1/projects/{PROJECT}/services/storage.googleapis.com:disable")
    with pytest.raises(exceptions.Forbidden, match="Cloud Storage API has not been used in project 100000000001"):
        list(cloud.storage().list_buckets())
