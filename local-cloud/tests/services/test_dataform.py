"""Repositories and their commits, through Google's discovery client."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.services.conftest import PROJECT, Running

PARENT = f"projects/{PROJECT}/locations/us-central1"
NAME = f"{PARENT}/repositories/met-image-analysis"
LABELS = {"single-file-asset-type": "notebook"}


@pytest.fixture(params=["v1", "v1beta1"])
def repositories(cloud: Running, request: pytest.FixtureRequest) -> Any:
    cloud.enable()
    found = cloud.discovery("dataform", request.param).projects().locations().repositories()
    found.create(parent=PARENT, repositoryId="met-image-analysis", body={"labels": LABELS}).execute()
    return found


def commit(repositories: Any, files: dict[str, bytes | None], head: str | None = None) -> str:
    body: dict[str, Any] = {
        "commitMetadata": {"author": {"name": "a", "emailAddress": "a@example.com"}, "commitMessage": "change"},
        "fileOperations": {
            path: {"deleteFile": {}} if data is None else {"writeFile": {"contents": base64.b64encode(data).decode()}}
            for path, data in files.items()
        },
    }
    if head is not None:
        body["requiredHeadCommitSha"] = head
    return repositories.commit(name=NAME, body=body).execute()["commitSha"]


def read(repositories: Any, path: str, **query: str) -> bytes:
    return base64.b64decode(repositories.readFile(name=NAME, path=path, **query).execute()["contents"])


def test_a_repository_is_found_listed_changed_and_deleted(repositories: Any) -> None:
    found = repositories.get(name=NAME).execute()
    assert (found["name"], found["labels"]) == (NAME, LABELS)
    assert repositories.list(parent=PARENT).execute()["repositories"] == [found]
    changed = repositories.patch(name=NAME, body={"displayName": "Pictures", "labels": LABELS}).execute()
    assert changed["displayName"] == "Pictures"
    kept = repositories.patch(name=NAME, updateMask="labels", body={"labels": {"a": "b"}}).execute()
    assert (kept["displayName"], kept["labels"]) == ("Pictures", {"a": "b"})
    repositories.delete(name=NAME, force=True).execute()
    with pytest.raises(HttpError, match="was not found"):
        repositories.get(name=NAME).execute()


def test_a_repository_is_made_once(repositories: Any) -> None:
    with pytest.raises(HttpError, match="already exists") as taken:
        repositories.create(parent=PARENT, repositoryId="met-image-analysis", body={}).execute()
    assert taken.value.status_code == 409


def test_a_committed_file_is_read_back_at_the_head_and_at_its_commit(repositories: Any) -> None:
    first = commit(repositories, {"content.ipynb": b"one"})
    second = commit(repositories, {"content.ipynb": b"two"}, head=first)
    assert read(repositories, "content.ipynb") == b"two"
    assert read(repositories, "content.ipynb", commitSha=first) == b"one"
    log = repositories.fetchHistory(name=NAME).execute()["commits"]
    assert [entry["commitSha"] for entry in log] == [second, first]
    assert log[0]["author"] == {"name": "a", "emailAddress": "a@example.com"}


def test_history_comes_in_pages(repositories: Any) -> None:
    made = [commit(repositories, {"content.ipynb": bytes([n])}) for n in range(3)]
    page = repositories.fetchHistory(name=NAME, pageSize=2).execute()
    rest = repositories.fetchHistory(name=NAME, pageSize=2, pageToken=page["nextPageToken"]).execute()
    assert [entry["commitSha"] for entry in page["commits"] + rest["commits"]] == made[::-1]
    assert "nextPageToken" not in rest


def test_a_commit_onto_another_head_is_refused_and_changes_nothing(repositories: Any) -> None:
    commit(repositories, {"content.ipynb": b"one"})
    with pytest.raises(HttpError, match="is not the head"):
        commit(repositories, {"content.ipynb": b"two"}, head="0" * 40)
    assert read(repositories, "content.ipynb") == b"one"


def test_a_missing_file_is_not_found(repositories: Any) -> None:
    with pytest.raises(HttpError) as missing:
        read(repositories, "content.ipynb")
    assert missing.value.status_code == 404


def test_directories_list_files_and_folders(repositories: Any) -> None:
    commit(repositories, {"content.ipynb": b"x", "sql/a.sql": b"x", "sql/b/c.sql": b"x"})
    assert repositories.queryDirectoryContents(name=NAME).execute()["directoryEntries"] == [
        {"file": "content.ipynb"},
        {"directory": "sql"},
    ]
    inner = repositories.queryDirectoryContents(name=NAME, path="sql").execute()["directoryEntries"]
    assert inner == [{"file": "sql/a.sql"}, {"directory": "sql/b"}]
    commit(repositories, {"sql/a.sql": None})
    inner = repositories.queryDirectoryContents(name=NAME, path="sql").execute()["directoryEntries"]
    assert inner == [{"directory": "sql/b"}]


def test_a_recreated_repository_is_empty(repositories: Any) -> None:
    commit(repositories, {"content.ipynb": b"x"})
    repositories.delete(name=NAME).execute()
    repositories.create(parent=PARENT, repositoryId="met-image-analysis", body={}).execute()
    assert repositories.fetchHistory(name=NAME).execute() == {"commits": []}


def test_multi_regions_and_git_remotes_are_refused(repositories: Any) -> None:
    with pytest.raises(HttpError, match="Location 'us' is not a region"):
        repositories.create(parent=f"projects/{PROJECT}/locations/us", repositoryId="r", body={}).execute()
    remote = {"gitRemoteSettings": {"url": "https://example.com/r.git", "defaultBranch": "main"}}
    with pytest.raises(HttpError, match=r"repositories\.create field 'gitRemoteSettings'"):
        repositories.create(parent=PARENT, repositoryId="r", body=remote).execute()
