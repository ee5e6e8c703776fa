"""A disk that gets full: new work is refused while there is space left for running work to end in order.

DuckDB cannot continue after its file could not be written, though nothing that it had committed is lost; so no
statement and no upload begins below the reserve. REST's deletes are always allowed, since they free space.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import duckdb

from localcloud.core.errors import ApiError

RESERVE = 64 * 2**20
"""Bytes; a commit writes its log (16 MiB before it is folded into the file) and then at most as much to the file."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def require_room(folder: Path, wanted: int = 0) -> None:
    """Raises ApiError 403 quotaExceeded unless `wanted` bytes and the reserve are free where `folder` is."""
    free = shutil.disk_usage(folder).free
    if free < wanted + RESERVE:
        raise _exceeded(f"{folder} has {free // 2**20} MiB left and keeps {RESERVE // 2**20} MiB free. Free some space")


def full(error: BaseException | None) -> ApiError | None:
    """The answer to an error of a full disk; None for any other error."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return _exceeded("nothing was stored. Free some space")
    if isinstance(error, duckdb.Error) and "No space left on device" in str(error):
        begin_again = isinstance(error, duckdb.FatalException)
        return _exceeded("nothing was stored. Free some space" + ", then start it again" * begin_again)
    return None


def _exceeded(why: str) -> ApiError:
    return ApiError(403, "quotaExceeded", f"Quota exceeded: the disk of the local cloud is full: {why}.")
