"""Where the engine finds the plugin: the plugins folder of a PULUMI_HOME.

On PATH the engine finds it too, but says so with a warning each time. Installing writes three small files, asks no
network and changes nothing when it is installed already.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from offline.gcp_plugin import VERSION

LAUNCHER = Path(__file__).parent / "bin" / "pulumi-resource-gcp"
_MARK = "# The local cloud's gcp plug; written by `python -m offline.gcp_plugin install`."


def main(verb: str) -> int:
    """`install` or `uninstall` in $PULUMI_HOME. Returns the exit code."""
    home = os.environ.get("PULUMI_HOME")
    if not home:
        print("PULUMI_HOME is not set: the plug goes into a home of the local stack's own", file=sys.stderr)
        return 2
    try:
        folder = install(Path(home)) if verb == "install" else uninstall(Path(home))
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{verb}ed: {folder}")
    return 0


def install(home: Path) -> Path:
    """Make the engine that uses `home` find the plug; returns its folder. FileExistsError for another's plugin."""
    folder = _own_folder(home)
    launcher = folder / LAUNCHER.name
    script = f'#!/bin/sh\n{_MARK}\nexec "{LAUNCHER}" "$@"\n'
    if not launcher.exists() or launcher.read_text() != script:
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{launcher.name}.{os.getpid()}"
        draft.write_text(script)
        draft.chmod(0o755)
        draft.replace(launcher)
    return folder


def uninstall(home: Path) -> Path:
    """Take the plug out again; nothing happens when it is not there. Raises FileExistsError for another's plugin."""
    folder = _own_folder(home)
    if folder.exists():
        shutil.rmtree(folder)
    return folder


def _own_folder(home: Path) -> Path:
    folder = home.absolute() / "plugins" / f"resource-gcp-v{VERSION}"
    launcher = folder / LAUNCHER.name
    if launcher.exists() and _MARK.encode() not in launcher.read_bytes()[:1024]:
        raise FileExistsError(f"{folder} holds another gcp plugin, probably Google's: use another PULUMI_HOME")
    return folder
