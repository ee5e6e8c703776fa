"""The folder that keeps what was installed, shared by checkouts: complete versions only, one installer at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offline.pulumi_cli.progress import heartbeat, say


def folder() -> Path:
    """`$XDG_CACHE_HOME` (or `~/.cache`) `/image-search-on-bigquery/pulumi`. May not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "image-search-on-bigquery" / "pulumi"


@contextmanager
def locked() -> Iterator[None]:
    """Hold the cache for one installer; waits, and says so, while another run holds it.

    The kernel releases the lock when its holder ends, so a *.partial folder has no owner then and is removed.
    """
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is getting the Pulumi CLI ready: waiting for it")
            with heartbeat("waiting for the other run"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder().glob("*.partial"):
            shutil.rmtree(leftover)
        yield


@contextmanager
def new_entry(name: str) -> Iterator[Path]:
    """An empty folder that appears in the cache as `name`, complete, when the block ends without an exception.

    Only under `locked()`.
    """
    partial = folder() / f"{name}.partial"
    partial.mkdir()
    try:
        yield partial
        shutil.rmtree(folder() / name, ignore_errors=True)  # there is one only if its files were removed
        partial.rename(folder() / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
