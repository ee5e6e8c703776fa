"""A recorder of requests that gives the smallest answers with which Google's provider stays content.

What those are was observed with that provider on 2026-11-22: every field that could be left out is left out.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Document = dict[str, Any]
P = "projects/test-project"
DROPPED = 0
"""A fault instead of a status: the connection is closed without an answer."""


@dataclass
class Request:
    """What was asked: `line` is method, path below the port and query without alt and prettyPrint."""

    line: str
    body: Document | None
    headers: dict[str, str]
    query: dict[str, str]


@dataclass
class SmallestCloud:
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    resources: dict[str, Document] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=set)
    policies: dict[str, Document] = field(default_factory=dict)
    faults: list[tuple[str, int, Document | str]] = field(default_factory=list)

    def fail(self, line: str, code: int, message: str, reason: str, *, times: int = 1) -> None:
        """Answer the next `times` requests whose line matches with an error."""
        item = {"reason": reason, "message": message}
        error = {"code": code, "message": message, "status": "X", "errors": [item]}
        self.faults += [(line, code, {"error": error})] * times

    def lines(self) -> list[str]:
        """The requests since the last call."""
        lines = [request.line for request in self.requests]
        self.requests.clear()
        return lines

    def settings(self) -> dict[str, str]:
        """The provider configuration that leads here."""
        return {
            "project": "test-project",
            "accessToken": "test-token",
            "bigQueryCustomEndpoint": f"{self.url}/bigquery/v2/",
            "bigqueryConnectionCustomEndpoint": f"{self.url}/bqconn/v1/",
            "dataformCustomEndpoint": f"{self.url}/dataform/v1beta1/",
            "resourceManagerCustomEndpoint": f"{self.url}/rm/v1/",
            "serviceUsageCustomEndpoint": f"{self.url}/su/v1beta1/",
            "storageCustomEndpoint": f"{self.url}/storage/v1/",
        }

    def answer(self, method: str, path: str, query: dict[str, str], body: Document | None) -> tuple[int, Any]:
        for fault in self.faults:
            if re.search(fault[0], f"{method} {path}"):
                self.faults.remove(fault)
                return fault[1], fault[2]
        if path.startswith(("/su/", "/rm/")) and ":" not in path.rpartition("/")[2].replace(":enable", ""):
            return self._service_usage(method, path)
        if path.endswith((":getIamPolicy", ":setIamPolicy", "/iam")):
            return self._policy(method, path, body)
        return self._resource(method, path, query, body or {})

    def _service_usage(self, method: str, path: str) -> tuple[int, Any]:
        if path.endswith(":enable"):
            self.enabled.add(path.rpartition("/")[2].removesuffix(":enable"))
            return 200, {"name": "operations/op.1"}
        if "/operations/" in path:
            return 200, {"name": "operations/op.1", "done": True, "response": {}}
        if path.endswith("/services"):
            return 200, {"services": [{"name": f"projects/1/services/{name}"} for name in sorted(self.enabled)]}
        return 200, {}

    def _policy(self, method: str, path: str, body: Document | None) -> tuple[int, Any]:
        key = path.rpartition(":")[0] if ":" in path else path
        if path.endswith(":setIamPolicy") or method == "PUT":
            assert body is not None
            self.policies[key] = body.get("policy", body)
        return 200, self.policies.get(key, {})

    def _resource(self, method: str, path: str, query: dict[str, str], body: Document) -> tuple[int, Any]:
        if path.endswith(":disable"):
            self.enabled.discard(path.rpartition("/")[2].removesuffix(":disable"))
            return 200, {}
        if method == "POST":
            reference = body.get("tableReference") or body.get("datasetReference") or {}
            name = reference.get("tableId") or reference.get("datasetId") or query.get("connectionId") or body["name"]
            self.resources[f"{path}/{name}"] = self._persisted(f"{path}/{name}", body)
            return 200, {k: v for k, v in self.resources[f"{path}/{name}"].items() if k in ("name", "tableReference")}
        if path not in self.resources:
            return 404, {"error": {"code": 404, "message": f"Not found: {path}", "errors": []}}
        if method == "DELETE":
            del self.resources[path]
            return 204, None
        if method in ("PUT", "PATCH"):
            self.resources[path] |= self._persisted(path, body)
        return 200, self.resources[path]

    def _persisted(self, path: str, body: Document) -> Document:
        name = path.split("/", 3)[3]
        if "/connections/" in path:
            account = {"serviceAccountId": "bqcx-1-abcd@gcp-sa-bigquery-condel.iam.gserviceaccount.com"}
            kept = {key: body[key] for key in ("friendlyName", "description") if key in body}
            return {"name": name, "cloudResource": account, **kept}
        if "/repositories/" in path:
            return {"name": name, **{key: body[key] for key in ("displayName",) if key in body}}
        kept = ("tableReference", "externalDataConfiguration", "location", "description", "labels")
        return {key: body[key] for key in kept if key in body and key != "labels"}


@contextmanager
def running() -> Iterator[SmallestCloud]:
    """One on a free port of 127.0.0.1."""
    cloud = SmallestCloud()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, cloud))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield cloud
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of the recorder."""

    def __init__(self, cloud: SmallestCloud, *arguments: Any) -> None:
        self.cloud = cloud
        super().__init__(*arguments)

    def answer(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        query = {name: value for name, value in asked.items() if name not in ("alt", "prettyPrint")}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        shown = "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
        line = f"{self.command} {parts.path}{shown}"
        self.cloud.requests.append(Request(line, body, dict(self.headers), asked))
        code, answer = self.cloud.answer(self.command, parts.path, query, body)
        if code == DROPPED:
            return
        content = b"" if answer is None else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing: what was asked is in `requests`."""
