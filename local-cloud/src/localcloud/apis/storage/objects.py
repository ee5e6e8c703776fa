"""An object of a bucket: its description, its name as a file's path, and what a file's content says about it."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import os
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import google_crc32c

from localcloud.core.errors import ApiError, Unsupported
from localcloud.core.ports import ObjectInfo
from localcloud.core.store import Document

Signature = tuple[int, int]
"""A file's size and mtime in nanoseconds: while they stay, its content is taken to stay too."""


@dataclass(frozen=True)
class StoredObject:
    """One live object: what other services see of it, and what only Cloud Storage answers."""

    info: ObjectInfo
    crc32c: str
    created: datetime
    metageneration: int
    signature: Signature

    @property
    def etag(self) -> str:
        """Changes with the content and with the metadata."""
        return _base64(f"{self.info.generation}/{self.metageneration}".encode())

    def patched(self, content_type: str, metadata: dict[str, str], now: datetime) -> StoredObject:
        """The same content under new metadata."""
        info = replace(self.info, content_type=content_type, metadata=metadata, updated=now)
        return replace(self, info=info, metageneration=self.metageneration + 1)

    def document(self) -> Document:
        """The object as the store keeps it."""
        info = self.info
        return {
            "bucket": info.bucket,
            "name": info.name,
            "generation": info.generation,
            "content_type": info.content_type,
            "size": info.size,
            "md5_hash": info.md5_hash,
            "updated": info.updated.timestamp(),
            "metadata": info.metadata,
            "crc32c": self.crc32c,
            "created": self.created.timestamp(),
            "metageneration": self.metageneration,
            "mtime_ns": self.signature[1],
        }

    @classmethod
    def from_document(cls, document: Document) -> StoredObject:
        """What `document` gave."""
        info = ObjectInfo(
            bucket=document["bucket"],
            name=document["name"],
            generation=document["generation"],
            content_type=document["content_type"],
            size=document["size"],
            md5_hash=document["md5_hash"],
            updated=moment(document["updated"]),
            metadata=document["metadata"],
        )
        return cls(
            info=info,
            crc32c=document["crc32c"],
            created=moment(document["created"]),
            metageneration=document["metageneration"],
            signature=(document["size"], document["mtime_ns"]),
        )


@dataclass(frozen=True)
class Checksums:
    """Base64 of the MD5 and of the big-endian CRC32C of a content."""

    md5_hash: str
    crc32c: str

    @classmethod
    def of(cls, data: bytes) -> Checksums:
        """Of a content in memory."""
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        return cls(_base64(md5), _base64(google_crc32c.value(data).to_bytes(4, "big")))

    @classmethod
    def of_file(cls, path: Path) -> Checksums:
        """Of a file, a piece at a time."""
        md5 = hashlib.md5(usedforsecurity=False)
        crc = 0
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                md5.update(piece)
                crc = google_crc32c.extend(crc, piece)
        return cls(_base64(md5.digest()), _base64(crc.to_bytes(4, "big")))


def from_file(bucket: str, name: str, path: Path, status: os.stat_result) -> StoredObject:
    """The object that a file put into the bucket's folder by hand is: type by extension, generation from its mtime."""
    sums = Checksums.of_file(path)
    modified = moment(status.st_mtime)
    info = ObjectInfo(
        bucket=bucket,
        name=name,
        generation=max(status.st_mtime_ns // 1000, 1),
        content_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        size=status.st_size,
        md5_hash=sums.md5_hash,
        updated=modified,
    )
    return StoredObject(
        info=info, crc32c=sums.crc32c, created=modified, metageneration=1, signature=signature_of(status)
    )


def signature_of(status: os.stat_result) -> Signature:
    """The signature of a file."""
    return (status.st_size, status.st_mtime_ns)


def check_name(name: str) -> None:
    """Refuse names that no file can have below the bucket's folder.

    Raises ApiError 400 for what Cloud Storage refuses too, Unsupported for names it would take.
    """
    if not name or len(name.encode()) > 1024 or name in (".", "..") or "\n" in name or "\r" in name:
        raise ApiError(400, "invalid", f"Invalid object name: {name!r}")
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts):
        raise Unsupported(f"object name {name!r}, which is no path of a file")


def check_content_type(content_type: str) -> None:
    """Raises ApiError 400 for what no header can carry."""
    if not re.fullmatch(r"[\x20-\x7e]*", content_type):
        raise ApiError(400, "invalid", f"Invalid content type: {content_type!r}")


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
