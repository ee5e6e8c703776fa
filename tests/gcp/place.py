"""Where the test runs: a project, who calls, and where its services are. Nothing else differs between two clouds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import google.auth
from google.api_core.client_options import ClientOptions
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery, storage

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_SERVICES = {
    "bigqueryConnectionCustomEndpoint": "https://bigqueryconnection.googleapis.com/v1/",
    "dataformCustomEndpoint": "https://dataform.googleapis.com/v1/",
    "resourceManagerCustomEndpoint": "https://cloudresourcemanager.googleapis.com/v1/",
    "serviceUsageCustomEndpoint": "https://serviceusage.googleapis.com/v1/",
}


@dataclass(frozen=True)
class Place:
    """A project on some Google Cloud."""

    project: str
    location: str
    credentials: Credentials
    config: Mapping[str, Any] = field(default_factory=dict)
    """The stack's gcp:* keys beside the project: the endpoints, where they are not Google's."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the commands, beside that of the test."""

    @cached_property
    def bigquery(self) -> bigquery.Client:
        options = self._root("bigQueryCustomEndpoint", "/bigquery/v2/")
        return bigquery.Client(self.project, self.credentials, location=self.location, client_options=options)

    @cached_property
    def storage(self) -> storage.Client:
        options = self._root("storageCustomEndpoint", "/storage/v1/")
        return storage.Client(self.project, self.credentials, client_options=options)

    def ask(self, method: str, setting: str, path: str, body: Any = None) -> dict[str, Any]:
        """A call of a service that has no client here, by the provider's setting of its endpoint."""
        url = self.config.get(f"gcp:{setting}", _SERVICES[setting]) + path
        with AuthorizedSession(self.credentials) as session:
            answer = session.request(method, url, json=body, timeout=60)
        answer.raise_for_status()
        return dict(answer.json() or {}) if answer.content else {}

    def close(self) -> None:
        self.bigquery.close()
        self.storage.close()

    def _root(self, setting: str, suffix: str) -> ClientOptions | None:
        endpoint = self.config.get(f"gcp:{setting}")
        return ClientOptions(api_endpoint=endpoint.removesuffix(suffix)) if endpoint else None


def no_credentials() -> str:
    """Why nobody can be called as; empty when there are Application Default Credentials."""
    try:
        google.auth.default(scopes=[SCOPE], quota_project_id="any")
    except GoogleAuthError:
        return "there are no Application Default Credentials: gcloud auth application-default login"
    return ""


def google_cloud(project: str, location: str) -> Place:
    """A project on Google Cloud, called with Application Default Credentials. Raises GoogleAuthError without them."""
    credentials, _ = google.auth.default(scopes=[SCOPE], quota_project_id=project)
    return Place(project, location, credentials)
