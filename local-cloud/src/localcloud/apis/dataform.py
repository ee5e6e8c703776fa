"""Dataform v1 and v1beta1: repositories with commits, in which BigQuery Studio stores notebooks.

Sources: docs/bigquery-contract.md, "9. Notebooks as code", and the discovery documents of dataform. A repository has
one branch; a commit is a tree of files and the commit before it. Git remotes, workspaces, compilation and workflows are
refused by name.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localcloud.apis.iam import Iam
from localcloud.apis.projects import resolve
from localcloud.apis.service_usage import Handler, when_enabled
from localcloud.core.errors import ApiError, Unsupported, not_found
from localcloud.core.store import Document, Transaction
from localcloud.http.context import Context, json_of, member_of
from localcloud.http.rest import (
    check_labels,
    from_token,
    integer,
    page,
    partial_json,
    refuse_unknown,
    refuse_verb,
    to_token,
)

SERVICE = "dataform.googleapis.com"

_MUTABLE = ("displayName", "labels", "serviceAccount")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def routes(context: Context) -> list[Route]:
    """repositories.create, get, list, patch, delete, commit, readFile, queryDirectoryContents and fetchHistory."""
    api = _Repositories(context)
    table: list[tuple[str, str, Handler]] = [
        ("", "POST", api.create),
        ("", "GET", api.list),
        ("/{repository}:commit", "POST", api.commit),
        ("/{repository}:readFile", "GET", api.read_file),
        ("/{repository}:queryDirectoryContents", "GET", api.directory),
        ("/{repository}:fetchHistory", "GET", api.history),
        ("/{repository}", "GET", api.get),
        ("/{repository}", "PATCH", api.patch),
        ("/{repository}", "DELETE", api.delete),
    ]
    return [
        Route(
            f"/dataform/{version}/projects/{{project}}/locations/{{location}}/repositories{path}",
            when_enabled(context, SERVICE, handler),
            methods=[method],
        )
        for version in ("v1", "v1beta1")
        for path, method, handler in table
    ]


class _Repositories:
    """Documents: `repository` by name; `commit` by `name@sha` with its tree of path to blob; `blob` by `name@sha`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._iam = Iam(context)

    def create(self, request: Request) -> JSONResponse:
        parent = self._parent(request, "create")
        repository = request.query_params.get("repositoryId", "")
        if not _ID.fullmatch(repository):
            raise _bad_request(f"Invalid repository ID: {repository!r}")
        body = json_of(request)
        refuse_unknown(body, {"name", *_MUTABLE}, "repositories.create")
        check_labels(body.get("labels") or {})
        name = f"{parent}/repositories/{repository}"
        document = {
            "name": name,
            "createTime": _rfc3339(self._context.clock.now()),
            **{key: body[key] for key in _MUTABLE if body.get(key)},
        }
        with self._store.control, self._store.transaction() as change:
            if change.get("repository", name):
                raise ApiError(409, "alreadyExists", f"Resource '{name}' already exists")
            change.put("repository", name, document)
        return partial_json(request, _answer(document))

    def list(self, request: Request) -> JSONResponse:
        parent = self._parent(request, "list")
        for parameter in ("filter", "orderBy"):
            if request.query_params.get(parameter):
                raise Unsupported(f"parameter {parameter!r} of repositories.list")
        found = self._store.list("repository", f"{parent}/repositories/")
        chosen, token = page([(name, _answer(document)) for name, document in found], request, size="pageSize")
        return partial_json(request, {"repositories": chosen} | ({"nextPageToken": token} if token else {}))

    def get(self, request: Request) -> JSONResponse:
        return partial_json(request, _answer(self._found(request, "get")))

    def patch(self, request: Request) -> JSONResponse:
        name = self._found(request, "update")["name"]
        body = json_of(request)
        refuse_unknown(body, {"name", "createTime", *_MUTABLE}, "repositories.patch")
        check_labels(body.get("labels") or {})
        mask = [f for f in request.query_params.get("updateMask", "").split(",") if f] or list(_MUTABLE)
        for field in mask:
            if field not in _MUTABLE:
                raise Unsupported(f"repositories.patch of {field!r}")
        with self._store.control, self._store.transaction() as change:
            document = self._in(change, name) | {field: body.get(field) for field in mask}
            document = {key: value for key, value in document.items() if value}
            change.put("repository", name, document)
        return partial_json(request, _answer(document))

    def delete(self, request: Request) -> JSONResponse:
        """`force` deletes compilation results and workflow invocations too, of which there are none here."""
        name = self._found(request, "delete")["name"]
        with self._store.control, self._store.transaction() as change:
            change.delete("repository", name)
            for kind in ("commit", "blob"):
                for child, _ in change.list(kind, f"{name}@"):
                    change.delete(kind, child)
        return partial_json(request, {})

    def commit(self, request: Request) -> JSONResponse:
        name = self._found(request, "commit")["name"]
        body = json_of(request)
        refuse_unknown(body, {"commitMetadata", "fileOperations", "requiredHeadCommitSha"}, "repositories.commit")
        author = _author(body)
        with self._store.control, self._store.transaction() as change:
            repository = self._in(change, name)
            head = repository.get("head", "")
            required = body.get("requiredHeadCommitSha")
            if required not in (None, "", head):
                message = f"The required head commit {required} is not the head {head or '(no commit)'} of {name}."
                # Choice: the page says "this request will fail" and not how.
                raise ApiError(400, "failedPrecondition", message, status="FAILED_PRECONDITION")
            tree = dict(self._tree(name, head)) if head else {}
            for path, operation in (body.get("fileOperations") or {}).items():
                _apply(change, name, tree, path, operation)
            _check_tree(tree)
            commit = {
                "author": author,
                "message": str(body["commitMetadata"].get("commitMessage") or ""),
                "time": _rfc3339(self._context.clock.now()),
                "parent": head,
                "tree": tree,
            }
            sha = _sha(json.dumps(commit, sort_keys=True).encode())
            change.put("commit", f"{name}@{sha}", commit)
            change.put("repository", name, repository | {"head": sha})
        return partial_json(request, {"commitSha": sha})

    def read_file(self, request: Request) -> JSONResponse:
        name, tree = self._at(request, "readFile")
        path = request.query_params.get("path", "")
        if path not in tree:
            raise not_found(f"File '{path}' does not exist in {name}.")
        blob = self._store.get("blob", f"{name}@{tree[path]}")
        assert blob is not None
        return partial_json(request, {"contents": blob["contents"]})

    def directory(self, request: Request) -> JSONResponse:
        _, tree = self._at(request, "queryDirectoryContents")
        folder = request.query_params.get("path", "").strip("/")
        below = f"{folder}/" if folder else ""
        inside = [path[len(below) :].partition("/") for path in tree if path.startswith(below)]
        if folder and not inside:
            raise not_found(f"Directory '{folder}' does not exist.")
        kinds = {below + first: ("directory" if slash else "file") for first, slash, _ in inside}
        entries = [(path, {kinds[path]: path}) for path in sorted(kinds)]
        chosen, token = page(entries, request, size="pageSize")
        return partial_json(request, {"directoryEntries": chosen} | ({"nextPageToken": token} if token else {}))

    def history(self, request: Request) -> JSONResponse:
        repository = self._found(request, "fetchHistory")
        count = integer(request, "pageSize", 50) or 50
        sha = from_token(request.query_params.get("pageToken", "")) or repository.get("head", "")
        commits: list[Document] = []
        while sha and len(commits) < count:
            commit = self._commit(repository["name"], sha)
            log = {"commitTime": commit["time"], "commitSha": sha, "author": commit["author"]}
            commits.append(log | ({"commitMessage": commit["message"]} if commit["message"] else {}))
            sha = commit["parent"]
        return partial_json(request, {"commits": commits} | ({"nextPageToken": to_token(sha)} if sha else {}))

    def _at(self, request: Request, verb: str) -> tuple[str, dict[str, str]]:
        """The repository's name and its tree at `commitSha`, or at the head."""
        repository = self._found(request, verb)
        sha = request.query_params.get("commitSha") or repository.get("head", "")
        return repository["name"], self._tree(repository["name"], sha) if sha else {}

    def _tree(self, name: str, sha: str) -> dict[str, str]:
        tree: dict[str, str] = self._commit(name, sha)["tree"]
        return tree

    def _commit(self, name: str, sha: str) -> Document:
        found = self._store.get("commit", f"{name}@{sha}")
        if found is None:
            raise not_found(f"Commit '{sha}' does not exist in {name}.")
        return found

    def _in(self, change: Transaction, name: str) -> Document:
        found = change.get("repository", name)
        if found is None:
            raise not_found(f"Resource '{name}' was not found")
        return found

    def _found(self, request: Request, verb: str) -> Document:
        refuse_verb(request, "repository")
        name = f"{self._parent(request, verb)}/repositories/{request.path_params['repository']}"
        found = self._store.get("repository", name)
        if found is None:
            raise not_found(f"Resource '{name}' was not found")
        return found

    def _parent(self, request: Request, verb: str) -> str:
        project = resolve(self._context, request.path_params["project"])
        self._iam.require(member_of(request), f"dataform.repositories.{verb}", f"projects/{project}")
        location = request.path_params["location"]
        if not _REGION.fullmatch(location):
            raise _bad_request(f"Location {location!r} is not a region that Dataform serves.")
        return f"projects/{project}/locations/{location}"


def _answer(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "head"}


def _author(body: Document) -> dict[str, str]:
    metadata = body.get("commitMetadata")
    author = metadata.get("author") if isinstance(metadata, dict) else None
    if not isinstance(author, dict) or not author.get("name") or not author.get("emailAddress"):
        raise _bad_request("commitMetadata.author needs a name and an emailAddress.")
    return {"name": str(author["name"]), "emailAddress": str(author["emailAddress"])}


def _apply(change: Transaction, name: str, tree: dict[str, str], path: str, operation: Document) -> None:
    """One file operation on the tree; contents become a blob."""
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
        raise _bad_request(f"Invalid file path: {path!r}")
    if "writeFile" in operation and "deleteFile" in operation:
        raise _bad_request(f"The operation on {path!r} is both writeFile and deleteFile.")
    if "writeFile" in operation:
        contents = operation["writeFile"].get("contents", "")
        try:
            data = base64.b64decode(contents, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise _bad_request(f"The contents of {path!r} are not base64.") from None
        tree[path] = _sha(data)
        change.put("blob", f"{name}@{tree[path]}", {"contents": contents})
    elif "deleteFile" in operation:
        if tree.pop(path, None) is None:
            raise not_found(f"File '{path}' does not exist in {name}.")
    else:
        raise _bad_request(f"The operation on {path!r} must be writeFile or deleteFile.")


def _check_tree(tree: dict[str, str]) -> None:
    """Raises ApiError 400 when a file lies where another needs a directory."""
    for path in tree:
        for at in (n for n, letter in enumerate(path) if letter == "/"):
            if path[:at] in tree:
                raise _bad_request(f"Invalid file path: {path!r} lies below the file {path[:at]!r}.")


def _sha(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _bad_request(message: str) -> ApiError:
    return ApiError(400, "badRequest", message)
