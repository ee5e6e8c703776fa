"""Rows in REST's form, a page at a time: at most as many as asked for, and at most about ten megabytes.

Timestamps leave the engine in microseconds (`formatOptions.useInt64Timestamp`, what Google's client asks for); without
that option the service answers seconds as a decimal number (https://cloud.google.com/bigquery/docs/reference/rest/v2/DataFormatOptions).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from localcloud.core.errors import Unsupported, invalid
from localcloud.core.ports import Engine
from localcloud.core.store import Document
from localcloud.http.partial import choose, mask_of
from localcloud.http.rest import from_token, to_token

PAGE_BYTES = 10_000_000
_FIRST_CHUNK = 200


@dataclass(frozen=True)
class Window:
    """Which rows a request wants, and how it wants timestamps."""

    start: int
    most: int | None
    int64_timestamps: bool


@dataclass(frozen=True)
class Page:
    """Rows as the JSON text of an array, and the token of the next page."""

    rows: str
    next_token: str | None


def window(parameters: Document) -> Window:
    """The window that query parameters (or the like-named fields of a jobs.query request) describe. Raises ApiError."""
    if str(parameters.get("formatOptions.timestampOutputFormat", "")) not in (
        "",
        "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED",
    ):
        raise Unsupported("formatOptions.timestampOutputFormat")
    token = parameters.get("pageToken")
    wanted = parameters.get("maxResults")
    try:
        start = int(from_token(token)) if token else int(parameters.get("startIndex") or 0)
        most = None if wanted in (None, "") else int(wanted)
    except ValueError:
        raise invalid("Invalid value for startIndex, maxResults or pageToken") from None
    if start < 0 or (most is not None and most < 0):
        raise invalid("startIndex and maxResults must not be negative")
    return Window(start, most, str(parameters.get("formatOptions.useInt64Timestamp", "")).lower() == "true")


def read(engine: Engine, table: tuple[str, str], schema: Document, total: int, wanted: Window) -> Page:
    """The rows of `wanted` that fit in one answer."""
    end = total if wanted.most is None else min(total, wanted.start + wanted.most)
    position, size, chunk, parts = wanted.start, 0, _FIRST_CHUNK, list[str]()
    while position < end and size < PAGE_BYTES:
        rows = engine.texts(table, schema, position, min(chunk, end - position), seconds=not wanted.int64_timestamps)
        if not rows:
            break
        parts += rows
        position, size = position + len(rows), size + sum(map(len, rows)) + len(rows)
        chunk = max(1, min(10_000, (PAGE_BYTES - size) * (position - wanted.start) // max(size, 1)))
    more = position < total and wanted.most != 0
    return Page("[" + ",".join(parts) + "]", to_token(str(position)) if more else None)


def envelope(answer: Document, page: Page | None, fields: str = "") -> bytes:
    """The JSON of an answer with its rows, or the part of it that `fields` names (http/partial.py)."""
    head = answer | ({"pageToken": page.next_token} if page and page.next_token else {})
    rows = page.rows if page else "[]"
    if fields:
        mask = mask_of(fields)
        head, below = choose(head, mask), mask.get("rows", mask.get("*"))
        rows = "[]" if below is None else json.dumps(choose(json.loads(rows), below)) if below else rows
    text = json.dumps(head, ensure_ascii=False)
    if rows == "[]":
        return text.encode()
    return f'{text[:-1]}{", " if head else ""}"rows":{rows}}}'.encode()
