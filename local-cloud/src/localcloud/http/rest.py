"""Conventions of Google's REST services: etags, page tokens, query parameters, checks of a resource's body."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse

from localcloud.core.errors import ApiError, Unsupported, invalid
from localcloud.core.store import Document
from localcloud.http.partial import partial

Item = TypeVar("Item")


def etag(resource: Document) -> str:
    """A tag that changes with the resource; the field `etag` of the resource does not count."""
    plain = {key: value for key, value in resource.items() if key != "etag"}
    digest = hashlib.md5(json.dumps(plain, sort_keys=True).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def partial_json(request: Request, answer: Document) -> JSONResponse:
    """The answer, or the part of it that the request's `fields` names."""
    return JSONResponse(partial(request, answer))


def check_match(request: Request, current: str) -> None:
    """412 conditionNotMet unless the request's If-Match, when there is one, names the current etag."""
    wanted = request.headers.get("if-match")
    if wanted is not None and wanted.strip('"') not in ("*", current):
        raise ApiError(412, "conditionNotMet", "Precondition check failed.")


def refuse_unknown(body: Document, known: Collection[str], where: str) -> None:
    """Unsupported, by name, when the body sets a field outside `known` to anything but an empty value."""
    for name, value in body.items():
        if name not in known and value not in (None, "", [], {}, False):
            raise Unsupported(f"{where} field {name!r}")


def refuse_verb(request: Request, parameter: str) -> None:
    """Unsupported, by name, when the last part of the path is `name:verb` and no route knows the verb."""
    if ":" in request.path_params[parameter]:
        raise Unsupported(f"{request.method} {request.url.path}")


def check_reference(given: Document | None, path: Document) -> None:
    """Raises ApiError invalid when a reference in a body names another resource than the URL's `path` parameters."""
    for name, sent in (given or {}).items():
        wanted = path.get(name.removesuffix("Id"))
        if sent and wanted and sent != wanted:
            raise invalid(
                f"Value '{sent}' in content does not agree with value '{wanted}'. This can happen when a value set "
                "through a parameter is inconsistent with a value set in the request."
            )


def check_labels(labels: Document) -> None:
    """Raises ApiError invalid unless keys and values are labels (https://cloud.google.com/bigquery/docs/labels-intro)."""
    if len(labels) > 64:
        raise invalid(f"{len(labels)} labels are too many: a resource has at most 64 labels")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or key != key.lower():
            raise invalid(f'Invalid label key "{key}"')
        if value is not None and (not _LABEL_VALUE.fullmatch(str(value)) or value != value.lower()):
            raise invalid(f'Invalid label value "{value}" of key "{key}"')


def canonical_location(given: str) -> str:
    """Multi-regions in upper case, regions in lower case, as BigQuery answers them in any case they were sent.

    Raises ApiError invalid for what is neither. Choice: any name of a region's form is one.
    """
    if not _LOCATION.fullmatch(given):
        raise invalid(f"Invalid value for location: {given} is not a valid value")
    return given.lower() if "-" in given else given.upper()


def integer(request: Request, name: str, default: int) -> int:
    """A whole number among the query parameters. Raises ApiError invalid."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise invalid(f"Invalid value for {name}: {text} is not a valid value")
    return int(text)


def flag(request: Request, name: str) -> bool:
    """A boolean among the query parameters; false when absent."""
    return request.query_params.get(name, "").lower() == "true"


def to_token(position: str) -> str:
    """An opaque page token."""
    return base64.urlsafe_b64encode(position.encode()).rstrip(b"=").decode()


def from_token(token: str) -> str:
    """What `to_token` was given; empty for no token. Raises ApiError invalid."""
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        raise invalid(f"Invalid page token: {token}") from None


def page(
    items: Sequence[tuple[str, Item]], request: Request, most: int = 1000, size: str = "maxResults"
) -> tuple[list[Item], str | None]:
    """One page of named items in the order given, and the next page's token; `size` and `pageToken` say which.

    The token is the last name served, so that items added or removed between pages neither repeat nor shift the rest.
    """
    after = from_token(request.query_params.get("pageToken", ""))
    names = [name for name, _ in items]
    start = names.index(after) + 1 if after in names else sum(name <= after for name in names)
    count = min(integer(request, size, most) or most, most)
    chosen = items[start : start + count]
    more = start + count < len(items)
    return [item for _, item in chosen], to_token(chosen[-1][0]) if more and chosen else None


_LOCATION = re.compile(r"US|EU|[a-z]+-[a-z]+[0-9]+", re.IGNORECASE | re.ASCII)
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]{0,62}")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}")
