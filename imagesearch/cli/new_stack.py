"""Writes a stack file for another project, location or bucket. It never overwrites a file.

    scripts/new-stack [--name N] [--project P] [--bucket B] [--location L] [--endpoint E]

It asks for each value that is not given. If the credentials allow it, it checks that the bucket exists and that a
dataset in the location can read it. Exit codes: 0 written · 1 refused, and the message says why · 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template

import google.auth
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from requests import RequestException

from imagesearch.errors import ImageSearchError, SettingsError
from imagesearch.gcp import sql
from imagesearch.gcp.locations import canonical, colocated, vertex_location
from imagesearch.pipeline import plan
from imagesearch.settings import prices
from imagesearch.settings.endpoints import ENDPOINTS, MULTIMODAL_EMBEDDING, Endpoint
from imagesearch.settings.schema import Settings, parse

STORAGE = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
_TIMEOUT = 20.0
_NOTHING_WRITTEN = "Nothing was written."


@dataclass(frozen=True)
class Bucket:
    """A bucket and its location, which is empty if the bucket could not be read; then `reason` says why."""

    name: str
    location: str = ""
    reason: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Ask for the values, check them, write the file, print the next steps. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _write(options, Path.cwd())
    except ImageSearchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print(f"\nerror: The answers ended before every question was asked.\n{_NOTHING_WRITTEN}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/new-stack", description="Write a stack file. It asks for each value that is not given."
    )
    parser.add_argument("--name", help="name of the stack, as in Pulumi.NAME.yaml")
    parser.add_argument("--project", help="id of the Google Cloud project")
    parser.add_argument("--bucket", help="bucket with the images: my-bucket, or gs://my-bucket/folder for a part of it")
    parser.add_argument(
        "--location", help="location of the dataset: US, EU, or a region; it must be able to read the bucket"
    )
    parser.add_argument(
        "--endpoint", choices=list(ENDPOINTS), default=MULTIMODAL_EMBEDDING.name, help="default %(default)s"
    )
    return parser


def _write(options: argparse.Namespace, folder: Path) -> None:
    if not (folder / "Pulumi.yaml").exists():
        raise SettingsError(f"There is no Pulumi.yaml in {folder}.", "Run it in the folder of the program.")
    endpoint = ENDPOINTS[options.endpoint]
    name = _answer("Name of the stack", options.name, lambda given: _name(given, folder))
    project = _answer("Google Cloud project (its id)", options.project, _project)
    uri = _answer("Bucket with the images (gs://bucket or gs://bucket/folder)", options.bucket, _uri)
    bucket = inspect_bucket(uri.removeprefix("gs://").split("/", 1)[0])
    known = canonical(bucket.location) if canonical(bucket.location) in endpoint.locations else ""
    location = _answer(
        "Location of the dataset (US, EU, or a region)",
        options.location,
        lambda given: _location(given, endpoint, bucket),
        suggested=known,
    )
    text = _text(name, project, uri, location, endpoint)
    file = folder / f"Pulumi.{name}.yaml"
    with file.open("x", encoding="utf-8") as written:
        written.write(text)
    print(_report(name, file, bucket, _settings(name, uri, location, endpoint)))


def _answer(question: str, given: str | None, check: Callable[[str], str], suggested: str = "") -> str:
    """The checked value: the given one, or the first valid answer. Raises SettingsError or EOFError."""
    if given is not None:
        return check(given.strip())
    while True:
        answer = input(f"{question}{f' [{suggested}]' if suggested else ''}: ").strip() or suggested
        try:
            return check(answer)
        except SettingsError as error:
            print(f"  {error.what}")


def _name(given: str, folder: Path) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", given):
        raise SettingsError(
            f"{given!r} is not a name for a stack: lower-case letters, digits, - and _, beginning with a letter, "
            "at most 40.",
            _NOTHING_WRITTEN,
        )
    if (folder / f"Pulumi.{given}.yaml").exists():
        raise SettingsError(
            f"Pulumi.{given}.yaml is there already.", f"{_NOTHING_WRITTEN} Choose another name, or edit it."
        )
    return given


def _project(given: str) -> str:
    try:
        return sql.dataset_name(given, "any").parts[0]
    except ValueError:
        raise SettingsError(
            f"{given!r} is not a project id: 6 to 30 lower-case letters, digits and -, beginning with a letter.",
            f"{_NOTHING_WRITTEN} `gcloud projects list` shows the ids; neither the name nor the number is one.",
        ) from None


def _uri(given: str) -> str:
    """The uri pattern of all images in a bucket or in a folder of it."""
    path = given.removeprefix("gs://")
    uri = f"gs://{path}" if "*" in path else f"gs://{path.rstrip('/')}/*"
    _checked({"images": {"uris": [uri]}})
    return uri


def _location(given: str, endpoint: Endpoint, bucket: Bucket) -> str:
    settings = _checked({"dataset": {"location": given}, "embedding": {"endpoint": endpoint.name}})
    location = settings.dataset.location
    if bucket.location and not colocated(bucket.location, location):
        raise SettingsError(
            f"The bucket gs://{bucket.name} is in {canonical(bucket.location)}, and BigQuery reads objects only where "
            f"the dataset is, not from {location}.",
            f"{_NOTHING_WRITTEN} Choose the bucket's location, or another bucket.",
        )
    return location


def _checked(sections: dict[str, object]) -> Settings:
    """The settings with these sections. Raises SettingsError."""
    try:
        return parse(sections, source="That")
    except SettingsError as error:
        raise SettingsError(error.what, _NOTHING_WRITTEN) from None


def inspect_bucket(bucket: str) -> Bucket:
    """Read the bucket's location with the caller's credentials (storage v1 buckets.get).

    Raises SettingsError if the bucket does not exist. If it cannot be read, the result has the reason.
    """
    url = f"{os.environ.get('STORAGE_EMULATOR_HOST', STORAGE)}/storage/v1/b/{bucket}"
    try:
        with warnings.catch_warnings(), AuthorizedSession(_credentials()) as session:
            response = session.request(
                "GET", url, params={"fields": "location"}, timeout=_TIMEOUT, max_allowed_time=_TIMEOUT
            )
    except (RequestException, TransportError):
        return Bucket(bucket, reason="Google Cloud could not be reached")
    except GoogleAuthError:  # no credentials, or rejected ones
        return Bucket(bucket, reason="there are no valid credentials (`gcloud auth application-default login`)")
    if response.status_code == 404:
        raise SettingsError(
            f"There is no bucket gs://{bucket}.", f"{_NOTHING_WRITTEN} Make it first, where the dataset is."
        )
    if response.status_code != 200:
        reason = f"Cloud Storage answered {response.status_code} {response.reason}; if it is public, set images.public"
        return Bucket(bucket, reason=reason)
    return Bucket(bucket, location=response.json()["location"])


def _credentials() -> google.auth.credentials.Credentials:
    warnings.simplefilter("ignore")  # about a missing quota project, which buckets.get does not need
    return google.auth.default(scopes=[_SCOPE])[0]


def _dataset(name: str) -> str:
    return f"image_search_{name.replace('-', '_')}"


def _settings(name: str, uri: str, location: str, endpoint: Endpoint) -> Settings:
    return _checked(
        {
            "dataset": {"id": _dataset(name), "location": location},
            "images": {"uris": [uri]},
            "embedding": {"endpoint": endpoint.name},
        }
    )


def _report(name: str, file: Path, bucket: Bucket, settings: Settings) -> str:
    location, most = settings.dataset.location, plan.estimate_of(settings)
    seen = f"gs://{bucket.name} is in {canonical(bucket.location)}: a dataset in {location} can read it."
    if not bucket.location:
        seen = (
            f"gs://{bucket.name} was not checked: {bucket.reason}.\n"
            f"It must be where a dataset in {location} can read it; `pulumi up` checks before it creates anything."
        )
    return (
        f"Wrote {file.name}.\n{seen}\n"
        f"At most {most['images']:,} images are embedded: about {prices.words(most['usd'])}, {most['hours']:.1f} hours "
        f"or more.\n\nNext:\n    pulumi stack init {name}\n    pulumi up"
    )


def _text(name: str, project: str, uri: str, location: str, endpoint: Endpoint) -> str:
    quota = endpoint.quota_in(location)
    retires = f"It retires on {endpoint.retires} (docs/migrating-the-model.md)." if endpoint.retires else "A preview."
    return _FILE.substitute(
        uri=json.dumps(uri, ensure_ascii=False),
        project=project,
        dataset=_dataset(name),
        location=location,
        vertex=vertex_location(location),
        rate=f"{quota.requests_per_minute:,}",
        retires=retires,
        endpoint=endpoint.name,
    )


_FILE = Template("""\
# Made by `make new-stack`. docs/reference.md lists every setting and what it may be.
config:
  gcp:project: $project
  image-search:dataset:
    # Unique in the project; with another id everything is embedded again, in another dataset.
    id: $dataset
    # Cannot be changed later. The images are embedded in $vertex, at $rate images a minute.
    location: $location
    description: Image search.
  image-search:images:
    uris: [$uri]
    contentTypes: [image/jpeg, image/png]
    # Embed at most this many; null for all.
    limit: 10000
    # true: the bucket is public, and no role is granted on it.
    public: false
  image-search:embedding:
    # $retires
    endpoint: $endpoint
    # A run that would cost more dollars is refused.
    budgetUsd: 5
  image-search:index:
    type: IVF
    distance: COSINE
  image-search:searches:
    - name: yellow-flower
      text: a yellow flower
      topK: 3
""")

if __name__ == "__main__":
    sys.exit(main())
