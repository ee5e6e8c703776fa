"""Google's client libraries, imported when they are first used.

Pulumi runs the program on every command, and only the dynamic providers use these libraries: importing them takes as
long as everything else that the program does. tests/unit/test_clients.py checks that the program does not import them.
"""

from __future__ import annotations

from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any


class _Lazy:
    """A module that is imported when one of its attributes is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


def load() -> None:
    """Start to import BigQuery's client in a thread of its own."""
    Thread(target=import_module, args=("google.cloud.bigquery",), daemon=True).start()


if TYPE_CHECKING:
    import google.auth as auth
    import requests
    from google.api_core import client_options, exceptions, retry
    from google.auth import exceptions as auth_exceptions
    from google.auth.transport import requests as auth_requests
    from google.cloud import bigquery
    from google.oauth2 import credentials
    from requests import adapters
    from urllib3.util import retry as http_retry
else:
    auth = _Lazy("google.auth")
    auth_exceptions = _Lazy("google.auth.exceptions")
    auth_requests = _Lazy("google.auth.transport.requests")
    bigquery = _Lazy("google.cloud.bigquery")
    client_options = _Lazy("google.api_core.client_options")
    credentials = _Lazy("google.oauth2.credentials")
    exceptions = _Lazy("google.api_core.exceptions")
    retry = _Lazy("google.api_core.retry")
    requests = _Lazy("requests")
    adapters = _Lazy("requests.adapters")
    http_retry = _Lazy("urllib3.util.retry")

__all__ = [
    "adapters",
    "auth",
    "auth_exceptions",
    "auth_requests",
    "bigquery",
    "client_options",
    "credentials",
    "exceptions",
    "http_retry",
    "load",
    "requests",
    "retry",
]
