"""datasets.* over HTTP (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets).

Documents: kind `dataset`, name `project.dataset`, body the REST resource. A dataset's tables live in a DuckDB schema
of the same name, made and dropped with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.apis.bigquery.access import Access
from localcloud.apis.bigquery.resources import merged, revised
from localcloud.core.errors import Unsupported, duplicate, in_use, invalid, not_found
from localcloud.core.store import Document, Transaction
from localcloud.engine.catalog import create_dataset_data, drop_dataset_data
from localcloud.http.context import Context, json_of
from localcloud.http.rest import (
    canonical_location,
    check_labels,
    check_match,
    check_reference,
    etag,
    flag,
    page,
    partial_json,
    refuse_unknown,
)

_PATH = "/bigquery/v2/projects/{project}/datasets"
_WRITABLE = (
    *("description", "friendlyName", "labels", "access", "location"),
    # Stored and answered, without an effect.
    *("maxTimeTravelHours", "storageBillingModel"),
)
_TIME_TRAVEL = range(48, 169, 24)
_ROLE = re.compile(r"OWNER|WRITER|READER|(roles|projects|organizations)/.+")
#: What an update with this `updateMode` targets; the rest of the body is ignored.
_UPDATED = {
    "UPDATE_METADATA": tuple(name for name in _WRITABLE if name != "access"),
    "UPDATE_ACL": ("access",),
}
#: Answered by the service; clients send them back in an update.
_READ_ONLY = ("kind", "etag", "id", "selfLink", "creationTime", "lastModifiedTime", "type", "datasetReference")


def routes(context: Context, access: Access) -> list[Route]:
    """insert, list, get, patch, update, delete."""
    handlers = _Handlers(context, access)
    one = f"{_PATH}/{{dataset}}"
    return [
        Route(_PATH, handlers.insert, methods=["POST"]),
        Route(_PATH, handlers.list, methods=["GET"]),
        Route(one, handlers.get, methods=["GET"]),
        Route(one, handlers.patch, methods=["PATCH"]),
        Route(one, handlers.update, methods=["PUT"]),
        Route(one, handlers.delete, methods=["DELETE"]),
    ]


class _Handlers:
    def __init__(self, context: Context, access: Access) -> None:
        self._context = context
        self._store = context.store
        self._access = access

    def insert(self, request: Request) -> Response:
        self._access.to_project(request, "bigquery.datasets.create")
        body, project = json_of(request), request.path_params["project"]
        dataset = (body.get("datasetReference") or {}).get("datasetId") or ""
        _check(body, dataset, request)
        resource = self._new(project, dataset, body)
        name = f"{project}.{dataset}"
        with self._store.control, self._store.transaction() as change:
            if change.get("dataset", name):
                raise duplicate(f"Already Exists: Dataset {project}:{dataset}")
            _refuse_other_case(change, name)
            change.put("dataset", name, resource)
            create_dataset_data(change, project, dataset)
        return partial_json(request, _answer(resource))

    def list(self, request: Request) -> Response:
        self._access.to_project(request, "bigquery.datasets.get")
        project = request.path_params["project"]
        labels = _label_filter(request.query_params.get("filter", ""))
        found = self._store.list("dataset", f"{project}.")
        chosen, token = page([(name, each) for name, each in found if _labelled(each, labels)], request)
        names = ("kind", "id", "datasetReference", "labels", "friendlyName", "location", "type")
        items = [{name: d[name] for name in names if name in d} for d in chosen]
        answer = {"kind": "bigquery#datasetList", "etag": etag({"datasets": items}), "datasets": items}
        return partial_json(request, answer | ({"nextPageToken": token} if token else {}))

    def get(self, request: Request) -> Response:
        self._access.to_dataset(request, "bigquery.datasets.get")
        return partial_json(request, _viewed(_answer(self._found(request)), request))

    def patch(self, request: Request) -> Response:
        return self._change(request, partial=True)

    def update(self, request: Request) -> Response:
        return self._change(request, partial=False)

    def delete(self, request: Request) -> Response:
        self._access.to_dataset(request, "bigquery.datasets.delete")
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        name = f"{project}.{dataset}"
        with self._store.control, self._store.transaction() as change:
            self._found(request)
            inside = [kind for kind in ("table", "model") if change.list(kind, f"{name}.")]
            # Choice: deleteContents takes the models along; the service documents it for tables.
            if inside and not flag(request, "deleteContents"):
                raise in_use(f"Dataset {project}:{dataset} is still in use")
            drop_dataset_data(change, project, dataset)
            change.delete("dataset", name)
        return Response(status_code=204)

    def _change(self, request: Request, *, partial: bool) -> Response:
        self._access.to_dataset(request, "bigquery.datasets.update")
        body = json_of(request)
        _check(body, request.path_params["dataset"], request)
        with self._store.control, self._store.transaction() as change:
            found = self._found(request)
            check_match(request, etag(found))
            if canonical_location(body.get("location") or found["location"]) != found["location"]:
                raise invalid("Cannot change the location of a dataset")
            writable = _UPDATED.get(request.query_params.get("updateMode", ""), _WRITABLE)
            changed = revised(found, body, writable, partial=partial, keep=("access", "location"))
            changed["lastModifiedTime"] = str(self._context.clock.millis())
            change.put("dataset", f"{request.path_params['project']}.{request.path_params['dataset']}", changed)
        return partial_json(request, _answer(changed))

    def _found(self, request: Request) -> Document:
        project, dataset = request.path_params["project"], request.path_params["dataset"]
        found = self._store.get("dataset", f"{project}.{dataset}")
        if found is None:
            raise not_found(f"Not found: Dataset {project}:{dataset}")
        return found

    def _new(self, project: str, dataset: str, body: Document) -> Document:
        now = str(self._context.clock.millis())
        given = merged({}, {name: body[name] for name in _WRITABLE if name in body})
        return {
            "kind": "bigquery#dataset",
            "id": f"{project}:{dataset}",
            "selfLink": f"{self._context.url}/bigquery/v2/projects/{project}/datasets/{dataset}",
            "datasetReference": {"projectId": project, "datasetId": dataset},
            "type": "DEFAULT",
            "creationTime": now,
            "lastModifiedTime": now,
            "access": self._default_access(),
            **given,
            "location": canonical_location(given.get("location") or "US"),
        }

    def _default_access(self) -> Sequence[Document]:
        return [
            {"role": "WRITER", "specialGroup": "projectWriters"},
            {"role": "OWNER", "specialGroup": "projectOwners"},
            {"role": "OWNER", "userByEmail": self._context.owner.partition(":")[2]},
            {"role": "READER", "specialGroup": "projectReaders"},
        ]


def _check(body: Document, dataset: str, request: Request) -> None:
    if not re.fullmatch(r"\w{1,1024}", dataset, re.ASCII):
        raise invalid(
            f'Invalid dataset ID "{dataset}". Dataset IDs must be alphanumeric (plus underscores) and must be at most '
            "1024 characters long."
        )
    check_reference(body.get("datasetReference"), request.path_params)
    refuse_unknown(body, (*_WRITABLE, *_READ_ONLY), "dataset")
    check_labels(body.get("labels") or {})
    hours = body.get("maxTimeTravelHours")
    if hours is not None and int(hours) not in _TIME_TRAVEL:
        raise invalid(f"Invalid value for maxTimeTravelHours: {hours} is not one of 48, 72, … 168")
    for entry in body.get("access") or []:
        if entry.get("condition"):
            raise Unsupported("dataset access under a condition")
        if not _ROLE.fullmatch(entry.get("role") or "READER"):
            raise invalid(f"Invalid value for role: {entry['role']} is not a valid value")


def _refuse_other_case(change: Transaction, name: str) -> None:
    """`D` and `d` are two datasets in BigQuery and one schema in DuckDB: dropping one would drop the other's tables."""
    for other, _ in change.list("dataset"):
        if other.lower() == name.lower():
            raise Unsupported(f"two datasets whose names differ in case only: {other} and {name}")


def _label_filter(text: str) -> dict[str, str | None]:
    """The labels of a filter `labels.<name>[:<value>] …`; None asks only for the name. Raises ApiError invalid."""
    labels = {}
    for term in text.split():
        match = re.fullmatch(r"labels\.([\w-]+)(?::(.*))?", term)
        if not match:
            raise invalid(f"Invalid filter: {text}. The syntax is labels.<name>[:<value>], all joined by blanks.")
        labels[match[1]] = match[2]
    return labels


def _labelled(dataset: Document, wanted: dict[str, str | None]) -> bool:
    labels = dataset.get("labels", {})
    return all(name in labels and value in (None, labels[name]) for name, value in wanted.items())


def _viewed(answer: Document, request: Request) -> Document:
    """What `datasetView` asks for. Choice: a view of the access list names the dataset, too."""
    view = request.query_params.get("datasetView")
    if view == "METADATA":
        return {name: value for name, value in answer.items() if name != "access"}
    if view == "ACL":
        names = ("kind", "etag", "id", "selfLink", "datasetReference", "location", "access")
        return {name: answer[name] for name in names if name in answer}
    return answer


def _answer(resource: Document) -> Document:
    return resource | {"etag": etag(resource)}
