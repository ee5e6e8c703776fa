"""The real engine with the CLI that offline/pulumi_cli installs: programs and dynamic providers run, fail and end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from offline.pulumi_cli import ways
from offline.tests.pulumi_cli.conftest import CHECKOUT, Project
from offline.tests.pulumi_cli.waiting import until

PROVIDER = """
import time
from pathlib import Path
from pulumi import Output
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult


class FileProvider(ResourceProvider):
    def create(self, props):
        while props.get("slow"):
            time.sleep(0.1)
        return CreateResult(props["path"], {**props, "size": self._write(props)})

    def diff(self, id, olds, news):
        return DiffResult(changes=olds["text"] != news["text"])

    def update(self, id, olds, news):
        return UpdateResult({**news, "size": self._write(news)})

    def read(self, id, props):
        path = Path(id)
        return ReadResult(id, {**props, "text": path.read_text()}) if path.exists() else ReadResult("", {})

    def delete(self, id, props):
        Path(id).unlink()

    def _write(self, props):
        return Path(props["path"]).write_text(props["text"])


class File(Resource):
    size: Output[int]

    def __init__(self, name, path, text, slow=False):
        super().__init__(FileProvider(), name, {"path": path, "text": text, "slow": slow, "size": None})
"""

PROGRAM = """
import pulumi
from files import File

print("the program speaks")
config = pulumi.Config()
file = File("file", "{path}", config.get("text") or "hello", config.get_bool("slow"))
pulumi.export("size", file.size)
pulumi.export("where", [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()])
pulumi.export("secret", config.get_secret("token"))
"""

PROGRAM_IN_A_FOLDER = """
import atexit, sys, beside

atexit.register(print, "at the end")
print(beside.WORD, repr(sys.stdin.read()))
"""


@pytest.fixture
def file(project: Project, tmp_path: Path) -> Path:
    """What the project above makes."""
    path = tmp_path / "made"
    project.write(PROGRAM.replace("{path}", str(path)))
    project.write(PROVIDER, "files.py")
    return path


@pytest.mark.slow
def test_a_stack_goes_up_stays_unchanged_follows_its_config_and_drift_and_goes_away(
    project: Project, file: Path
) -> None:
    project.pulumi("config", "set", "token", "hunter2", "--secret")
    output = project.pulumi("up", "--yes")
    assert "the program speaks" in output
    assert "hunter2" not in output
    assert file.read_text() == "hello"
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets"))
    assert outputs == {"size": 5, "where": ["organization", "tiny", "dev"], "secret": "hunter2"}

    project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    project.pulumi("up", "--yes", "--skip-preview", "--config", "text=bye")
    assert file.read_text() == "bye"

    file.unlink()
    project.pulumi("refresh", "--yes", "--skip-preview")
    assert "1 created" in project.pulumi("up", "--yes", "--skip-preview")
    project.pulumi("destroy", "--yes", "--skip-preview")
    assert not file.exists()


@pytest.mark.parametrize(
    ("program", "shown", "hidden"),
    [
        ("import pulumi\nraise pulumi.RunError('the dataset is not yours')", "the dataset is not yours", "Traceback"),
        ("def half(n):\n    return n / 0\nhalf(1)", "in half\n        return n / 0", "language_host"),
        (
            "import pulumi\ndef bad(_):\n    raise ValueError('bad value')\n"
            "pulumi.export('x', pulumi.Output.from_input(1).apply(bad))",
            "ValueError: bad value",
            "language_host",
        ),
        ("import nothing_like_it", "No module named 'nothing_like_it'", "language_host"),
        ("import sys\nsys.exit(3)", "exited with non-zero exit code: 3", "Traceback"),
    ],
)
def test_a_program_that_fails_shows_its_own_error_once(project: Project, program: str, shown: str, hidden: str) -> None:
    project.write(program)
    output = project.pulumi("preview", expect=1)
    assert shown in output
    assert hidden not in output
    assert output.count("Diagnostics:") == 1
    assert len(re.findall(r"^    error: ", output, re.MULTILINE)) == 1, output


def test_a_project_without_a_program_says_so(project: Project) -> None:
    assert "__main__.py" in project.pulumi("preview", expect=1)


def test_a_program_in_a_folder_of_its_own_finds_its_modules_reads_no_input_and_runs_its_exit_handlers(
    project: Project,
) -> None:
    with (project.folder / "Pulumi.yaml").open("a") as file:
        file.write("main: program/\n")
    project.write("WORD = 'beside'", "program/beside.py")
    project.write(PROGRAM_IN_A_FOLDER, "program/__main__.py")
    output = project.pulumi("preview")
    assert "beside ''" in output
    assert "at the end" in output


def test_about_names_the_python_and_the_packages_of_the_project(project: Project) -> None:
    project.write("")
    about = json.loads(project.pulumi("about", "--json"))
    assert about["runtime"]["executable"] == str(project.folder / ".venv/bin/python")
    assert "pulumi_gcp" in {dependency["name"] for dependency in about["dependencies"]}
    assert about["plugins"], "the language host and the providers whose SDKs are installed"


def test_install_installs_the_requirements_into_the_virtualenv(project: Project) -> None:
    project.write("pip\n", "requirements.txt")
    environment = {**project.environment, "PIP_NO_INDEX": "1"}
    output = Project(project.folder, environment).pulumi("install", "--no-plugins")
    assert "Requirement already satisfied: pip" in output


def test_a_virtualenv_that_the_host_does_not_run_in_is_refused_by_name(project: Project) -> None:
    project.write("")
    (project.folder / "Pulumi.yaml").write_text(
        "name: tiny\nruntime:\n  name: python\n  options: {toolchain: pip, ? virtualenv : elsewhere}\n"
    )
    environment = {**project.environment, "VIRTUAL_ENV": sys.prefix}
    output = Project(project.folder, environment).pulumi("preview", expect=1)
    assert "asks for the virtual environment elsewhere" in output


def test_control_c_during_a_create_leaves_no_process(project: Project, file: Path) -> None:
    with _slow_create(project) as engine:
        assert _children(engine.pid), "the language host and the provider"
        engine.send_signal(signal.SIGINT)
        _read_until(engine, "^C again")
        engine.send_signal(signal.SIGINT)
        processes = _children(engine.pid)
        output, _ = engine.communicate(timeout=30)
    assert engine.returncode != 0
    assert "Traceback" not in output
    until(lambda: not any(map(_alive, processes)))


def test_an_engine_that_was_killed_leaves_no_process(project: Project, file: Path) -> None:
    if ways.ensure().how != "built":
        pytest.skip("the pulumi in use has plugins of its own")
    with _slow_create(project) as engine:
        processes = _children(engine.pid)
        assert len(processes) == 2, "the language host and the provider"
        engine.kill()
        engine.communicate()
    until(lambda: not any(map(_alive, processes)))


def _slow_create(project: Project) -> subprocess.Popen[str]:
    """An `up` in the middle of a create that does not end."""
    engine = project.start("up", "--yes", "--skip-preview", "--config", "slow=true")
    _read_until(engine, "Resource file creating")
    return engine


def _read_until(engine: subprocess.Popen[str], text: str) -> None:
    assert engine.stdout is not None
    lines = []
    for line in engine.stdout:
        lines.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} was not printed: {''.join(lines)}")


def _children(process: int) -> list[int]:
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = (map(int, line.split()) for line in listed.splitlines())
    return [pid for pid, parent in pairs if parent == process]


def _alive(process: int) -> bool:
    state = subprocess.run(["ps", "-p", str(process), "-o", "stat="], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_only_a_program_makes_the_host_import_the_sdk_and_a_second_one_finds_it_whole() -> None:
    script = (
        "import sys; sys.argv = ['host', '127.0.0.1:1']; import offline.pulumi_cli.language_host as host;"
        "print('pulumi.output' in sys.modules); host._import_sdk(); host._import_sdk();"
        "import pulumi; print(callable(pulumi.log.warn), pulumi.runtime.settings.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "pulumi.runtime.settings"]
