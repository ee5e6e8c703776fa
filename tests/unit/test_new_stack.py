"""scripts/new-stack as a user runs it: with arguments, with answers, with mistakes. No cloud is needed."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagesearch.settings.schema import parse
from tests.inventory.record import record

CHECKOUT = Path(__file__).parents[2]
ANSWERS = {"name": "berlin", "project": "my-project", "bucket": "gs://my-photos", "location": "EU"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").symlink_to(CHECKOUT / "Pulumi.yaml")
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """Of somebody without credentials."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "STORAGE_"))}
    return {**kept, "CLOUDSDK_CONFIG": str(folder), "NO_GCE_CHECK": "true"}


def command(**arguments: str) -> list[str]:
    return [str(CHECKOUT / "scripts/new-stack"), *(f"--{key}={value}" for key, value in arguments.items())]


def run(
    folder: Path, answers: str = "", environ: dict[str, str] | None = None, **arguments: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(**arguments),
        cwd=folder,
        env={**environment(folder), **(environ or {})},
        input=answers,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def refused(folder: Path, **changes: str) -> str:
    """What is said of an argument that is wrong; nothing is written."""
    before = sorted(folder.iterdir())
    done = run(folder, **{**ANSWERS, **changes})
    assert done.returncode == 1
    assert sorted(folder.iterdir()) == before
    lines = done.stderr.splitlines()
    assert len(lines) == 2, "one line of what is wrong, one of what to do"
    return done.stderr


def config(folder: Path, name: str = "berlin") -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / f"Pulumi.{name}.yaml").read_text())["config"]
    return content


def test_arguments_alone_write_a_file_that_declares_a_whole_stack(folder: Path) -> None:
    done = run(folder, **ANSWERS)
    assert done.returncode == 0, done.stderr
    assert "Wrote Pulumi.berlin.yaml" in done.stdout and "pulumi stack init berlin" in done.stdout
    assert "gs://my-photos was not checked: there are no valid credentials" in done.stdout
    assert "At most 10,000 images are embedded: about $1.00, 0.3 hours or more" in done.stdout
    recorded = record("berlin", config(folder))
    assert recorded["error"] == ""
    (dataset,) = (entry for entry in recorded["resources"] if entry["type"] == "gcp:bigquery/dataset:Dataset")
    assert {key: dataset["inputs"][key] for key in ("datasetId", "location", "project")} == {
        "datasetId": "image_search_berlin",
        "location": "EU",
        "project": "my-project",
    }
    granted = [entry["inputs"]["bucket"] for entry in recorded["resources"] if "bucket" in entry.get("inputs", {})]
    assert granted == ["my-photos", "my-photos"]


def test_a_cloud_that_cannot_be_reached_leaves_the_bucket_unchecked_and_says_so(folder: Path) -> None:
    credentials = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    (folder / "adc.json").write_text(json.dumps(credentials))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and not listening
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        away = {"GOOGLE_APPLICATION_CREDENTIALS": "adc.json", "HTTPS_PROXY": proxy}
        done = run(folder, environ=away, **ANSWERS)
    assert done.returncode == 0, done.stderr
    assert "gs://my-photos was not checked: Google Cloud could not be reached" in done.stdout


def test_what_is_not_given_is_asked_for_and_a_wrong_answer_is_asked_for_again(folder: Path) -> None:
    answers = "Berlin\nberlin\nMy Project\nmy-project\ns3://x\nmy-photos/holidays/\nAtlantis\nEurope-West3\n"
    done = run(folder, answers)
    assert done.returncode == 0, done.stderr
    for problem in (
        "'Berlin' is not a name",
        "'My Project' is not a project id",
        "gs://bucket/path",
        "known are US, EU",
    ):
        assert problem in done.stdout
    written = config(folder)
    assert written["gcp:project"] == "my-project"
    assert written["image-search:images"]["uris"] == ["gs://my-photos/holidays/*"]
    assert written["image-search:dataset"]["location"] == "europe-west3"
    assert "at 120 images a minute" in (folder / "Pulumi.berlin.yaml").read_text(), "the region's own quota"


def test_at_a_terminal_it_asks_too(folder: Path) -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command(), cwd=folder, env=environment(folder), stdin=follower, stdout=follower, stderr=follower
    ) as asked:
        os.close(follower)
        seen = b""
        for question, answer in zip(
            (b"Name of the stack: ", b"(its id): ", b"gs://bucket/folder): ", b"or a region): "),
            ANSWERS.values(),
            strict=True,
        ):
            while not seen.endswith(question):
                seen += os.read(leader, 1024)
            os.write(leader, f"{answer}\n".encode())
        while b"pulumi up\r\n" not in seen:
            seen += os.read(leader, 1024)
        assert asked.wait(30) == 0
    os.close(leader)
    assert config(folder)["gcp:project"] == "my-project"


def test_a_file_that_is_there_is_never_written_over(folder: Path) -> None:
    file = folder / "Pulumi.berlin.yaml"
    file.write_text("config: {}\n")
    assert "Pulumi.berlin.yaml is there already" in refused(folder)
    assert file.read_text() == "config: {}\n"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "../berlin"}, "'../berlin' is not a name for a stack"),
        ({"project": "123456"}, "'123456' is not a project id"),
        ({"bucket": "gs://My_Photos!"}, "it must be gs://bucket/path"),
        ({"bucket": "gs://my-photos/*/x/*"}, "one *"),
        ({"location": "Atlantis"}, "no embedding endpoint is known to be served there"),
        (
            {"location": "EU", "endpoint": "gemini-embedding-2-preview"},
            "dataset.location EU does not serve gemini-embedding-2-preview; locations that do: US, us-central1",
        ),
    ],
)
def test_a_wrong_argument_is_refused_with_what_is_allowed(folder: Path, wrong: dict[str, str], said: str) -> None:
    assert said in refused(folder, **wrong)


def test_answers_that_end_early_write_nothing(folder: Path) -> None:
    done = run(folder, "berlin\nmy-project\n")
    assert done.returncode == 1
    assert "The answers ended before every question was asked" in done.stderr
    assert not (folder / "Pulumi.berlin.yaml").exists()


def test_outside_the_programs_folder_nothing_is_written(tmp_path: Path) -> None:
    assert "There is no Pulumi.yaml in" in refused(tmp_path)


def test_every_file_it_writes_is_valid_whatever_the_folder_is_called(folder: Path) -> None:
    for number, path in enumerate(["a, b]", 'quo"te', "#1: x", "ünï 東京", "back\\slash"]):
        assert run(folder, **{**ANSWERS, "name": f"n{number}", "bucket": f"gs://my-photos/{path}"}).returncode == 0
        values = {key.removeprefix("image-search:"): value for key, value in config(folder, f"n{number}").items()}
        values.pop("gcp:project")
        assert parse(values).images.uris == [f"gs://my-photos/{path}/*"]


def test_make_hands_over_what_its_command_line_says_and_nothing_from_the_environment() -> None:
    shown = subprocess.run(
        ["make", "-n", "-o", ".venv/ready", "new-stack", "PROJECT=my-project", "BUCKET=gs://it's"],
        cwd=CHECKOUT,
        env={**os.environ, "NAME": "my-computer", "LOCATION": "Berlin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.split() == ["scripts/new-stack", "'--project=my-project'", r"'--bucket=gs://it'\''s'"]
