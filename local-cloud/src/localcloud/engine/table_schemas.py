"""A whole statement, over what is in the store."""

from __future__ import annotations

from localcloud.core.errors import Unsupported
from localcloud.core.ports import Statement as Request
from localcloud.core.store import Store
from localcloud.engine import catalog, information_schema
from localcloud.googlesql import types
from localcloud.googlesql.analysis import statements
from localcloud.googlesql.names import name_of, path_name, path_parts
from localcloud.googlesql.positions import Text
from localcloud.googlesql.syntax import Path
from localcloud.googlesql.syntax_statements import Statement
from localcloud.googlesql.types import Columns, Type


def analyze(tree: Statement, request: Request, store: Store) -> Columns | None:
    """The columns that a query gives; None for a statement without rows.

    Raises ApiError 400 invalidQuery with BigQuery's wording and the place, 404 for what is not there, and Unsupported.
    """
    given = statements.analyze(Text(request.text), tree, _parameters(request), _StoredCatalog(store, request))
    return tuple(given.kinds()) if given is not None else None


def _parameters(request: Request) -> dict[str, Type]:
    named = request.parameter_mode.upper() != "POSITIONAL"
    return {
        str(body.get("name", "")).lower() if named else str(place): types.parameter(body)[0]
        for place, body in enumerate(request.parameters)
    }


class _StoredCatalog:
    """The analyzer's Catalog over the store, as the request sees it."""

    def __init__(self, store: Store, request: Request) -> None:
        self._store = store
        self._request = request

    def table(self, path: Path) -> Columns:
        parts = path_parts(path)
        view = next((place for place, part in enumerate(parts) if part.upper() == "INFORMATION_SCHEMA"), None)
        if view is not None and view > 0:
            return information_schema.columns(parts[:view], ".".join(parts[view + 1 :]), self._store, self._request)
        document = catalog.table(self._store, name_of(parts, self._request), self._request.location)
        if document["type"] not in ("TABLE", "EXTERNAL"):
            raise Unsupported(f"reading a {document['type']}")
        return types.columns_of(document.get("schema", {}))

    def model(self, path: Path) -> str:
        document = catalog.model(self._store, path_name(path, self._request), self._request.location)
        return str(document["remoteModelInfo"]["endpoint"]).rpartition("/")[2]
