"""A REST client for Google Cloud's services: their endpoints, credentials, retries and responses.

The endpoint of a service is the gcp provider's setting if the stack sets one, else Google's own. Queries go through
bigquery.py instead.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from imagesearch.errors import ServiceUnreachable
from imagesearch.gcp.clients import adapters, auth, auth_exceptions, auth_requests, credentials, http_retry, requests

Config = Callable[[str], object]
"""Gives the value of a key of the stack config, as in gcp:accessToken; None if it is not set."""
LOG_IN = "Run: gcloud auth application-default login"
TIMEOUT = 60.0
"""Seconds that one request may take."""
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class Service:
    """A service: its name, its endpoint, and the key of the `gcp` config that overrides the endpoint."""

    name: str
    endpoint: str
    setting: str


BIGQUERY = Service("bigquery.googleapis.com", "https://bigquery.googleapis.com/bigquery/v2/", "bigQueryCustomEndpoint")
CONNECTIONS = Service(
    "bigqueryconnection.googleapis.com",
    "https://bigqueryconnection.googleapis.com/v1/",
    "bigqueryConnectionCustomEndpoint",
)
PROJECTS = Service(
    "cloudresourcemanager.googleapis.com",
    "https://cloudresourcemanager.googleapis.com/v1/",
    "resourceManagerCustomEndpoint",
)
SERVICES = Service(
    "serviceusage.googleapis.com", "https://serviceusage.googleapis.com/v1/", "serviceUsageCustomEndpoint"
)
STORAGE = Service("storage.googleapis.com", "https://storage.googleapis.com/storage/v1/", "storageCustomEndpoint")
DATAFORM = Service("dataform.googleapis.com", "https://dataform.googleapis.com/v1/", "dataformCustomEndpoint")
ALL = (BIGQUERY, CONNECTIONS, PROJECTS, SERVICES, STORAGE, DATAFORM)


@dataclass(frozen=True)
class Response:
    """A service's response: the HTTP status code, and the JSON body (empty if the body is not a JSON object)."""

    code: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def message(self) -> str:
        """The message of an error response, in one line."""
        return " ".join(str(self._error.get("message", f"HTTP {self.code}")).split())

    @property
    def disabled(self) -> bool:
        """Whether the request was refused because the service is not enabled in the project."""
        details = self._error.get("details") or []
        return any(isinstance(item, dict) and item.get("reason") == "SERVICE_DISABLED" for item in details)

    @property
    def _error(self) -> dict[str, Any]:
        error = self.body.get("error")
        return error if isinstance(error, dict) else {}


@dataclass(frozen=True)
class Client:
    """Sends requests with the caller's credentials. Safe to share between threads.

    `endpoints` maps keys of the `gcp` config to endpoints; for a missing or empty one, Google's own is used.
    """

    access_token: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Client:
        """A client with the endpoints and the access token that the stack's gcp provider uses."""
        endpoints = {service.setting: str(config(f"gcp:{service.setting}") or "") for service in ALL}
        return cls(str(config("gcp:accessToken") or ""), endpoints)

    def request(
        self,
        service: Service,
        path: str,
        *,
        method: str = "GET",
        authenticated: bool = True,
        idempotent: bool = True,
        params: Mapping[str, str | list[str]] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Response:
        """Send a request and return the response, also one with an error code below 500. Raises ServiceUnreachable.

        `authenticated`: send the caller's credentials; otherwise none. `idempotent`: the request may be sent twice
        without harm, so transient failures are retried; only authenticated requests can be sent without retries.
        """
        url = self._root(service) + path
        try:
            session = self._session_for(authenticated, idempotent)
            response = _parse(session.request(method, url, timeout=TIMEOUT, params=params, json=json))
        except auth_exceptions.DefaultCredentialsError:
            raise ServiceUnreachable("There are no credentials of Google Cloud.", LOG_IN) from None
        except auth_exceptions.GoogleAuthError as error:
            given = "gcp:accessToken" if self.access_token else "the credentials"
            why = " ".join(str(error).split())
            raise ServiceUnreachable(f"Google Cloud does not accept {given}: {why}", LOG_IN) from None
        except requests.RequestException as error:
            raise self._unreachable(service, error) from None
        if response.code >= 500:
            raise ServiceUnreachable(f"{service.name} keeps failing: {response.message}", "Run again later.")
        return response

    @property
    def caller(self) -> str:
        """The caller as an IAM member, as in user:me@example.com; empty if the credentials do not contain it."""
        try:
            account = str(getattr(self.credentials, "service_account_email", ""))
            if "@" in account:
                return f"serviceAccount:{account}"
            claims = str(getattr(self.credentials, "id_token", None) or "").split(".")
            email = json.loads(base64.urlsafe_b64decode(claims[1] + "==")).get("email") if len(claims) == 3 else ""
        except (auth_exceptions.GoogleAuthError, ValueError):
            return ""
        return f"user:{email}" if email else ""

    def close(self) -> None:
        """Close the connections."""
        for name in ("_session", "_session_without_retries", "_anonymous_session"):
            if name in vars(self):
                vars(self)[name].close()

    def _root(self, service: Service) -> str:
        """The service's address, with a slash at its end."""
        return (self.endpoints.get(service.setting) or service.endpoint).removesuffix("/") + "/"

    @cached_property
    def credentials(self) -> auth.credentials.Credentials:
        """The caller's credentials. Raises GoogleAuthError."""
        return credentials.Credentials(self.access_token) if self.access_token else auth.default(scopes=[_SCOPE])[0]

    def _session_for(self, authenticated: bool, idempotent: bool) -> requests.Session:
        if not authenticated:
            return self._anonymous_session
        return self._session if idempotent else self._session_without_retries

    @cached_property
    def _session(self) -> requests.Session:
        return _with_retries(auth_requests.AuthorizedSession(self.credentials))

    @cached_property
    def _session_without_retries(self) -> requests.Session:
        return auth_requests.AuthorizedSession(self.credentials)

    @cached_property
    def _anonymous_session(self) -> requests.Session:
        return _with_retries(requests.Session())

    def _unreachable(self, service: Service, error: Exception) -> ServiceUnreachable:
        found = re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(error))
        why = found[1] if found else type(error).__name__
        if self.endpoints.get(service.setting):
            return ServiceUnreachable(
                f"Nothing answers at {'/'.join(self._root(service).split('/')[:3])} ({why}): what the stack's "
                "gcp:…CustomEndpoint settings name is not running.",
                "Start it (the local cloud: make up), or correct these settings.",
            )
        return ServiceUnreachable(f"{service.name} does not answer ({why}).", "Check the network; then run again.")


def _with_retries(session: requests.Session) -> requests.Session:
    """The session, with retries of transient failures: two of a refused connection, six of an error response."""
    retry = http_retry.Retry(
        total=6,
        connect=2,
        backoff_factor=0.2,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapters.HTTPAdapter(max_retries=retry))
    return session


def _parse(response: requests.Response) -> Response:
    try:
        body = response.json()
    except ValueError:
        body = {}
    return Response(response.status_code, body if isinstance(body, dict) else {})
