"""`python -m localcloud`: start, status, stop, and what it says when something is in the way."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.core.home import Home, call
from localcloud.testing.ports import free_port
from tests.conftest import PROJECT_FOLDER, RunningCloud, running_cloud


def localcloud(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, with nothing of the caller's settings."""
    command = [sys.executable, "-m", "localcloud", *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOCALCLOUD")}
    env = clean | {"LOCALCLOUD_HOME": str(home)} | environment
    return subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, env=env, timeout=60)


def test_a_server_is_started_seen_and_stopped(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    started = localcloud("serve", "--detach", "--embedder", "hash", "--port", str(port), home=home)
    assert f"ready at http://127.0.0.1:{port}" in started.stdout, started.stderr
    status = json.loads(localcloud("status", "--json", home=home).stdout)
    assert (status["ready"], status["embedder"], status["project"]) == (True, "hash", "local-project")
    assert (status["home"], status["url"]) == (str(home), f"http://127.0.0.1:{port}")

    again = localcloud("serve", "--detach", home=home)
    assert (again.returncode, "already running" in again.stdout) == (0, True)
    for other in (("--embedder", "real"), ("--project", "another")):
        refused = localcloud("serve", "--detach", *other, home=home)
        assert (refused.returncode, f"runs with {other[0]}" in refused.stderr) == (1, True), refused.stderr
    same = localcloud("serve", "--detach", "--embedder", "hash", "--project", "local-project", home=home)
    assert same.returncode == 0

    stopped = localcloud("stop", home=home)
    assert stopped.stdout == f"local cloud stopped (pid {status['pid']})\n"
    assert localcloud("stop", home=home).stdout.startswith("local cloud not running")

    refused = localcloud("serve", "--detach", "--port", "0", "--project", "another", home=home)
    assert (refused.returncode, "holds project local-project" in refused.stderr) == (1, True)


def test_status_says_how_to_start_a_server_that_does_not_run(tmp_path: Path) -> None:
    status = localcloud("status", home=tmp_path)
    assert (status.returncode, status.stdout) == (1, "")
    assert "start it: `python -m localcloud serve --detach`" in status.stderr
    assert "Traceback" not in localcloud("ledger", home=tmp_path).stderr
    assert list(tmp_path.iterdir()) == [], "looking creates nothing"


def test_a_taken_port_is_named_with_its_holder_and_the_way_out(tmp_path: Path, cloud: RunningCloud) -> None:
    port = cloud.about["port"]
    refused = localcloud("serve", "--detach", "--port", str(port), home=tmp_path / "other")
    assert refused.returncode == 1
    another = f"take another: python -m localcloud serve --port {port + 1}"
    for part in (f"port {port}", f"local cloud of {cloud.home}", another):
        assert part in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_taken_by_another_program_names_that(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = localcloud("serve", "--port", str(other.getsockname()[1]), home=tmp_path)
    assert refused.returncode == 1
    assert f"process {os.getpid()}" in refused.stderr or "another program" in refused.stderr


def test_a_second_server_on_a_home_is_refused_by_name(cloud: RunningCloud) -> None:
    with pytest.raises(Exception, match=f"another local cloud \\(pid {cloud.about['pid']}\\) runs on {cloud.home}"):
        Home(cloud.home).lock()


def test_stop_ends_no_process_that_is_not_a_local_cloud(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        home = Home(tmp_path)
        lock = home.lock()
        home.announce({"pid": other.pid, "url": "http://127.0.0.1:9", "home": str(tmp_path)})
        refused = localcloud("stop", home=tmp_path)
        assert (refused.returncode, "is no local cloud" in refused.stderr) == (1, True)
        assert other.poll() is None
        os.close(lock)
    finally:
        other.kill()
        other.wait()


def test_settings_for_clients_survive_an_eval_with_any_home(tmp_path: Path) -> None:
    home = tmp_path / "it's a $HOME"
    printed = localcloud("env", home=home).stdout
    script = f'{printed}\nprintf %s "$GOOGLE_APPLICATION_CREDENTIALS|$BIGQUERY_EMULATOR_HOST"'
    shell = subprocess.run(["bash", "-uc", script], capture_output=True, text=True, check=True)
    assert shell.stdout == f"{home}/credentials.json|http://127.0.0.1:8440"


def test_faults_are_set_shown_and_cleared(cloud: RunningCloud) -> None:
    cloud.changed = True
    set_ = localcloud("fault", '{"rows": {"rate": 0.25, "seed": 7}}', home=cloud.home)
    assert json.loads(set_.stdout)["rows"][0]["rate"] == 0.25
    assert json.loads(localcloud("fault", home=cloud.home).stdout)["rows"][0]["seed"] == 7
    cleared = json.loads(localcloud("fault", "--clear", home=cloud.home).stdout)
    assert not any(cleared.values())
    refused = localcloud("fault", '{"nonsense": 1}', home=cloud.home)
    assert (refused.returncode, "not a fault" in refused.stderr) == (1, True)


def test_commands_load_nothing_that_takes_time(tmp_path: Path) -> None:
    program = (
        "import sys, localcloud.__main__; print([m for m in ('duckdb', 'numpy', 'starlette') if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_liveness_is_answered_without_a_token(cloud: RunningCloud) -> None:
    about = call(cloud.url, "/healthz")
    assert (about["status"], about["pid"]) == ("ok", cloud.about["pid"])


@pytest.mark.parametrize("port", ["65536", "-1", "many"])
def test_a_port_that_is_none_is_refused_in_a_line(tmp_path: Path, port: str) -> None:
    for arguments in (("--port", port), ("--detach", "--port", port)):
        refused = localcloud("serve", *arguments, home=tmp_path)
        assert (refused.returncode, "argument --port" in refused.stderr) == (2, True), refused.stderr
        assert "Traceback" not in refused.stderr
    refused = localcloud("serve", home=tmp_path, LOCALCLOUD_PORT=port)
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False), refused.stderr


def test_pictures_without_their_extra_say_what_to_install() -> None:
    without = (
        "import runpy, sys; sys.modules['httpx'] = None; runpy.run_module('localcloud.images', run_name='__main__')"
    )
    refused = subprocess.run([sys.executable, "-c", without], cwd=PROJECT_FOLDER, capture_output=True, text=True)
    assert refused.stderr == "error: this needs httpx; pip install 'image-search-localcloud[images]'\n"
    assert refused.returncode == 1


def test_a_home_that_others_can_enter_shows_them_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    with running_cloud(home) as cloud:
        cloud.storage.create_bucket("photos").blob("a.jpg").upload_from_string(b"a")
        made = [path for path in home.rglob("*") if path.is_file()]
        assert {"state.duckdb", "credentials.json", "server.json", "server.log", "a.jpg"} <= {p.name for p in made}
        assert [path.name for path in made if path.stat().st_mode & 0o077] == []
