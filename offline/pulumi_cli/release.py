"""The official release: downloaded, checked against its published SHA-256 sums, unpacked."""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import queue
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath

from offline.pulumi_cli.progress import heartbeat, say
from offline.pulumi_cli.versions import PULUMI

SITES = ("https://get.pulumi.com/releases/sdk", f"https://github.com/pulumi/pulumi/releases/download/v{PULUMI}")
#: Names one folder URL to ask instead: a mirror that holds the archive and the checksums file under their names.
MIRROR_VARIABLE = "PULUMI_RELEASE_URL"
CONNECT_SECONDS = 3.0
#: Name resolution has no time-out of its own and may take minutes where packets vanish.
ANSWER_SECONDS = 10.0
READ_SECONDS = 30.0
_CHUNK = 1 << 20


class Unavailable(Exception):
    """The CLI cannot be had in this way; the text says why."""


def archive_name() -> str:
    """The release's file for this machine. Raises Unavailable when there is none that we can unpack."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    machine = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}.get(platform.machine().lower())
    if not system or not machine:
        raise Unavailable(f"no archive for {platform.system()} on {platform.machine()}")
    return f"pulumi-v{PULUMI}-{system}-{machine}.tar.gz"


def install(into: Path) -> None:
    """Put the release's executables into `into`/bin. Raises Unavailable, with a reason for each site."""
    name = archive_name()
    mirror = os.environ.get(MIRROR_VARIABLE)
    reasons = []
    for site in (mirror.rstrip("/"),) if mirror else SITES:
        try:
            return _install_from(site, name, into)
        except (OSError, ValueError, http.client.HTTPException, tarfile.TarError) as error:
            reasons.append(f"{site}: {error}")
    raise Unavailable("; ".join(reasons))


def _install_from(site: str, name: str, into: Path) -> None:
    wanted = _published_sum(_checksums(f"{site}/pulumi-{PULUMI}-checksums.txt"), name)
    archive = into / name
    with heartbeat(f"downloading {site}/{name}", lambda: f", {_megabytes(archive)} MB"):
        found = _download(f"{site}/{name}", archive)
    if found != wanted:
        archive.unlink()
        say(f"refused {site}/{name}: it is not the file that the release's checksums describe")
        raise ValueError(f"{name} has the SHA-256 {found}, published is {wanted}")
    _unpack(archive, into / "bin")
    archive.unlink()


def _checksums(url: str) -> str:
    """The checksums file; also the check, within seconds, whether the site can be reached."""
    answers: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as response:
                answers.put(response.read(_CHUNK).decode())
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {ANSWER_SECONDS:.0f} s") from None
    if isinstance(answer, urllib.error.URLError) and not isinstance(answer, urllib.error.HTTPError):
        raise OSError(str(answer.reason))
    if isinstance(answer, Exception):
        raise answer
    return answer


def _published_sum(checksums: str, name: str) -> str:
    for line in checksums.splitlines():
        match line.split():
            case [digest, file] if file.lstrip("*") == name and len(digest) == 64:
                return digest.lower()
    raise ValueError(f"the checksums file does not name {name}")


def _download(url: str, to: Path) -> str:
    """Write the file; its SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=READ_SECONDS) as response, to.open("wb") as file:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _unpack(archive: Path, to: Path) -> None:
    """The archive's `pulumi/NAME` or `pulumi/bin/NAME` files, as executables; nothing else in it is looked at."""
    to.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if not member.isfile() or path.parts[:-1] not in (("pulumi",), ("pulumi", "bin")) or path.name == "..":
                continue
            content = tar.extractfile(member)
            assert content is not None
            with content, (to / path.name).open("wb") as file:
                shutil.copyfileobj(content, file)
            (to / path.name).chmod(0o755)
    if not (to / "pulumi").is_file():
        raise ValueError(f"{archive.name} holds no pulumi/pulumi")


def _megabytes(file: Path) -> int:
    return file.stat().st_size // 1_000_000 if file.exists() else 0
