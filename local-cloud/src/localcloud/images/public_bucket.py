"""A sample of a public bucket of Google Cloud Storage, downloaded without credentials into the user's cache."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage  # type: ignore[attr-defined]  # ships no types
from requests import RequestException

from localcloud.core.cache import cache_folder, move_into_place
from localcloud.images.progress import Report
from localcloud.images.selection import CONTENT_TYPES, REMEDY, Picture, Selection, SourceError

GOOGLE = "https://storage.googleapis.com"
#: How far into the bucket's list a sample reaches: 20 pages, a few seconds.
_LISTED = 20_000
_DOWNLOADS_AT_ONCE = 8
_TIMEOUT_SECONDS = 20


def select(source: str, sample: int, report: Report, endpoint: str = GOOGLE) -> Selection:
    """At most `sample` pictures of `source` (`gs://bucket/prefix`), the same ones every time.

    Those with the smallest hashes of their names among the first 20,000 objects. What was downloaded once is not asked
    for again. Raises SourceError when the bucket cannot be read or holds no picture.
    """
    bucket, _, prefix = source.removeprefix("gs://").partition("/")
    prefix = prefix.removesuffix("*")
    key = hashlib.sha256(f"{endpoint} {bucket} {prefix} {sample}".encode()).hexdigest()[:16]
    kept = cache_folder() / "buckets" / f"{bucket}-{key}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".sample-") as work:
            made = Path(work) / "sample"
            made.mkdir()
            try:
                _draw(_client(endpoint), bucket, prefix, sample, made, report)
            except (RequestException, RetryError) as error:
                raise SourceError(f"cannot read {source}: no connection to {endpoint}; {REMEDY}") from error
            except GoogleAPICallError as error:
                raise SourceError(f"cannot read {source}: {error.code} {error.message}; {REMEDY}") from error
            move_into_place(made, kept)
    names = json.loads((kept / "names.json").read_text(encoding="utf-8"))
    pictures = [Picture.of_file(kept / file, name, "", content_type) for name, (file, content_type) in names.items()]
    return Selection(source, pictures, f"a sample of {len(pictures)}, kept in {kept}; remove that to draw again")


def _client(endpoint: str) -> storage.Client:
    # Named, so that STORAGE_EMULATOR_HOST, which points at the local cloud, does not change where this reads.
    options = {"api_endpoint": endpoint}
    return storage.Client(project="unused", credentials=AnonymousCredentials(), client_options=options)


def _draw(client: storage.Client, bucket: str, prefix: str, sample: int, folder: Path, report: Report) -> None:
    """Download the sample as numbered files, with names.json: {object name: [file, content type]}."""
    listing = client.list_blobs(bucket, prefix=prefix, timeout=_TIMEOUT_SECONDS, retry=None)
    with report.steps("listing", None) as step:
        found = []
        for blob in itertools.islice(listing, _LISTED):
            step()
            if blob.content_type in CONTENT_TYPES.values():
                found.append(blob)
    if not found:
        raise SourceError(f"no JPG, PNG, GIF or BMP object in gs://{bucket}/{prefix}; {REMEDY}")
    drawn = sorted(found, key=lambda blob: hashlib.sha256(blob.name.encode()).digest())[:sample]
    drawn.sort(key=lambda blob: str(blob.name))

    def fetch(number: int, blob: storage.Blob) -> None:
        file = folder / f"{number:06}"
        blob.download_to_filename(str(file), timeout=_TIMEOUT_SECONDS)
        os.utime(file, (blob.updated.timestamp(), blob.updated.timestamp()))

    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool, report.steps("downloading", len(drawn)) as step:
        for _ in pool.map(fetch, range(len(drawn)), drawn):
            step()
    names = {blob.name: [f"{number:06}", blob.content_type] for number, blob in enumerate(drawn)}
    (folder / "names.json").write_text(json.dumps(names, indent=1, ensure_ascii=False), encoding="utf-8")
