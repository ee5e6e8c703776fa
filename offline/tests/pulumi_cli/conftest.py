"""Stand-ins for what lies outside this machine (a release site, a Go, a CLI); a project for the real engine."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from offline.pulumi_cli import release, ways
from offline.pulumi_cli.versions import PULUMI

CHECKOUT = Path(__file__).parents[3]


def script(path: Path, body: str) -> Path:
    """An executable shell script. Written aside and renamed: a file that is open for writing cannot be started."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(f"#!/bin/sh\n{body}\n")
    new.chmod(0o755)
    new.rename(path)
    return path


@dataclass
class Machine:
    """A machine without network whose PATH holds what a test puts there."""

    root: Path
    release_url: str = "http://127.0.0.1:9"
    checkout: Path = CHECKOUT

    @property
    def cache(self) -> Path:
        return self.root / "cache" / "image-search-on-bigquery" / "pulumi"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.root / "bin"),
            "HOME": str(self.root / "home"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            release.MIRROR_VARIABLE: self.release_url,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def put_pulumi(self, version: str) -> Path:
        """A `pulumi` on PATH; each start adds a line to started."""
        return script(self.root / "bin" / "pulumi", f"echo started >> {self.root}/started; echo {version}")

    def put_go(self, version: str = "go1.26.8") -> None:
        """A `go` on PATH that 'builds' once the file gate exists, and notes its process id in builds."""
        body = f"""
if [ "$1" = version ]; then echo "go version {version} linux/amd64"; exit; fi
echo $$ >> {self.root}/builds
echo "$0" > {self.root}/built-by
while [ ! -e {self.root}/gate ]; do /bin/sleep 0.02; done
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v{PULUMI}\\n' > "$2" && /bin/chmod 755 "$2"
"""
        script(self.root / "bin" / "go", body)

    def put_go_that_cannot_build(self) -> None:
        script(
            self.root / "bin" / "go", '[ "$1" = version ] && echo "go version go1.27.0" || { echo no proxy; exit 1; }'
        )

    def open_gate(self) -> None:
        (self.root / "gate").touch()

    def builds(self) -> list[int]:
        file = self.root / "builds"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`python3 -m offline.pulumi_cli …`, running."""
        return subprocess.Popen(
            [sys.executable, "-m", "offline.pulumi_cli", *arguments],
            cwd=self.checkout,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python3 -m offline.pulumi_cli …`, to its end."""
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "bin").mkdir()
    return Machine(tmp_path)


@dataclass
class ReleaseSite:
    """The files of one release over HTTP on loopback, and what was asked for."""

    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def archive(self) -> str:
        return release.archive_name()

    def tamper(self) -> None:
        self.files[self.archive] = release_archive(extra={"pulumi/more": b"unwanted"})


@pytest.fixture
def release_site() -> Iterator[ReleaseSite]:
    archive = release_archive()
    sums = f"{hashlib.sha256(archive).hexdigest()}  {release.archive_name()}\n"
    site = ReleaseSite({release.archive_name(): archive, f"pulumi-{PULUMI}-checksums.txt": sums.encode()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            site.asked.append(name)
            content = site.files.get(name)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        server.shutdown()
        thread.join()


def release_archive(extra: dict[str, bytes] | None = None) -> bytes:
    """A release as it is published, plus entries that no release should have."""
    files = {
        "pulumi/pulumi": f"#!/bin/sh\necho v{PULUMI}\n".encode(),
        "pulumi/pulumi-language-python": b"#!/bin/sh\n",
        "pulumi/../../escaped": b"",
        "pulumi/deep/file": b"",
        **(extra or {}),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("pulumi/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return packed.getvalue()


@dataclass(frozen=True)
class Project:
    """A Pulumi project in Python with its own state, driven by the real engine."""

    folder: Path
    environment: dict[str, str]

    def write(self, program: str, name: str = "__main__.py") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`pulumi …` in a process group of its own, output and errors in one stream."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pulumi(self, *arguments: str, expect: int = 0) -> str:
        """What `pulumi …` prints; its exit code has to be `expect`, where 1 means any failure."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=60)
        assert min(process.returncode, 1) == expect, (
            f"`pulumi {' '.join(arguments)}` left {process.returncode}: {output}"
        )
        return output


@pytest.fixture(scope="session")
def pulumi_on_path() -> str:
    """PATH with a usable CLI; on a new machine getting one takes minutes."""
    cli = ways.ensure()
    return os.pathsep.join([str(cli.folder), os.environ["PATH"]]) if cli.folder else os.environ["PATH"]


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory, pulumi_on_path: str) -> Path:
    """A project and its state with one empty stack, to be copied: making one takes the CLI most of a second."""
    folder = tmp_path_factory.mktemp("new-stack")
    (folder / "project").mkdir()
    (folder / "state").mkdir()
    (folder / "project" / "Pulumi.yaml").write_text(
        "name: tiny\nruntime: {name: python, options: {toolchain: pip, virtualenv: .venv}}\n"
    )
    _project(folder, pulumi_on_path).pulumi("stack", "init", "dev")
    return folder


@pytest.fixture
def project(tmp_path: Path, new_stack: Path, pulumi_on_path: str) -> Project:
    shutil.copytree(new_stack, tmp_path, dirs_exist_ok=True)
    (tmp_path / "project" / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    return _project(tmp_path, pulumi_on_path)


def _project(folder: Path, path: str) -> Project:
    environment = {
        **os.environ,
        "PATH": path,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_CONFIG_PASSPHRASE": "not a secret",
        "PULUMI_STACK": "dev",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    return Project(folder / "project", environment)
