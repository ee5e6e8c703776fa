"""Keeps a bucket in step with a selection of pictures, through the JSON API of Cloud Storage.

Objects from here carry `source` in their metadata; every other object in the bucket is left alone. Plain HTTP instead
of Google's client, so that no proxy that the environment names comes between this and the loopback address.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx

from localcloud.images.progress import Report
from localcloud.images.selection import Changes, Picture, Selection, SourceError

#: An object as the JSON API describes it.
Object = dict[str, Any]
_UPLOADS_AT_ONCE = 4
_TIMEOUT_SECONDS = 60


def synchronise(selection: Selection, bucket: str, endpoint: str, project: str, report: Report) -> Changes:
    """Upload what is new or changed, delete what came from here before and is no longer selected.

    `bucket` is made in `project` when it is missing. A caption becomes the object's metadata `caption`. Raises
    SourceError when `endpoint` does not answer or the service refuses.
    """
    try:
        with httpx.Client(base_url=endpoint, timeout=_TIMEOUT_SECONDS, trust_env=False) as http:
            return _Bucket(http, bucket, project).synchronise(selection, report)
    except httpx.HTTPStatusError as error:
        raise SourceError(f"{endpoint} refuses: {_reason(error.response)}") from error
    except httpx.TransportError as error:
        raise SourceError(f"no answer from {endpoint} ({error}); is the local cloud running?") from error


class _Bucket:
    def __init__(self, http: httpx.Client, name: str, project: str) -> None:
        self._http = http
        self._name = name
        self._project = project
        self._objects = f"/storage/v1/b/{quote(name, safe='')}/o"

    def synchronise(self, selection: Selection, report: Report) -> Changes:
        present = {item["name"]: item for item in self._list()}
        uploads, changes = _compare(selection.pictures, present)
        names = {picture.name for picture in selection.pictures}
        vanished = [name for name, item in present.items() if name not in names and _is_ours(item)]
        changes.removed = len(vanished)
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool, report.steps("uploading", len(uploads)) as step:
            for _ in pool.map(partial(self._upload, selection.source), uploads):
                step()
            list(pool.map(self._delete, vanished))
        return changes

    def _list(self) -> Iterator[Object]:
        """The bucket's objects; a bucket that is not there is made."""
        parameters: dict[str, str] = {}
        while True:
            answer = self._http.get(self._objects, params=parameters)
            if answer.status_code == httpx.codes.NOT_FOUND:
                body = {"name": self._name, "location": "US"}
                self._http.post("/storage/v1/b", params={"project": self._project}, json=body).raise_for_status()
                return
            page = answer.raise_for_status().json()
            yield from page.get("items", [])
            if not page.get("nextPageToken"):
                return
            parameters["pageToken"] = page["nextPageToken"]

    def _upload(self, source: str, picture: Picture) -> None:
        metadata = {"source": source, "modified": str(picture.modified)}
        if picture.caption:
            metadata["caption"] = picture.caption
        resource = {"name": picture.name, "contentType": picture.content_type, "metadata": metadata}
        boundary = secrets.token_hex(16)
        body = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(resource)}\r\n"
            f"--{boundary}\r\nContent-Type: {picture.content_type}\r\n\r\n"
        ).encode()
        self._http.post(
            f"/upload{self._objects}",
            params={"uploadType": "multipart"},
            headers={"Content-Type": f"multipart/related; boundary={boundary}"},
            content=body + picture.file.read_bytes() + f"\r\n--{boundary}--\r\n".encode(),
        ).raise_for_status()

    def _delete(self, name: str) -> None:
        answer = self._http.delete(f"{self._objects}/{quote(name, safe='')}")
        if answer.status_code != httpx.codes.NOT_FOUND:  # 404: another client has deleted it meanwhile
            answer.raise_for_status()


def _compare(pictures: list[Picture], present: dict[str, Object]) -> tuple[list[Picture], Changes]:
    """What is to be uploaded, given the objects that are there."""
    uploads, changes = [], Changes()
    for picture in pictures:
        found = present.get(picture.name)
        if found is None:
            changes.new += 1
            uploads.append(picture)
        elif not _is_ours(found):
            changes.foreign += 1
        elif _same(picture, found):
            changes.unchanged += 1
        else:
            changes.changed += 1
            uploads.append(picture)
    return uploads, changes


def _is_ours(item: Object) -> bool:
    return "source" in item.get("metadata", {})


def _same(picture: Picture, item: Object) -> bool:
    """Whether the object is this picture: by size and time, else by content, so that few files are read."""
    metadata = item.get("metadata", {})
    if int(item["size"]) != picture.size or metadata.get("caption", "") != picture.caption:
        return False
    if metadata.get("modified") == str(picture.modified):
        return True
    return bool(item["md5Hash"] == base64.b64encode(hashlib.md5(picture.file.read_bytes()).digest()).decode())


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.reason_phrase}"
