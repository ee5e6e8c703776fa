"""Where the CLI comes from: PATH, the cache, the official release, a build; in this order."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from offline.pulumi_cli import build, cache, release
from offline.pulumi_cli.progress import say
from offline.pulumi_cli.release import Unavailable
from offline.pulumi_cli.versions import GO_MINIMUM, PULUMI, at_least


class NotReady(Exception):
    """There is no usable CLI; the text says what was tried and what would help."""


@dataclass(frozen=True)
class Cli:
    """A usable CLI. `folder` goes in front of PATH; None when PATH has it already."""

    how: str
    version: str
    executable: Path
    folder: Path | None


@dataclass(frozen=True)
class Way:
    """One way to get a CLI into the cache entry `entry`. `install` fills the folder's bin/, or raises Unavailable."""

    how: str
    what: str
    entry: str
    install: Callable[[Path], None]


def find() -> Cli | None:
    """The CLI to use if nothing is installed, or None. A fraction of a second."""
    return _on_path() or _cached("built", build.entry_name()) or _cached("release", f"{PULUMI}-release")


def ensure() -> Cli:
    """The CLI to use, installed first if necessary. Raises NotReady when every way fails."""
    if found := find():
        return found
    with cache.locked():
        if found := find():  # the run we waited for installed it
            return found
        return _install()


def _install() -> Cli:
    ways = [
        Way("release", f"the official release {PULUMI}", f"{PULUMI}-release", release.install),
        Way("built", f"a build of {PULUMI} from its Go module", build.entry_name(), build.install),
    ]
    if build.has_cli():  # only its language host is of another version of this checkout
        ways.reverse()
    reasons = [_why_not_on_path()]
    for way in ways:
        say(f"trying {way.what}")
        try:
            return _install_by(way)
        except Unavailable as closed:
            say(f"not possible: {closed}")
            reasons.append(f"{way.what}: {closed}")
    raise NotReady(_every_way_failed(reasons))


def _install_by(way: Way) -> Cli:
    with cache.new_entry(way.entry) as folder:
        way.install(folder)
        _check(folder / "bin" / "pulumi")
    installed = _cached(way.how, way.entry)
    assert installed is not None
    return installed


def _check(pulumi: Path) -> None:
    version = _version(pulumi)
    if not at_least(version, PULUMI):
        raise Unavailable(f"what was installed does not run on this machine (`pulumi version` says {version!r})")


def _on_path() -> Cli | None:
    executable = _first_on_path()
    if executable is None or not at_least(version := _remembered_version(executable), PULUMI):
        return None
    return Cli("PATH", version.removeprefix("v"), executable, None)


def _first_on_path() -> Path | None:
    """`pulumi` on PATH, as the user has it: neither of the cache, nor the script that ./local puts in front of it."""
    ours = (cache.folder().resolve(), Path(__file__).resolve().parents[2] / "scripts")
    folders = [f for f in os.get_exec_path() if f and not any(map(Path(f).resolve().is_relative_to, ours))]
    found = shutil.which("pulumi", path=os.pathsep.join(folders))
    return Path(found) if found else None


def _cached(how: str, entry: str) -> Cli | None:
    folder = cache.folder() / entry / "bin"
    executable = folder / "pulumi"
    return Cli(how, PULUMI, executable, folder) if executable.is_file() else None


def _remembered_version(executable: Path) -> str:
    """`pulumi version`, asked once for each state of the file: asking costs more than all else here."""
    file = executable.stat()
    key = f"{executable} {file.st_size} {file.st_mtime_ns}"
    memory = cache.folder() / "versions.json"
    try:
        known: dict[str, str] = json.loads(memory.read_text())
    except (OSError, ValueError):
        known = {}
    if key not in known:
        known[key] = _version(executable)
        _remember(memory, known)
    return known[key]


def _remember(memory: Path, known: dict[str, str]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    new = memory.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(known))
    new.replace(memory)


def _version(executable: Path) -> str:
    """What `pulumi version` prints; the reason when it does not run."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [executable, "version"],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (answer.stdout or answer.stderr).strip()


def _why_not_on_path() -> str:
    executable = _first_on_path()
    if executable is None:
        return "PATH: no pulumi there"
    return f"PATH: {executable} is {_remembered_version(executable)}, and {PULUMI} or later is needed"


def _every_way_failed(reasons: list[str]) -> str:
    tried = "\n".join(f"  - {reason}" for reason in reasons)
    return (
        f"there is no usable Pulumi CLI, and every way to get one failed:\n{tried}\n"
        f"Any of these helps: install Pulumi {PULUMI} or later and put it on PATH; make the release's site reachable, "
        f"or name a mirror of it in {release.MIRROR_VARIABLE}; or install Go {GO_MINIMUM} or later and make a Go "
        "module proxy reachable (GOPROXY)."
    )
