"""Google Cloud's services other than BigQuery over REST: where each is, in whose name it is asked, what it answers.

An endpoint is the gcp provider's setting of the service if the stack sets one, else Google's own.
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

LOG_IN = "Run: gcloud auth application-default login"
TIMEOUT = 60.0
"""Seconds that one request may take."""
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class Service:
    """A service of Google Cloud: its name, its endpoint, and the key of the `gcp` config that names another."""

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
class Answer:
    """What a service answered: the code, the body, and of a refusal its reason and message."""

    code: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def message(self) -> str:
        """What the service says of a refusal, in one line."""
        return " ".join(str(self._error.get("message", f"HTTP {self.code}")).split())

    @property
    def disabled(self) -> bool:
        """Whether it is refused because the service is not enabled in the project."""
        details = self._error.get("details") or []
        return any(isinstance(item, dict) and item.get("reason") == "SERVICE_DISABLED" for item in details)

    @property
    def _error(self) -> dict[str, Any]:
        error = self.body.get("error")
        return error if isinstance(error, dict) else {}


@dataclass(frozen=True)
class Client:
    """Asks services as the caller. Safe to share between threads.

    `endpoints` are the stack's settings by their key in the `gcp` config; what is missing or empty is Google's own.
    """

    access_token: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Callable[[str], Any]) -> Client:
        """As the stack's provider reaches them: `config` gives the value of a key such as gcp:accessToken, or None."""
        endpoints = {service.setting: str(config(f"gcp:{service.setting}") or "") for service in ALL}
        return cls(str(config("gcp:accessToken") or ""), endpoints)

    def ask(
        self,
        service: Service,
        path: str,
        *,
        method: str = "GET",
        known: bool = True,
        again: bool = True,
        **request: Any,
    ) -> Answer:
        """The answer, whatever it is. Raises ServiceUnreachable.

        `known` says who asks: the caller, or anyone. `again`: ask again what failed in passing, for it may be asked
        twice without harm.
        """
        url = self._root(service) + path
        try:
            session = (self._session if again else self._session_once) if known else self._anyone
            answer = _answer(session.request(method, url, timeout=TIMEOUT, **request))
        except auth_exceptions.DefaultCredentialsError:
            raise ServiceUnreachable("There are no credentials of Google Cloud.", LOG_IN) from None
        except auth_exceptions.GoogleAuthError as error:
            given = "gcp:accessToken" if self.access_token else "the credentials"
            why = " ".join(str(error).split())
            raise ServiceUnreachable(f"Google Cloud does not accept {given}: {why}", LOG_IN) from None
        except requests.RequestException as error:
            raise self._unreachable(service, error) from None
        if answer.code >= 500:
            raise ServiceUnreachable(f"{service.name} keeps failing: {answer.message}", "Run again later.")
        return answer

    @property
    def caller(self) -> str:
        """The caller as IAM names one, as in user:me@example.com; empty when the credentials do not tell."""
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
        for name in ("_session", "_session_once", "_anyone"):
            if name in vars(self):
                vars(self)[name].close()

    def _root(self, service: Service) -> str:
        """The service's address, with a slash at its end."""
        return (self.endpoints.get(service.setting) or service.endpoint).removesuffix("/") + "/"

    @cached_property
    def credentials(self) -> Any:
        """In whose name is asked. Raises GoogleAuthError."""
        return credentials.Credentials(self.access_token) if self.access_token else auth.default(scopes=[_SCOPE])[0]

    @cached_property
    def _session(self) -> requests.Session:
        return _patient(auth_requests.AuthorizedSession(self.credentials))

    @cached_property
    def _session_once(self) -> requests.Session:
        session: requests.Session = auth_requests.AuthorizedSession(self.credentials)
        return session

    @cached_property
    def _anyone(self) -> requests.Session:
        return _patient(requests.Session())

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


def _patient(session: requests.Session) -> requests.Session:
    """The session, asking again what failed in passing.

    A port that is closed is given up soon, a service that is troubled later.
    """
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


def _answer(response: requests.Response) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = {}
    return Answer(response.status_code, body if isinstance(body, dict) else {})
