"""Pictures from a folder, a Debian package or a bucket, kept in step with a folder or a bucket."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage
from PIL import Image
from rich.console import Console

from localcloud.core.cache import cache_folder
from localcloud.images import __main__ as command
from localcloud.images import public_bucket
from localcloud.images.progress import Report
from localcloud.images.selection import SourceError
from tests.conftest import RunningCloud

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command on a home of its own: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = command.main(["--home", str(tmp_path / "home"), *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of a user: three pictures in two folders, a caption, and a file that is no picture."""
    folder = tmp_path / "Pictures"
    _picture(folder / "beach.JPG", "JPEG", "yellow")
    _picture(folder / "2024" / "castle.png", "PNG", "gray")
    (folder / "2024" / "castle.txt").write_text("  A castle in the fog.\nsecond line", encoding="utf-8")
    _picture(folder / "2024" / "dot.gif", "GIF", "red")
    (folder / "notes.pdf").write_bytes(b"%PDF")
    _picture(folder / ".thumbnails" / "beach.jpg", "JPEG", "yellow")
    return folder


def _picture(file: Path, kind: str, colour: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (12, 8), colour).save(content, kind)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.getvalue())
    return content.getvalue()


def _files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_a_folder_of_pictures_is_copied_with_its_folders_and_captions(run: Run, source: Path, tmp_path: Path) -> None:
    into = tmp_path / "out" / "demo"
    code, out, err = run(source, "--into", into)
    assert (code, err) == (0, "left out, being no JPG, PNG, GIF or BMP: 1\n")
    assert out.startswith(f"3 pictures of {source} in {into}: 3 new, 0 changed, 0 removed, 0 unchanged (")
    assert _files(into) == {"beach.JPG", "2024/castle.png", "2024/dot.gif"}
    manifest = json.loads((into.parent / "demo.manifest.json").read_text())
    assert manifest["source"] == str(source)
    captions = {image["name"]: image["caption"] for image in manifest["images"]}
    assert captions == {"beach.JPG": "", "2024/castle.png": "A castle in the fog.", "2024/dot.gif": ""}
    for image in manifest["images"]:
        assert image["sha256"] == hashlib.sha256((into / image["name"]).read_bytes()).hexdigest()


def test_a_second_run_writes_nothing(run: Run, source: Path, tmp_path: Path) -> None:
    into = tmp_path / "demo"
    run(source, "--into", into)
    before = {file: file.stat().st_mtime_ns for file in [*into.rglob("*"), tmp_path / "demo.manifest.json"]}
    code, out, _ = run(source, "--into", into)
    assert code == 0
    assert ": nothing to do (" in out
    assert before == {file: file.stat().st_mtime_ns for file in before}


def test_new_changed_and_removed_pictures_follow_and_files_of_others_stay(
    run: Run, source: Path, tmp_path: Path
) -> None:
    into = tmp_path / "demo"
    run(source, "--into", into)
    (into / "mine.jpg").write_bytes(b"somebody else's")
    changed = _picture(source / "2024" / "dot.gif", "GIF", "green")
    os.utime(source / "2024" / "dot.gif", (1, 1))
    _picture(source / "new.bmp", "BMP", "blue")
    (source / "beach.JPG").unlink()
    _, out, _ = run(source, "--into", into)
    assert ": 1 new, 1 changed, 1 removed, 1 unchanged (" in out
    assert _files(into) == {"2024/castle.png", "2024/dot.gif", "new.bmp", "mine.jpg"}
    assert (into / "2024/dot.gif").read_bytes() == changed


def test_a_file_that_did_not_come_from_the_source_is_neither_written_over_nor_removed(
    run: Run, source: Path, tmp_path: Path
) -> None:
    into = tmp_path / "demo"
    into.mkdir()
    (into / "beach.JPG").write_bytes(b"somebody else's")
    _, out, _ = run(source, "--into", into)
    assert "2 new" in out
    assert "1 not written over files of yours" in out
    (into / "2024" / "dot.gif").write_bytes(b"painted over")
    (source / "2024" / "dot.gif").unlink()
    (source / "beach.JPG").unlink()
    run(source, "--into", into)
    assert (into / "beach.JPG").read_bytes() == b"somebody else's"
    assert (into / "2024" / "dot.gif").read_bytes() == b"painted over"


def test_a_changed_caption_is_a_changed_picture(run: Run, source: Path, tmp_path: Path) -> None:
    run(source, "--into", tmp_path / "demo")
    (source / "beach.txt").write_text("The beach at low tide.")
    _, out, _ = run(source, "--into", tmp_path / "demo")
    assert ": 0 new, 1 changed, 0 removed, 2 unchanged (" in out


def test_the_source_used_last_is_used_again_when_none_is_named(run: Run, source: Path, tmp_path: Path) -> None:
    run(source, "--into", tmp_path / "demo")
    code, out, _ = run("--into", tmp_path / "elsewhere")
    assert code == 0
    assert out.startswith(f"3 pictures of {source} in {tmp_path / 'elsewhere'}: 3 new")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "error: no such folder: {}\n"),
        ("notes", "error: no JPG, PNG, GIF or BMP file in {} (1 other files)\n"),
    ],
)
def test_a_folder_that_gives_no_picture_is_an_error_of_one_line(
    run: Run, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.pdf").touch()
    folder = tmp_path / name
    assert run(folder, "--into", tmp_path / "demo") == (2, "", message.format(folder))
    assert not (tmp_path / "home" / "images.json").exists(), "a source that failed is not remembered"


def test_a_folder_inside_its_own_source_is_refused(run: Run, source: Path) -> None:
    code, _, err = run(source, "--into", source / "copy")
    assert code == 2
    assert "is inside the source" in err
    assert not (source / "copy").exists()


def test_without_a_running_local_cloud_the_error_says_how_to_start_it(run: Run, source: Path, tmp_path: Path) -> None:
    code, _, err = run(source)
    assert code == 2
    start = "start it: `python -m localcloud serve --detach`"
    assert err == f"error: no local cloud runs on {tmp_path / 'home'}; {start}\n"
    code, _, err = run(source, "--endpoint", "http://127.0.0.1:9")
    assert code == 2
    assert err.startswith("error: no answer from http://127.0.0.1:9 (")
    assert err.count("\n") == 1


# ---- into a bucket of a running local cloud


@pytest.fixture
def bucket(cloud: RunningCloud) -> Iterator[storage.Bucket]:
    """A bucket that is not there yet; gone after the test."""
    bucket = cloud.storage.bucket(f"pictures-{uuid.uuid4().hex[:12]}")
    yield bucket
    if bucket.exists():
        bucket.delete(force=True)


@pytest.fixture
def upload(cloud: RunningCloud, bucket: storage.Bucket, run: Run) -> Run:
    return lambda *arguments: run(*arguments, "--bucket", f"gs://{bucket.name}", "--endpoint", cloud.url)


def _objects(bucket: storage.Bucket) -> dict[str, storage.Blob]:
    return {blob.name: blob for blob in bucket.client.list_blobs(bucket.name)}


def test_pictures_are_uploaded_into_a_new_bucket_with_type_and_caption(
    upload: Run, bucket: storage.Bucket, source: Path
) -> None:
    code, out, _ = upload(source)
    assert code == 0
    assert out.startswith(f"3 pictures of {source} in gs://{bucket.name}: 3 new, 0 changed, 0 removed, 0 unchanged (")
    objects = _objects(bucket)
    assert {name: blob.content_type for name, blob in objects.items()} == {
        "2024/castle.png": "image/png",
        "2024/dot.gif": "image/gif",
        "beach.JPG": "image/jpeg",
    }
    assert objects["2024/castle.png"].metadata["caption"] == "A castle in the fog."
    assert "caption" not in objects["beach.JPG"].metadata
    assert objects["beach.JPG"].download_as_bytes() == (source / "beach.JPG").read_bytes()


def test_a_second_upload_changes_no_generation(upload: Run, bucket: storage.Bucket, source: Path) -> None:
    upload(source)
    before = {name: blob.generation for name, blob in _objects(bucket).items()}
    os.utime(source / "beach.JPG", (1, 1))  # touched, not changed
    _, out, _ = upload(source)
    assert ": nothing to do (" in out
    assert before == {name: blob.generation for name, blob in _objects(bucket).items()}


def test_the_bucket_follows_the_source_and_objects_of_others_stay(
    upload: Run, bucket: storage.Bucket, source: Path
) -> None:
    upload(source)
    before = _objects(bucket)
    bucket.blob("theirs.jpg").upload_from_string(b"theirs", "image/jpeg")
    bucket.blob("new.bmp").upload_from_string(b"theirs too", "image/bmp")
    changed = _picture(source / "2024" / "dot.gif", "GIF", "green")
    os.utime(source / "2024" / "dot.gif", (1, 1))
    _picture(source / "new.bmp", "BMP", "blue")
    (source / "beach.JPG").unlink()
    _, out, _ = upload(source)
    assert ": 0 new, 1 changed, 1 removed, 1 unchanged, 1 not written over files of yours (" in out
    after = _objects(bucket)
    assert after.keys() == {"2024/castle.png", "2024/dot.gif", "theirs.jpg", "new.bmp"}
    assert after["2024/dot.gif"].md5_hash == base64.b64encode(hashlib.md5(changed).digest()).decode()
    assert after["2024/dot.gif"].generation != before["2024/dot.gif"].generation
    assert after["2024/castle.png"].generation == before["2024/castle.png"].generation


def test_names_with_spaces_signs_and_other_scripts_arrive_as_they_are(
    upload: Run, bucket: storage.Bucket, tmp_path: Path
) -> None:
    names = {"a b+c&d=e?f#g%20.png", "城/é.png", "x;y'z\".png"}
    for name in names:
        _picture(tmp_path / "odd" / name, "PNG", "red")
    assert upload(tmp_path / "odd")[0] == 0
    assert _objects(bucket).keys() == names
    (tmp_path / "odd" / "城" / "é.png").unlink()
    upload(tmp_path / "odd")
    assert _objects(bucket).keys() == names - {"城/é.png"}


def test_what_the_service_refuses_is_said_in_its_words(cloud: RunningCloud, run: Run, source: Path) -> None:
    code, _, err = run(source, "--bucket", "gs://Not A Bucket", "--endpoint", cloud.url)
    assert code == 2
    assert err.startswith(f"error: {cloud.url} refuses: ")
    assert err.count("\n") == 1


# ---- from a public bucket


def test_a_public_bucket_gives_the_same_sample_every_time_and_is_asked_once(
    cloud: RunningCloud, bucket: storage.Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.storage.create_bucket(bucket)
    for number in range(8):
        bucket.blob(f"art/{number}").upload_from_string(f"picture {number}".encode(), "image/jpeg")
    bucket.blob("art/index.json").upload_from_string(b"{}", "application/json")
    bucket.blob("other/9").upload_from_string(b"elsewhere", "image/jpeg")
    first = public_bucket.select(f"gs://{bucket.name}/art/*", 5, _quiet(), cloud.url)
    assert len(first.pictures) == 5
    for picture in first.pictures:
        assert picture.name.startswith("art/")
        assert picture.content_type == "image/jpeg"
        assert picture.file.read_text() == f"picture {picture.name[4:]}"
    with monkeypatch.context() as offline:
        offline.setattr(public_bucket, "_client", _nobody)
        assert public_bucket.select(f"gs://{bucket.name}/art/*", 5, _quiet(), cloud.url) == first
    shutil.rmtree(cache_folder() / "buckets")
    again = public_bucket.select(f"gs://{bucket.name}/art/*", 5, _quiet(), cloud.url)
    assert [picture.name for picture in again.pictures] == [picture.name for picture in first.pictures]


def test_a_public_bucket_without_pictures_or_without_an_answer_is_an_error(
    cloud: RunningCloud, bucket: storage.Bucket
) -> None:
    source = f"gs://{bucket.name}/"
    with pytest.raises(SourceError, match=rf"cannot read {source}: 404 .*python -m localcloud\.images ~/Pictures"):
        public_bucket.select(source, 5, _quiet(), cloud.url)
    cloud.storage.create_bucket(bucket)
    with pytest.raises(SourceError, match="no JPG, PNG, GIF or BMP object in"):
        public_bucket.select(source, 5, _quiet(), cloud.url)
    with pytest.raises(SourceError, match=r"no connection to http://127\.0\.0\.1:9; take pictures of your own"):
        public_bucket.select(source, 5, _quiet(), "http://127.0.0.1:9")


def _quiet() -> Report:
    return Report(Console(file=io.StringIO()))


def _nobody(endpoint: str) -> Any:
    raise AssertionError("a sample in the cache needs no client")


# ---- from Debian


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for apt-get that has one small package with the demo package's layout; its log of calls."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not installed")
    package, programs = _package(tmp_path / "tree"), tmp_path / "bin"
    programs.mkdir()
    log = programs / "log"
    script = f"""#!/bin/sh
echo "$*" >> {log}
case "$*" in
  *print-uris*"download tuxpaint-stamps-default") echo "'somewhere' stamps.deb {package.stat().st_size} MD5:0" ;;
  *"download tuxpaint-stamps-default") cp {package} stamps.deb ;;
  *) exit 100 ;;
esac
"""
    (programs / "apt-get").write_text(script)
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return log


def _package(tree: Path) -> Path:
    stamps = tree / "usr/share/tuxpaint/stamps"
    for path, caption in {
        "animals/cats/tiger": "A tiger.\nfr.utf8=Un tigre.",
        "food/fruit/tiger": "A tiger lily “fruit”.",
        "animals/cartoon/cat": "A drawn cat.",
        "symbols/flags/fr": "A flag.",
        "hobbies/violin_mirror": "A violin.",
        "seasonal/star": "A star.",
        "plants/trees/star": "A star-shaped tree.",
        "plants/nameless": "",
    }.items():
        file = stamps / path
        _picture(file.with_suffix(".png"), "PNG", "red")
        if caption:
            file.with_suffix(".txt").write_text(caption, encoding="utf-8")
    clear = Image.new("RGBA", (1300, 650), (0, 0, 0, 0))
    clear.save(stamps / "animals/cats/tiger.png")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        "Package: tuxpaint-stamps-default\nVersion: 1\nArchitecture: all\nMaintainer: test\nDescription: test\n"
    )
    build = ["dpkg-deb", "--root-owner-group", "-b", str(tree), str(tree.parent / "made.deb")]
    subprocess.run(build, check=True, capture_output=True)
    return tree.parent / "made.deb"


def test_the_demo_s_pictures_are_the_captioned_photos_of_debian_s_package(run: Run, apt: Path, tmp_path: Path) -> None:
    into = tmp_path / "demo"
    code, out, _ = run("--into", into)
    assert code == 0
    assert out.startswith(f"3 pictures of tuxpaint in {into}: 3 new")
    manifest = json.loads((tmp_path / "demo.manifest.json").read_text())
    assert {image["name"]: image["caption"] for image in manifest["images"]} == {
        "stamp_tiger.jpg": "A tiger.",
        "stamp_tiger_b.jpg": "A tiger lily “fruit”.",
        "stamp_star.jpg": "A star-shaped tree.",
    }
    photo = Image.open(into / "stamp_tiger.jpg")
    assert (photo.format, photo.size, photo.getpixel((0, 0))) == ("JPEG", (640, 320), (255, 255, 255))


def test_the_package_is_downloaded_once_and_nothing_else_of_it_is_kept(run: Run, apt: Path, tmp_path: Path) -> None:
    run("--into", tmp_path / "demo")
    calls = apt.read_text()
    _, out, _ = run("tuxpaint", "--into", tmp_path / "demo")
    assert ": nothing to do (" in out
    assert apt.read_text() == calls
    assert [folder.name for folder in cache_folder().iterdir()] == ["tuxpaint-1"]
    shutil.rmtree(cache_folder())
    _, out, _ = run("tuxpaint", "--into", tmp_path / "demo")
    assert ": nothing to do (" in out, "made again the pictures are the same, also in age"


def test_without_apt_or_without_the_package_the_error_names_the_way_out(
    run: Run, tmp_path: Path, apt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (apt.parent / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    code, _, err = run("tuxpaint", "--into", tmp_path / "demo")
    assert code == 2
    assert err.splitlines()[-1].startswith("error: apt knows no package tuxpaint-stamps-default (no network,")
    assert err.endswith("take pictures of your own instead: `python -m localcloud.images ~/Pictures`\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = run("tuxpaint", "--into", tmp_path / "demo")
    assert code == 2
    assert err.startswith(
        "error: apt-get is not here, and the demo pictures are Debian's tuxpaint-stamps-default; take"
    )


def test_a_download_that_fails_says_why(run: Run, tmp_path: Path, apt: Path) -> None:
    found = """case "$*" in *print-uris*) echo "'x' stamps.deb 5 MD5:0"; exit ;; esac"""
    (apt.parent / "apt-get").write_text(f"#!/bin/sh\n{found}\necho E: no route >&2\nexit 100\n")
    code, _, err = run("tuxpaint", "--into", tmp_path / "demo")
    assert code == 2
    assert "error: apt cannot download tuxpaint-stamps-default (E: no route); take pictures" in err
    assert list(cache_folder().iterdir()) == []
