"""Buckets as folders under HOME/buckets and objects as the files in them.

The files decide: what is put into a folder by hand is an object, what is removed is deleted. What a file cannot tell
(content type, metadata, generation of an upload) is kept in the store and holds while the file's size and mtime are
those of the upload. Uploads appear whole or not at all: they are written beside the buckets and renamed into place.

Source: cloud.google.com/storage/docs (objects, generations and preconditions, bucket locations).
"""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from localcloud.apis.iam import bucket_resource
from localcloud.apis.storage.objects import (
    Checksums,
    StoredObject,
    check_content_type,
    check_name,
    from_file,
    moment,
    signature_of,
)
from localcloud.core.errors import ApiError, Unsupported, not_found
from localcloud.core.ports import ObjectInfo
from localcloud.core.store import Document
from localcloud.http.context import Context

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


@dataclass(frozen=True)
class Precondition:
    """What must hold of the live object for a change to happen. None asks nothing; generation 0, that there is none."""

    generation: int | None = None
    metageneration: int | None = None

    def check(self, found: StoredObject | None) -> None:
        """Raises ApiError 412 conditionNotMet."""
        generation = found.info.generation if found else 0
        metageneration = found.metageneration if found else 0
        if self.generation not in (None, generation) or self.metageneration not in (None, metageneration):
            raise condition_not_met()


_ALWAYS = Precondition()


@dataclass(frozen=True)
class Bucket:
    """What a bucket was created with."""

    location: str
    """In capitals."""
    labels: dict[str, str]
    created: float
    """Seconds since the epoch."""

    def document(self) -> Document:
        """As the store keeps it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> Bucket:
        """What `document` gave."""
        return cls(**document)


def condition_not_met() -> ApiError:
    """412 in Cloud Storage's words."""
    message = "At least one of the pre-conditions you specified did not hold."
    return ApiError(412, "conditionNotMet", message, status="FAILED_PRECONDITION")


class Buckets:
    """The buckets of one local cloud. One instance a server: it knows the files it has read. Thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._root = context.buckets
        self._uploads = context.home / "uploads"
        self._changing = threading.RLock()
        self._known: dict[str, dict[str, StoredObject]] = {}
        self._last_generation = 0
        for folder in (self._root, self._uploads):
            folder.mkdir(parents=True, exist_ok=True)
        for abandoned in self._uploads.iterdir():
            abandoned.unlink()
        self._load()

    def names(self) -> list[str]:
        """The buckets there are."""
        return sorted(f.name for f in os.scandir(self._root) if f.is_dir(follow_symlinks=False) and _valid(f.name))

    def bucket(self, bucket: str) -> Bucket:
        """The bucket; a folder made by hand is one in US. Raises ApiError notFound."""
        folder = self._folder(bucket)
        stored = self._store.get("bucket", bucket)
        return Bucket.from_document(stored) if stored else Bucket("US", {}, folder.stat().st_mtime)

    def create(self, bucket: str, location: str, labels: dict[str, str]) -> None:
        """Make an empty bucket. Raises ApiError 409 when there is one."""
        if not _valid(bucket) or not _allowed_name(bucket):
            raise ApiError(400, "invalid", f"Invalid bucket name: '{bucket}'")
        with self._store.control:
            if (self._root / bucket).exists():
                message = "Your previous request to create the named bucket succeeded and you already own it."
                raise ApiError(409, "conflict", message)
            # The folder comes last: it makes the bucket, and a bucket without its document would be in US.
            with self._store.transaction() as change:
                change.put("bucket", bucket, Bucket(location, labels, self._context.clock.time()).document())
                change.delete("policy", bucket_resource(bucket))
            (self._root / bucket).mkdir()

    def delete(self, bucket: str) -> None:
        """Remove an empty bucket and its policy. Raises ApiError 409 when objects are left."""
        folder = self._folder(bucket)
        with self._changing, self._store.control:
            if next(self._files(bucket, ""), None):
                raise ApiError(409, "conflict", "The bucket you tried to delete is not empty.")
            _remove_folders(folder)
            if folder.exists():
                raise ApiError(409, "conflict", f"{folder} holds files that are no objects; remove them first.")
            with self._store.transaction() as change:
                change.delete("bucket", bucket)
                change.delete("policy", bucket_resource(bucket))
                for name, _ in change.list("object", f"{bucket}/"):
                    change.delete("object", name)
            self._known.pop(bucket, None)

    def list(self, bucket: str, prefix: str = "") -> list[StoredObject]:
        """Live objects whose names begin with `prefix`, by name. Raises ApiError notFound without the bucket."""
        self._folder(bucket)
        known = self._known.setdefault(bucket, {})
        found = []
        for name, path, status in self._files(bucket, prefix):
            stored = known.get(name)
            if stored is None or stored.signature != (status.st_size, status.st_mtime_ns):
                stored = self._examine(bucket, name, Path(path))
            if stored is not None:
                found.append(stored)
        found.sort(key=lambda stored: stored.info.name)
        return found

    def find(self, bucket: str, name: str) -> StoredObject | None:
        """The live object, or None. Raises ApiError notFound without the bucket."""
        path = self._path(bucket, name)
        status = _regular(path)
        if status is None:
            return None
        stored = self._known.setdefault(bucket, {}).get(name)
        if stored is None or stored.signature != signature_of(status):
            stored = self._examine(bucket, name, path)
        return stored

    def get(self, bucket: str, name: str) -> StoredObject:
        """The live object. Raises ApiError notFound."""
        found = self.find(bucket, name)
        if found is None:
            raise not_found(f"No such object: {bucket}/{name}")
        return found

    def read(self, bucket: str, name: str) -> tuple[StoredObject, bytes]:
        """The object and its content, of the same moment. Raises ApiError notFound."""
        with self._changing:
            found = self.get(bucket, name)
            try:
                file = self._path(bucket, name).open("rb")
            except FileNotFoundError:  # it has just been removed from the folder
                raise not_found(f"No such object: {bucket}/{name}") from None
        with file:  # an overwrite renames another file into place and leaves this one whole
            return found, file.read()

    def new_upload(self) -> Path:
        """A file to write an upload into; `write` takes it away."""
        return self._uploads / os.urandom(16).hex()

    def write(
        self,
        bucket: str,
        name: str,
        upload: Path,
        content_type: str,
        metadata: dict[str, str],
        sums: Checksums,
        when: Precondition = _ALWAYS,
    ) -> StoredObject:
        """Make the uploaded file the object's content, under a new generation.

        Raises ApiError 412 when the precondition does not hold, Unsupported for a name that collides with a folder.
        """
        check_name(name)
        path = self._path(bucket, name)
        with self._changing:
            before = self.find(bucket, name)
            when.check(before)
            now, status = moment(self._context.clock.time()), upload.stat()
            generation = self._next_generation(now.timestamp(), before)
            size, md5 = status.st_size, sums.md5_hash
            info = ObjectInfo(bucket, name, generation, content_type, size, md5, now, metadata)
            stored = StoredObject(info, sums.crc32c, now, 1, signature_of(status))
            _make_folders(path, self._root / bucket, name)
            self._describe(stored, before)
            upload.replace(path)
            self._known.setdefault(bucket, {})[name] = stored
            return stored

    def patch(self, bucket: str, name: str, changes: Document, when: Precondition = _ALWAYS) -> StoredObject:
        """Change `contentType` and `metadata`, where a None in the metadata takes a key away. Raises ApiError."""
        with self._changing:
            found = self.get(bucket, name)
            when.check(found)
            metadata = found.info.metadata
            if "metadata" in changes:
                merged = metadata | (changes["metadata"] or {})
                metadata = {} if changes["metadata"] is None else {k: v for k, v in merged.items() if v is not None}
            content_type = changes.get("contentType", found.info.content_type) or "application/octet-stream"
            check_content_type(content_type)
            return self._replace(found.patched(content_type, metadata, self._context.clock.now()))

    def remove(self, bucket: str, name: str, when: Precondition = _ALWAYS) -> None:
        """Delete the object, and folders that are left empty. Raises ApiError notFound or 412."""
        with self._changing:
            when.check(self.get(bucket, name))
            path = self._path(bucket, name)
            path.unlink()
            self._known[bucket].pop(name, None)
            if self._store.get("object", f"{bucket}/{name}"):
                with self._store.transaction() as change:
                    change.delete("object", f"{bucket}/{name}")
            for folder in path.parents:
                if folder == self._root / bucket or any(folder.iterdir()):
                    break
                folder.rmdir()

    def _describe(self, stored: StoredObject, before: StoredObject | None = None) -> None:
        """Store what the file cannot tell. `before` describes the file that is there until the upload is renamed into
        place: after a kill in between, `_load` takes the description that fits the file."""
        document = stored.document() | ({"before": before.document()} if before else {})
        with self._store.transaction() as change:
            change.put("object", f"{stored.info.bucket}/{stored.info.name}", document)

    def _load(self) -> None:
        """The objects that were described, where their files still are as they were then."""
        for _, document in self._store.list("object"):
            bucket, name = document["bucket"], document["name"]
            status = _regular(self._root / bucket / name)
            for each in (document, document.get("before")):
                if each and status and signature_of(status) == (each["size"], each["mtime_ns"]):
                    self._known.setdefault(bucket, {})[name] = StoredObject.from_document(each)
                    break

    def _replace(self, stored: StoredObject) -> StoredObject:
        self._describe(stored)
        self._known.setdefault(stored.info.bucket, {})[stored.info.name] = stored
        return stored

    def _examine(self, bucket: str, name: str, path: Path) -> StoredObject | None:
        """Read a file that is new or has changed; None when it has just been removed."""
        with self._changing:  # an upload in progress renames and registers in one step
            status = _regular(path)
            if status is None:
                return None
            known = self._known.setdefault(bucket, {}).get(name)
            if known is not None and known.signature == signature_of(status):
                return known
            try:
                stored = from_file(bucket, name, path, status)
            except FileNotFoundError:
                return None
            except PermissionError:
                raise Unsupported(f"the file {path}, which the local cloud may not read") from None
            self._known[bucket][name] = stored
            return stored

    def _next_generation(self, now: float, before: StoredObject | None) -> int:
        """Microseconds of the clock, above every generation given before."""
        least = max(self._last_generation, before.info.generation if before else 0) + 1
        self._last_generation = max(int(now * 1_000_000), least)
        return self._last_generation

    def _folder(self, bucket: str) -> Path:
        folder = self._root / bucket
        if not _valid(bucket) or folder.is_symlink() or not folder.is_dir():
            raise not_found("The specified bucket does not exist.")
        return folder

    def _path(self, bucket: str, name: str) -> Path:
        """The object's file, which may not exist; its folders are real ones, below the bucket's."""
        folder = self._folder(bucket)
        try:
            check_name(name)
        except ApiError:
            raise not_found(f"No such object: {bucket}/{name}") from None
        path = folder / name
        for parent in path.parents:
            if parent == folder:
                break
            if parent.is_symlink():
                raise Unsupported(f"object {name!r} below the symbolic link {parent}")
        return path

    def _files(self, bucket: str, prefix: str) -> Iterator[tuple[str, str, os.stat_result]]:
        """Regular files of the bucket whose names begin with `prefix`, in no order; links are not followed."""
        pending = [prefix.rpartition("/")[0]]
        while pending:
            inside = pending.pop()
            try:
                entries = os.scandir(self._path(bucket, inside) if inside else self._folder(bucket))
            except (FileNotFoundError, NotADirectoryError, ApiError):
                continue
            with entries:
                for entry in entries:
                    name = f"{inside}/{entry.name}" if inside else entry.name
                    if not name.startswith(prefix) or not _is_name(name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(name)
                    elif entry.is_file(follow_symlinks=False):
                        try:
                            yield name, entry.path, entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue  # it was removed while the folder was being read


def _valid(bucket: str) -> bool:
    return _BUCKET.fullmatch(bucket) is not None and ".." not in bucket


def _allowed_name(bucket: str) -> bool:
    """Whether Cloud Storage accepts it (cloud.google.com/storage/docs/buckets#naming); folders may have other names."""
    short = all(len(part) <= 63 for part in bucket.split("."))
    return short and not bucket.startswith("goog") and not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", bucket)


def _is_name(name: str) -> bool:
    """Whether a file's path is the name of an object, which is UTF-8 of a certain length, on one line."""
    if name.isascii():
        return len(name) <= 1024 and "\n" not in name and "\r" not in name
    encoded = name.encode(errors="replace")
    return name == encoded.decode() and len(encoded) <= 1024 and "\n" not in name and "\r" not in name


def _regular(path: Path) -> os.stat_result | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _make_folders(path: Path, folder: Path, name: str) -> None:
    """Make the folders of the object's file. Raises Unsupported when other objects have these paths."""
    other = "other objects lie below it" if path.is_dir() and not path.is_symlink() else ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (NotADirectoryError, FileExistsError):
        other = "another object is a folder of its path"
    if other:
        raise Unsupported(f"object name {name!r}: {other}, and objects are files in {folder}")


def _remove_folders(folder: Path) -> None:
    """Remove a tree of empty folders; anything else in it stays."""
    for inner, _, _ in os.walk(folder, topdown=False):
        try:
            Path(inner).rmdir()
        except OSError:
            continue
