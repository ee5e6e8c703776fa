"""The user's cache folder, for files that take long to make and can be made again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """`image-search-on-bigquery` in the user's cache folder (XDG Base Directory Specification); it may not exist."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # The specification has relative paths ignored.
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
    return base / "image-search-on-bigquery"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all, also when other processes write it at the same time. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def move_into_place(made: Path, place: Path) -> None:
    """Rename the folder `made` to `place`, unless another process has made `place` meanwhile. Raises OSError."""
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
