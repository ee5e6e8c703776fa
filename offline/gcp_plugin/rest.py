"""Requests to the local cloud as Google's provider sends them, and errors in its words.

    ProviderError                   what the engine shows, one line where the service's message is one
    ├── RequestFailed               the service answered with an error: `code`, `message`
    ├── ConnectionLost              the service took the request and gave no answer
    └── Unreachable                 no program listens at the endpoint

429, 500, 502, 503 and dropped connections are asked again after 0.5, 1, 1.5 … seconds, up to ATTEMPTS times.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from offline.gcp_plugin import VERSION
from offline.gcp_plugin.configuration import Configuration

ATTEMPTS = 8  # Choice: Google's provider goes on for the resource's timeout, 20 minutes.
RETRY_STEP = 0.5
"""Seconds by which each wait is longer than the one before."""
_TIMEOUT = 120  # Choice: seconds for one answer.
_RETRIED = {429, 500, 502, 503}
_AGENT = f"Pulumi/3.0 (https://www.pulumi.com) pulumi-gcp/{VERSION}"

Document = dict[str, Any]


class ProviderError(Exception):
    """An operation that failed; the message is what the user reads."""


class RequestFailed(ProviderError):
    """An answer that is an error, worded as Google's Go client words it."""

    def __init__(self, code: int, body: bytes) -> None:
        error = _error_of(body)
        self.code = code
        self.message = str(error.get("message", ""))
        super().__init__(_wording(code, error, body))


class ConnectionLost(ProviderError):
    """The request went out and no whole answer came back."""


class Unreachable(ProviderError):
    """The local cloud is not running."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"the local cloud is not running at {address}: start it with `make up` or `python -m localcloud serve`"
        )


class Cloud:
    """The services at the endpoints of a configuration. Thread-safe."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Let every wait end with an error, now and from now on."""
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Let time pass before the next attempt. Raises ProviderError when the update is cancelled."""
        if self._cancelled.wait(seconds):
            raise ProviderError("cancelled")

    def base(self, endpoint: str) -> str:
        """The URL that the setting `endpoint` holds, with a slash at its end."""
        try:
            return self.configuration.endpoints[endpoint]
        except KeyError:
            raise ProviderError(f"gcp:{endpoint} is not set, so the stand-in gcp plugin cannot go on") from None

    def send(self, method: str, url: str, body: Document | None = None, query: Mapping[str, str] = {}) -> Document:
        """The answer as JSON; {} when there is none. Raises RequestFailed, ConnectionLost, Unreachable."""
        attempt = 1
        while True:
            try:
                return self._send_once(method, url, body, query)
            except (RequestFailed, ConnectionLost) as error:
                passing = not isinstance(error, RequestFailed) or error.code in _RETRIED
                if attempt == ATTEMPTS or not passing:
                    raise
            self.wait(RETRY_STEP * attempt)
            attempt += 1

    def _send_once(self, method: str, url: str, body: Document | None, query: Mapping[str, str]) -> Document:
        # Imported with the first request: an update that changes nothing makes none, and starts sooner without it.
        import http.client

        parts = urlsplit(url)
        target = f"{parts.path}?{urlencode({'alt': 'json', **query})}"
        headers = {"User-Agent": _AGENT, "Content-Type": "application/json"}
        if self.configuration.access_token:
            headers["Authorization"] = f"Bearer {self.configuration.access_token}"
        connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)
        try:
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except ConnectionRefusedError:
            raise Unreachable(f"{parts.scheme}://{parts.netloc}") from None
        except (http.client.HTTPException, OSError) as error:
            raise ConnectionLost(f"{method} {url}: no answer came: {error}") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise RequestFailed(answer.status, content)
        return dict(json.loads(content)) if content.strip() else {}


def _error_of(body: bytes) -> Document:
    try:
        error = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _wording(code: int, error: Document, body: bytes) -> str:
    if not error:
        return f"googleapi: got HTTP response code {code} with body: {body.decode(errors='replace')}"
    text = f"googleapi: Error {code}: {error.get('message', '')}"
    if error.get("details"):
        text += f"\nDetails:\n{json.dumps(error['details'], indent=2)}"
    items = error.get("errors") or []
    if len(items) == 1 and items[0].get("message") == error.get("message"):
        return f"{text}, {items[0].get('reason', '')}"
    if items:
        lines = [f"Reason: {item.get('reason', '')}, Message: {item.get('message', '')}" for item in items]
        text += "\nMore details:\n" + "\n".join(lines)
    return text.strip()
