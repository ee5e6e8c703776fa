"""Where things that are expensive to make and can be made again are kept, outside the checkout."""

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
    """Put `content` at `path`, whole or not at all, whoever else does the same. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def keep(made: Path, place: Path) -> None:
    """Move the folder `made` to `place`, unless somebody else put theirs there meanwhile. Raises OSError."""
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
