"""The notebook's repository, against a running local cloud: what is committed, left unchanged and refused."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
import requests
from pulumi.dynamic import ConfigureRequest
from pulumi.dynamic.config import Config

from components.notebook import NotebookFileProvider
from imagesearch.errors import NotOurs, NotThere, PermissionMissing, StatementFailed
from imagesearch.gcp.rest import Client
from imagesearch.pipeline.notebook import LABELS, Repository, content, digest
from localcloud.testing import RunningCloud
from tests.unit.test_notebook import NAMES, edited

OURS = {"managed-by": "image-search", "image-search-stack": "image-search-test"}


@pytest.fixture
def repository(cloud: RunningCloud) -> Iterator[Repository]:
    """An empty repository of this stack, as a run leaves it that is killed before the commit."""
    made = named(cloud, f"n{uuid.uuid4().hex[:10]}")
    enable = f"{cloud.url}/serviceusage/v1/projects/{cloud.project}/services/dataform.googleapis.com:enable"
    requests.post(enable, json={}, timeout=10).raise_for_status()
    parent, name = address(made).rsplit("/", 1)
    answer = requests.post(parent, params={"repositoryId": name}, json={"labels": {**OURS, **LABELS}}, timeout=10)
    answer.raise_for_status()
    yield made
    requests.delete(address(made), params={"force": "true"}, timeout=10)
    made.client.close()


def named(cloud: RunningCloud, name: str) -> Repository:
    path = f"projects/{cloud.project}/locations/us-central1/repositories/{name}"
    return Repository(path, Client("local", {"dataformCustomEndpoint": f"{cloud.url}/dataform/v1beta1/"}))


def address(repository: Repository) -> str:
    return f"{repository.client.endpoints['dataformCustomEndpoint']}{repository.name}"


def save(repository: Repository, text: str, author: str = "ada@example.com") -> None:
    """Commit as a person does in Studio."""
    body = {
        "commitMetadata": {"author": {"name": "Ada", "emailAddress": author}},
        "fileOperations": {"content.ipynb": {"writeFile": {"contents": base64.b64encode(text.encode()).decode()}}},
    }
    requests.post(f"{address(repository)}:commit", json=body, timeout=10).raise_for_status()


def commits(repository: Repository) -> list[dict[str, Any]]:
    answer = requests.get(f"{address(repository)}:fetchHistory", timeout=10).json()
    found: list[dict[str, Any]] = answer["commits"]
    return found


def provider(cloud: RunningCloud) -> NotebookFileProvider:
    config = {"gcp:dataformCustomEndpoint": f"{cloud.url}/dataform/v1beta1/", "gcp:accessToken": "local"}
    made = NotebookFileProvider()
    made.configure(ConfigureRequest(Config(config, "image-search")))
    return made


def properties(repository: Repository, **changes: Any) -> dict[str, Any]:
    """The inputs; numbers as floats, as they come through the engine."""
    names = replace(NAMES, **changes)
    return {
        "project": "p",
        "location": "US",
        "labels": OURS,
        "repository": repository.name,
        "names": {**asdict(names), "dimension": float(names.dimension)},
        "digest": digest(content(names)),
    }


def test_a_notebook_is_committed_once(repository: Repository) -> None:
    text = content(NAMES)
    assert repository.read() is None and repository.newest() is None
    assert repository.commit(text, "first")
    assert repository.read() == text
    assert not repository.commit(text, "again")
    assert len(commits(repository)) == 1


def test_what_is_committed_is_what_the_properties_say(cloud: RunningCloud, repository: Repository) -> None:
    props = properties(repository)
    made = provider(cloud).create(props)
    assert repository.read() == content(NAMES)
    assert not provider(cloud).diff(made.id, props, props).changes
    changed = properties(repository, distance="EUCLIDEAN")
    provider(cloud).update(made.id, props, changed)
    assert 'DISTANCE = "EUCLIDEAN"\n' in json.loads(repository.read() or "")["cells"][1]["source"]


def test_running_it_and_saving_the_outputs_is_no_drift(
    cloud: RunningCloud, repository: Repository, capfd: pytest.CaptureFixture[str]
) -> None:
    props = properties(repository)
    made = provider(cloud).create(props)
    run = json.loads(content(NAMES))
    for cell in run["cells"]:
        if cell["cell_type"] == "code":
            cell.update(execution_count=1, outputs=[{"output_type": "stream", "name": "stdout", "text": ["hi"]}])
    save(repository, json.dumps(run))
    assert not provider(cloud).diff(made.id, props, props).changes
    assert (provider(cloud).read(made.id, props).inputs or {})["digest"] == props["digest"]
    provider(cloud).update(made.id, props, props)
    assert len(commits(repository)) == 2, "and the outputs stay"
    assert capfd.readouterr().out == ""


def test_a_file_that_is_missing_is_committed_by_the_next_up(cloud: RunningCloud, repository: Repository) -> None:
    props = properties(repository)
    assert provider(cloud).diff("id", props, props).changes is True
    assert provider(cloud).read("id", props).id == ""
    provider(cloud).update("id", props, props)
    assert repository.read() == content(NAMES)


def test_an_edit_is_said_and_taken_for_drift_by_a_refresh_only(
    cloud: RunningCloud, repository: Repository, capfd: pytest.CaptureFixture[str]
) -> None:
    props = properties(repository)
    made = provider(cloud).create(props)
    mine = edited(content(NAMES), 0, "# Mine")
    save(repository, mine)
    assert not provider(cloud).diff(made.id, props, props).changes
    said = capfd.readouterr().out
    assert "edited by ada@example.com" in said and "left as it is" in said and "pulumi refresh" in said
    assert not provider(cloud).diff(made.id, props, properties(repository, dimension=128)).changes, (
        "the engine's to see"
    )
    assert "has changed and takes its place" in capfd.readouterr().out
    assert (provider(cloud).read(made.id, props).inputs or {})["digest"] == digest(mine)
    provider(cloud).update(made.id, props, props)
    assert repository.read() == content(NAMES)
    assert [entry["author"]["name"] for entry in commits(repository)] == ["image-search", "Ada", "image-search"]


def test_a_lost_answer_is_not_committed_twice(cloud: RunningCloud, repository: Repository) -> None:
    cloud.control("faults", {"path": ":commit$", "when": "after", "drop": True})
    cloud.control("faults", {"path": ":readFile$", "status": 503})
    assert not repository.commit(content(NAMES), "first"), "found to be there, after the answer was lost"
    assert repository.read() == content(NAMES)
    assert len(commits(repository)) == 1


def test_somebody_who_saves_at_the_same_moment_is_not_overwritten_unseen(
    cloud: RunningCloud, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(repository, edited(content(NAMES), 0, "# Mine"))
    seen = repository.newest()
    save(repository, edited(content(NAMES), 0, "# Mine, better"))
    monkeypatch.setattr(Repository, "newest", lambda _: seen)
    with pytest.raises(StatementFailed, match="is not the head"):
        repository.commit(content(NAMES), "the stack's")
    assert "better" in (repository.read() or "")


def test_a_repository_that_is_gone_is_named_with_the_remedy(cloud: RunningCloud) -> None:
    gone = named(cloud, "gone")
    props = properties(gone)
    assert provider(cloud).read("id", props).id == ""
    assert provider(cloud).diff("id", props, props).changes is True
    with pytest.raises(NotThere, match=r"gone is gone.*\n.*pulumi refresh"):
        provider(cloud).update("id", props, props)


def test_a_caller_without_the_role_is_told_which_one(cloud: RunningCloud, repository: Repository) -> None:
    cloud.control("faults", {"path": ":readFile$", "status": 403, "reason": "accessDenied", "message": "no"})
    with pytest.raises(PermissionMissing, match=r"roles/bigquery.studioAdmin"):
        repository.read()


def test_only_a_repository_of_this_stack_that_nobody_wrote_in_is_removed(repository: Repository) -> None:
    text = content(NAMES)
    with pytest.raises(NotOurs, match=r"not made by this stack.*\n.*notebook.name"):
        repository.remove_orphan({**OURS, "image-search-stack": "another"}, text)
    save(repository, edited(text, 0, "# Mine"))
    with pytest.raises(NotOurs, match=r"was edited.*\n.*pulumi import"):
        repository.remove_orphan(OURS, text)
    repository.commit(text, "the stack's")
    assert repository.remove_orphan(OURS, text)
    with pytest.raises(NotThere):
        repository.read()
