"""models.* over HTTP: get, list, patch, delete; models are made by SQL.

Documents: kind `model`, name `project.dataset.model`, body the REST resource
(https://cloud.google.com/bigquery/docs/reference/rest/v2/models).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.apis.bigquery.access import Access
from localcloud.apis.bigquery.resources import revised
from localcloud.core.errors import not_found
from localcloud.core.store import Document
from localcloud.http.context import Context, json_of
from localcloud.http.rest import check_labels, check_match, check_reference, etag, page, partial_json, refuse_unknown

_PATH = "/bigquery/v2/projects/{project}/datasets/{dataset}/models"
_WRITABLE = ("description", "friendlyName", "labels")
#: Answered by the service; clients send them back in an update.
_READ_ONLY = (
    *("etag", "modelReference", "modelType", "remoteModelInfo", "creationTime", "lastModifiedTime", "location"),
    *("featureColumns", "labelColumns", "trainingRuns"),
)


def routes(context: Context, access: Access) -> list[Route]:
    """list, get, patch, delete."""
    handlers = _Handlers(context, access)
    one = f"{_PATH}/{{model}}"
    return [
        Route(_PATH, handlers.list, methods=["GET"]),
        Route(one, handlers.get, methods=["GET"]),
        Route(one, handlers.patch, methods=["PATCH"]),
        Route(one, handlers.delete, methods=["DELETE"]),
    ]


class _Handlers:
    def __init__(self, context: Context, access: Access) -> None:
        self._context = context
        self._store = context.store
        self._access = access

    def list(self, request: Request) -> Response:
        self._access.to_dataset(request, "bigquery.models.list")
        prefix = _name(request, "")
        if self._store.get("dataset", prefix[:-1]) is None:
            raise not_found(f"Not found: Dataset {prefix[:-1].replace('.', ':', 1)}")
        chosen, token = page(self._store.list("model", prefix), request)
        names = ("modelReference", "modelType", "creationTime", "lastModifiedTime", "labels", "friendlyName")
        items = [{name: d[name] for name in names if name in d} for d in chosen]
        return partial_json(request, {"models": items} | ({"nextPageToken": token} if token else {}))

    def get(self, request: Request) -> Response:
        self._access.to_table(request, "bigquery.models.getMetadata")
        found = self._found(request)
        return partial_json(request, found | {"etag": etag(found)})

    def patch(self, request: Request) -> Response:
        self._access.to_table(request, "bigquery.models.updateMetadata")
        body = json_of(request)
        check_reference(body.get("modelReference"), request.path_params)
        refuse_unknown(body, (*_WRITABLE, *_READ_ONLY), "model")
        check_labels(body.get("labels") or {})
        with self._store.control, self._store.transaction() as change:
            found = self._found(request)
            check_match(request, etag(found))
            changed = revised(found, body, _WRITABLE, partial=True)
            changed["lastModifiedTime"] = str(self._context.clock.millis())
            change.put("model", _name(request, request.path_params["model"]), changed)
        return partial_json(request, changed | {"etag": etag(changed)})

    def delete(self, request: Request) -> Response:
        self._access.to_table(request, "bigquery.models.delete")
        with self._store.control, self._store.transaction() as change:
            self._found(request)
            change.delete("model", _name(request, request.path_params["model"]))
        return Response(status_code=204)

    def _found(self, request: Request) -> Document:
        model = request.path_params["model"]
        found = self._store.get("model", _name(request, model))
        if found is None:
            dataset = f"{request.path_params['project']}:{request.path_params['dataset']}"
            raise not_found(f"Not found: Model {dataset}.{model}")
        return found


def _name(request: Request, model: str) -> str:
    return f"{request.path_params['project']}.{request.path_params['dataset']}.{model}"
