"""Pictures of a folder, and of the folders in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from localcloud.images.selection import CONTENT_TYPES, Picture, Selection, SourceError


def select(folder: Path) -> Selection:
    """Every JPG, PNG, GIF and BMP file; names are relative to `folder`, captions the first line of a `.txt` beside.

    Hidden files and folders are left out. Raises SourceError when there is no such folder or no picture in it.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise SourceError(f"no such folder: {folder}")
    pictures, others = [], 0
    for file in _files(folder):
        if file.suffix.lower() in CONTENT_TYPES:
            pictures.append(Picture.of_file(file, file.relative_to(folder).as_posix(), _caption(file)))
        elif file.suffix.lower() != ".txt":
            others += 1
    if not pictures:
        raise SourceError(f"no JPG, PNG, GIF or BMP file in {folder} ({others} other files)")
    note = f"left out, being no JPG, PNG, GIF or BMP: {others}" if others else ""
    return Selection(str(folder), sorted(pictures, key=lambda picture: picture.name), note)


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if not name.startswith(".") and Path(parent, name).is_file())


def _caption(file: Path) -> str:
    try:
        text = file.with_suffix(".txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.strip().partition("\n")[0].strip()
