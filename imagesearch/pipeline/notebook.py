"""The notebook in BigQuery Studio: a Dataform repository that holds one file.

The requests: docs/bigquery-contract.md#9-notebooks-as-code.

The file is notebooks/met-image-analysis.ipynb with the stack's names in the cell that is tagged `parameters`. People
edit and run their notebooks, so only what is written in the cells is compared: not outputs, counters or metadata. What
is committed goes on top of what is there, so an edit is never lost: it stays in the notebook's version history.

https://cloud.google.com/dataform/reference/rest
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from imagesearch.errors import NotOurs, NotThere, PermissionMissing, ServiceUnreachable, StatementFailed
from imagesearch.gcp import rest
from imagesearch.gcp.rest import Response
from imagesearch.pipeline.ownership import is_ours

LABELS = {"single-file-asset-type": "notebook"}
"""What makes a repository a notebook to BigQuery Studio."""
FILE = "content.ipynb"
_TEMPLATE = Path(__file__).resolve().parents[2] / "notebooks" / "met-image-analysis.ipynb"
_AUTHOR = {"name": "image-search", "emailAddress": "image-search@pulumi.invalid"}
COMMIT_ATTEMPTS = 5
"""How often a commit whose answer was lost is looked for, and made if it is not there."""


@dataclass(frozen=True)
class Names:
    """What the notebook has to know of its stack. Tables and the model are dotted paths."""

    project: str
    location: str
    object_table: str
    model: str
    embeddings: str
    failures: str
    results: str
    """Empty when the stack has no searches."""
    content_types: list[str]
    dimension: int
    distance: str
    api_endpoint: str
    """BigQuery's, as its client takes it; empty for Google's."""


def content(names: Names) -> str:
    """The notebook of a stack."""
    notebook: dict[str, Any] = json.loads(_TEMPLATE.read_text(encoding="utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", ())]
    comments = [line for line in cell["source"] if line.startswith("#")]
    values = [f"{name.upper()} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in asdict(names).items()]
    values[-1] = values[-1].rstrip("\n")
    cell["source"] = comments + values
    return _text(notebook)


def source(text: str) -> str:
    """What is written in the cells of a notebook: the same text for two notebooks that differ in nothing else."""
    try:
        cells = [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in json.loads(text)["cells"]]
    except (ValueError, KeyError, TypeError):  # somebody committed what is no notebook
        return text
    return json.dumps(cells, ensure_ascii=False)


def digest(text: str) -> str:
    """A short name for what is written in the cells of a notebook."""
    return hashlib.sha256(source(text).encode()).hexdigest()[:16]


def console_url(project: str, region: str, repository: str) -> str:
    """Where the Google Cloud console opens the notebook."""
    asset = f"!1m7!1m6!12m5!1m3!1s{project}!2s{region}!3s{repository}!2e1"
    return f"https://console.cloud.google.com/bigquery?project={quote(project)}&ws={asset}"


def _text(notebook: dict[str, Any]) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Version:
    """A commit: the newest one, wherever it is asked for."""

    commit: str
    author: str
    time: str
    """RFC 3339, in UTC."""

    def __str__(self) -> str:
        return f"edited by {self.author} on {self.time[:16].replace('T', ' at ')} UTC (commit {self.commit[:8]})"


@dataclass(frozen=True)
class Repository:
    """A repository over REST. Every method raises NotThere when there is none, PermissionMissing, StatementFailed, and
    ServiceUnreachable when Dataform does not answer."""

    name: str
    """projects/…/locations/…/repositories/…"""
    client: rest.Client

    def read(self) -> str | None:
        """The notebook as it is; None when none has been committed."""
        answer = self._get(":readFile", path=FILE, accept=(400, 404))
        if not answer.ok:  # no such file, no commit at all, or no repository
            self._get()
            return None
        return base64.b64decode(answer.body.get("contents", "")).decode("utf-8", errors="replace")

    def newest(self) -> Version | None:
        """The newest commit."""
        commits = self._get(":fetchHistory", pageSize=1).body.get("commits") or []
        if not commits:
            return None
        author = commits[0].get("author", {})
        said = author.get("emailAddress") or author.get("name") or "somebody"
        return Version(commits[0]["commitSha"], said, commits[0].get("commitTime", ""))

    def commit(self, text: str, message: str) -> bool:
        """Make `text` the notebook, unless it says the same already. Whether it was committed.

        After a lost answer it looks again instead of committing twice, and it commits only onto what it has seen.
        """
        tries = Retrying(
            retry=retry_if_exception_type(ServiceUnreachable), stop=stop_after_attempt(COMMIT_ATTEMPTS), reraise=True
        )
        return tries(self._commit, text, message)

    def _commit(self, text: str, message: str) -> bool:
        saved = self.read()
        if saved is not None and source(saved) == source(text):
            return False
        newest = self.newest() if saved is not None else None
        body: dict[str, Any] = {
            "commitMetadata": {"author": _AUTHOR, "commitMessage": message},
            "fileOperations": {FILE: {"writeFile": {"contents": base64.b64encode(text.encode()).decode()}}},
        }
        if newest:
            body["requiredHeadCommitSha"] = newest.commit
        self._send("POST", ":commit", idempotent=False, json=body)
        return True

    def remove_orphan(self, labels: Mapping[str, str], text: str) -> bool:
        """Delete the repository if it is this stack's and nobody has edited it. Raises NotOurs if not."""
        found = self._get().body
        if not is_ours(found.get("labels"), labels):
            raise NotOurs(
                f"The Dataform repository {self.name} exists and was not made by this stack; it is left as it is.",
                "Choose another notebook.name, or set notebook.enabled to false.",
            )
        saved = self.read()
        if saved is not None and source(saved) != source(text):
            raise NotOurs(
                f"The notebook {self.name} is this stack's, the state does not know it, and it was edited; it is left "
                "as it is.",
                f"Keep it: pulumi import gcp:dataform/repository:Repository notebook {self.name}. Or delete it.",
            )
        self._send("DELETE", params={"force": "true"})
        return True

    def _get(self, verb: str = "", *, accept: tuple[int, ...] = (), **params: Any) -> Response:
        return self._send("GET", verb, accept=accept, params=params)

    def _send(self, method: str, verb: str = "", *, accept: tuple[int, ...] = (), **request: Any) -> Response:
        answer = self.client.request(rest.DATAFORM, f"{self.name}{verb}", method=method, **request)
        if not answer.ok and answer.code not in accept:
            raise _refusal(answer, self.name)
        return answer


def _refusal(answer: Response, repository: str) -> StatementFailed | PermissionMissing:
    if answer.code == 404:
        return NotThere(
            f"The notebook's repository {repository} is gone: {answer.message}",
            "`pulumi refresh` notes what is gone, and `pulumi up` makes it again.",
            reason="notFound",
        )
    if answer.code in (401, 403):
        return PermissionMissing(
            f"Dataform refuses the notebook {repository}: {answer.message}",
            "Grant roles/bigquery.studioAdmin to whoever runs `pulumi up`, or set notebook.enabled to false.",
        )
    return StatementFailed(
        f"Dataform refused: {answer.message}", "Run `pulumi up` again: it goes on from what is there."
    )
