"""The pictures that any source gives: a selection of files with names and captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: By suffix: what the embedding endpoint reads.
CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
}
#: What is possible without this source.
REMEDY = "take pictures of your own instead: `python -m localcloud.images ~/Pictures`"


class SourceError(Exception):
    """Pictures that cannot be had or put where they should go; the message is one line and says what to do."""


@dataclass(frozen=True)
class Picture:
    """A picture file and what it is to be called."""

    name: str
    """Unique in its selection; `/` between folders."""
    file: Path
    caption: str
    """What the picture shows, in one line; empty when unknown."""
    content_type: str
    size: int
    """Bytes."""
    modified: int
    """Modification time of the file, nanoseconds since the epoch."""

    @classmethod
    def of_file(cls, file: Path, name: str, caption: str, content_type: str = "") -> Picture:
        """With size and time as they are on disk. Raises OSError."""
        status = file.stat()
        content_type = content_type or CONTENT_TYPES[file.suffix.lower()]
        return cls(name, file, caption, content_type, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class Selection:
    """The pictures of one source, by name."""

    source: str
    """`tuxpaint`, an absolute path or `gs://bucket/prefix`: selects the same again."""
    pictures: list[Picture]
    note: str = ""
    """What a user should know about the choice, in one line."""


@dataclass
class Changes:
    """What a synchronisation did, in pictures."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    foreign: int = 0
    """Not written, because a file or object of that name did not come from here."""

    def __str__(self) -> str:
        if not (self.new or self.changed or self.removed):
            done = "nothing to do"
        else:
            done = f"{self.new} new, {self.changed} changed, {self.removed} removed, {self.unchanged} unchanged"
        return f"{done}, {self.foreign} not written over files of yours" if self.foreign else done
