"""Callers: the credentials file, tokens, and what members other than the owner may do."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import google.auth
import pytest
from google.api_core.exceptions import Forbidden
from google.auth import jwt
from google.auth.transport.requests import Request
from google.cloud import bigquery
from google.oauth2.credentials import Credentials

from tests import plain_http as http
from tests.conftest import PROJECT_FOLDER, RunningCloud


def client_with(cloud: RunningCloud, token: str) -> bigquery.Client:
    credentials = Credentials(token)
    return bigquery.Client(cloud.project, credentials, client_options={"api_endpoint": cloud.url})


def test_default_credentials_and_one_variable_are_enough_for_the_official_client(cloud: RunningCloud) -> None:
    program = (
        "from google.cloud import bigquery; [row] = bigquery.Client().query_and_wait('SELECT 1 AS one'); print(row.one)"
    )
    settings = subprocess.run(
        [sys.executable, "-m", "localcloud", "env", "--home", str(cloud.home)],
        cwd=PROJECT_FOLDER,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shell = subprocess.run(
        ["bash", "-c", f'{settings}\nexec "$0" -c "$1"', sys.executable, program],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert shell.stdout.strip() == "1", shell.stderr


def test_the_credentials_file_is_its_owners_alone_and_points_back_to_the_server(cloud: RunningCloud) -> None:
    file = cloud.home / "credentials.json"
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(file.read_text())["token_uri"] == f"{cloud.url}/token"


def test_a_token_of_the_credentials_file_is_the_owners(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(cloud.home / "credentials.json"))
    credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    credentials.refresh(Request())
    assert project == cloud.project
    assert list(client_with(cloud, credentials.token).list_datasets()) is not None


def test_a_token_that_the_client_signed_itself_is_the_owners_too(cloud: RunningCloud) -> None:
    file = str(cloud.home / "credentials.json")
    credentials = jwt.Credentials.from_service_account_file(file, audience=f"{cloud.url}/")
    client = bigquery.Client(cloud.project, credentials, client_options={"api_endpoint": cloud.url})
    assert client.query_and_wait("SELECT 1").total_rows == 1
    forged = credentials.with_claims(issuer="somebody@example.com")
    forged.refresh(Request())
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets"
    assert http.get(url, headers={"Authorization": f"Bearer {forged.token.decode()}"}).status_code == 401


@pytest.mark.parametrize("token", ["somebody-elses", "eyJ9.e30.c2ln", "e30.AAAA"])
def test_an_unknown_token_is_unauthenticated(cloud: RunningCloud, token: str) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets"
    answer = http.get(url, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_a_member_without_a_role_may_neither_look_nor_query(cloud: RunningCloud, dataset: str) -> None:
    stranger = client_with(cloud, cloud.control("token", {"member": "user:stranger@example.com"})["token"])
    with pytest.raises(Forbidden, match=r"User does not have bigquery.jobs.create permission in project local-project"):
        stranger.query_and_wait("SELECT 1")
    with pytest.raises(Forbidden, match=f"Permission bigquery.datasets.get denied on dataset local-project:{dataset}"):
        stranger.get_dataset(dataset)
    with pytest.raises(Forbidden, match=r"bigquery.datasets.create"):
        stranger.create_dataset("theirs")


def test_roles_open_what_they_open(cloud: RunningCloud, dataset: str) -> None:
    cloud.query(f"CREATE TABLE {dataset}.t AS SELECT 1 AS x")
    member = "user:jobs-only@example.com"
    grant(cloud, "roles/bigquery.jobUser", member)
    client = client_with(cloud, cloud.control("token", {"member": member})["token"])
    assert [tuple(row) for row in client.query_and_wait("SELECT 1")] == [(1,)]
    with pytest.raises(Forbidden, match=r"bigquery\.tables\.getData"):
        client.query_and_wait(f"SELECT * FROM {dataset}.t")
    grant(cloud, "roles/bigquery.dataViewer", member)
    assert [tuple(row) for row in client.query_and_wait(f"SELECT * FROM {dataset}.t")] == [(1,)]
    with pytest.raises(Forbidden, match=r"bigquery\.tables\.updateData"):
        client.query_and_wait(f"DELETE FROM {dataset}.t WHERE TRUE")


def grant(cloud: RunningCloud, role: str, member: str) -> None:
    """Add a binding to the project's policy and let it propagate."""
    url = f"{cloud.url}/cloudresourcemanager/v1/projects/{cloud.project}"
    policy = http.post(f"{url}:getIamPolicy", json={}).json()
    policy["bindings"].append({"role": role, "members": [member]})
    assert http.post(f"{url}:setIamPolicy", json={"policy": policy}).status_code == 200
    cloud.advance(600)


def test_only_the_owner_controls_the_cloud(cloud: RunningCloud) -> None:
    token = cloud.control("token", {"member": "user:stranger@example.com"})["token"]
    stranger = client_with(cloud, token)
    answer = stranger._http.get(f"{cloud.url}/control/state")
    assert answer.status_code == 403


def test_a_form_that_is_no_text_gets_no_token(cloud: RunningCloud) -> None:
    answer = http.post(f"{cloud.url}/token", content=b"\xff\xfe")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
