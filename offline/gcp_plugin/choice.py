"""Which gcp plugin the local stack uses: Google's provider where it is installed, else the stand-in.

GCP_PLUGIN is `auto` (the default: that rule), `real` or `stand-in`. Google's provider is looked for in the plugins
folders of $PULUMI_HOME and ~/.pulumi, then on PATH.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from offline.gcp_plugin import install

_OLD_WORD = {"local": "stand-in"}
"""What GCP_PLUGIN used to say."""


def main(folder: Path) -> int:
    """Print the PULUMI_HOME that has the chosen plugin. Returns the exit code."""
    asked = os.environ.get("GCP_PLUGIN") or "auto"
    asked = _OLD_WORD.get(asked, asked)
    if asked not in ("auto", "real", "stand-in"):
        print(f"error: GCP_PLUGIN must be auto, real or stand-in, not {asked!r}", file=sys.stderr)
        return 2
    try:
        print(choose(asked, folder, os.environ))
    except FileExistsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def choose(asked: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """A PULUMI_HOME below `folder` with the plugin that `asked` (auto, real, stand-in) leads to, installed.

    With `real` it has no plugin yet where Google's is not installed: `pulumi plugin install` downloads it.
    """
    stand_in, real = folder / "pulumi-local", folder / "pulumi-real"
    if asked != "stand-in":
        if found := find_real(real, environment):
            install.install_real(real, found)
            return real
        if asked == "real":
            # A launcher of a provider that is gone: while its folder is there, `pulumi plugin install` does nothing.
            shutil.rmtree(install.plugin_file(real).parent, ignore_errors=True)
            return real
    install.install(stand_in)
    return stand_in


def find_real(linked: Path, environment: Mapping[str, str]) -> Path | None:
    """The executable of Google's provider, or None. `linked` is the PULUMI_HOME with its launcher, if there is one."""
    found = (install.real_behind(file) for file in _places(linked, environment))
    return next((executable for executable in found if executable), None)


def _places(linked: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    for home in (environment.get("PULUMI_HOME"), linked, Path(environment.get("HOME") or "~").expanduser() / ".pulumi"):
        if home:
            yield install.plugin_file(Path(home))
    if on_path := shutil.which(install.LAUNCHER.name, path=environment.get("PATH", "")):
        yield Path(on_path)
