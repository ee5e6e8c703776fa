"""Downloads one package of Debian or Ubuntu with apt: without root, without installing, verified by apt itself."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

from localcloud.images.progress import Report
from localcloud.images.selection import REMEDY, SourceError

_POLL_SECONDS = 0.2


def download(package: str, folder: Path, report: Report) -> Path:
    """The `.deb` file, in `folder`. Raises SourceError when there is no apt, no such package or no way to a mirror."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise SourceError(f"{program} is not here, and the demo pictures are Debian's {package}; {REMEDY}")
    options: list[str] = []
    found = _find(package, options)
    if found is None:  # containers often have no package lists; these go to a folder that is removed afterwards
        options = _private_lists(folder)
        report.line("reading package lists")
        subprocess.run(["apt-get", *options, "-q", "update"], capture_output=True, check=False)
        found = _find(package, options)
    if found is None:
        raise SourceError(f"apt knows no package {package} (no network, or not Debian or Ubuntu's universe); {REMEDY}")
    return _fetch(package, options, folder / found[0], found[1], report)


def _fetch(package: str, options: list[str], file: Path, size: int, report: Report) -> Path:
    command = ["apt-get", *options, "-q", "-o", "APT::Sandbox::User=root", "download", package]
    complaints = file.with_suffix(".stderr")
    with complaints.open("wb") as stderr, report.bytes("downloading", size) as advance:
        apt = subprocess.Popen(command, cwd=file.parent, stdout=subprocess.DEVNULL, stderr=stderr)
        seen = 0
        while apt.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                apt.wait(_POLL_SECONDS)
            now = file.stat().st_size if file.exists() else 0
            advance(now - seen)
            seen = now
    if apt.returncode:
        reason = " ".join(complaints.read_text(errors="replace").split()) or f"exit code {apt.returncode}"
        raise SourceError(f"apt cannot download {package} ({reason}); {REMEDY}")
    return file


def _private_lists(folder: Path) -> list[str]:
    lists, cache = folder / "lists", folder / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    settings = (
        f"Dir::State::lists={lists}",
        f"Dir::Cache={cache}",
        "APT::Sandbox::User=root",  # apt's own user may not read a folder in a home directory
        "Acquire::Retries=1",
        "Acquire::http::Timeout=20",
        "Acquire::https::Timeout=20",
    )
    return [part for setting in settings for part in ("-o", setting)]


def _find(package: str, options: list[str]) -> tuple[str, int] | None:
    """File name and size in bytes of the package, or None when the lists do not have it."""
    command = ["apt-get", *options, "-q", "--print-uris", "download", package]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    # One line: 'uri' file size hash
    fields = answer.stdout.split()
    if answer.returncode or len(fields) < 3:
        return None
    return fields[1], int(fields[2])
