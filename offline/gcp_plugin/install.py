"""Where the engine finds the plugin: a launcher in the plugins folder of a PULUMI_HOME of the local stack's own.

Two kinds of launcher: the stand-in's, and one that starts Google's provider and keeps it on loopback. Installing writes
three small files at most, needs no network, and changes nothing when the launcher is there already.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offline.gcp_plugin import VERSION

LAUNCHER = Path(__file__).parent / "bin" / "pulumi-resource-gcp"
_STAND_IN = "# The stand-in gcp plugin"
_REAL = "# Google's gcp plugin, kept on loopback"
_OLD_STAND_IN = "# The local cloud's gcp plug;"
"""How the second line of a launcher begins: of those that this module writes, and of one that it wrote before."""

_STAND_IN_LAUNCHER = """\
#!/bin/sh
{mark}; written by `python -m offline.gcp_plugin install`.
exec {executable} "$@"
"""

_REAL_LAUNCHER = """\
#!/bin/sh
{mark}; written by `python -m offline.gcp_plugin choose`.
# It asks Google who calls, with the access token, only to log it: a closed port answers.
HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1,localhost PULUMI_GCP_SKIP_REGION_VALIDATION=true
export HTTPS_PROXY NO_PROXY PULUMI_GCP_SKIP_REGION_VALIDATION
# It takes an access token that is the name of a file, such as `local` in the checkout, for that file's text.
cd /
exec {executable} "$@"
"""


def main(verb: str) -> int:
    """`install` or `uninstall` the stand-in in $PULUMI_HOME. Returns the exit code."""
    home = os.environ.get("PULUMI_HOME")
    if not home:
        print("PULUMI_HOME is not set: the plugin is installed into a home of the local stack's own", file=sys.stderr)
        return 2
    try:
        folder = install(Path(home)) if verb == "install" else uninstall(Path(home))
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{verb}ed: {folder}")
    return 0


def install(home: Path) -> Path:
    """Make the engine that uses `home` find the stand-in; returns its folder. FileExistsError for another's plugin."""
    folder = _own_folder(home)
    _write(folder / LAUNCHER.name, _STAND_IN_LAUNCHER.format(mark=_STAND_IN, executable=shlex.quote(str(LAUNCHER))))
    return folder


def install_real(home: Path, executable: Path) -> Path:
    """Make the engine that uses `home` find Google's provider, on loopback only; returns the plugin's folder.

    An `executable` that `pulumi plugin install` put into that folder is moved aside: the launcher takes its name.
    """
    launcher = plugin_file(home)
    with _turn(launcher.parent):
        if executable == launcher:
            executable = launcher.with_name(f"{launcher.name}.google")
            if not _launcher(launcher)[0]:  # another process may have moved it by now
                launcher.replace(executable)
        _write_real(launcher, executable)
    return launcher.parent


def _write_real(launcher: Path, executable: Path) -> None:
    _write(launcher, _REAL_LAUNCHER.format(mark=_REAL, executable=shlex.quote(str(executable.absolute()))))


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One process at a time in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def uninstall(home: Path) -> Path:
    """Remove the stand-in; nothing happens when it is not there. Raises FileExistsError for another's plugin."""
    folder = _own_folder(home)
    if folder.exists():
        shutil.rmtree(folder)
    return folder


def plugin_file(home: Path) -> Path:
    """The file that the engine which uses `home` starts as the gcp plugin."""
    return home.absolute() / "plugins" / f"resource-gcp-v{VERSION}" / LAUNCHER.name


def real_behind(file: Path) -> Path | None:
    """Google's provider, when `file` is it or is a launcher of it; None when it is the stand-in, or nothing."""
    mark, started = _launcher(file)
    if mark == _REAL:
        file = started
    elif mark:
        return None
    return file if os.access(file, os.X_OK) else None


def _launcher(file: Path) -> tuple[str, Path]:
    """Which kind of launcher it is, "" for none, and what it starts."""
    try:
        with file.open("rb") as opened:
            lines = opened.read(4096).decode(errors="replace").splitlines()
    except OSError:
        return "", file
    for mark in (_STAND_IN, _REAL, _OLD_STAND_IN):
        if lines[1:2] and lines[1].startswith(mark):
            return mark, Path(shlex.split(lines[-1])[1])
    return "", file


def _own_folder(home: Path) -> Path:
    launcher = plugin_file(home)
    if launcher.exists() and not _launcher(launcher)[0]:
        raise FileExistsError(
            f"{launcher.parent} holds another gcp plugin, probably Google's: remove that folder, or move it to "
            "~/.pulumi/plugins"
        )
    return launcher.parent


def _write(launcher: Path, script: str) -> None:
    """Write it in one step, unless it is there already."""
    if launcher.exists() and launcher.read_bytes() == script.encode():
        return
    launcher.parent.mkdir(parents=True, exist_ok=True)
    draft = launcher.with_name(f".{launcher.name}.{os.getpid()}")
    draft.write_text(script, encoding="utf-8")
    draft.chmod(0o755)
    draft.replace(launcher)
