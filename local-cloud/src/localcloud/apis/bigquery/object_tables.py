"""Object tables by tables.insert: what may be asked for, and their fixed schema.

Source: docs/bigquery-contract.md, "4. Object tables".
"""

from __future__ import annotations

import re

from localcloud.core.errors import Unsupported, invalid
from localcloud.core.ports import Cloud
from localcloud.core.store import Document
from localcloud.engine.objects import OBJECT_SCHEMA
from localcloud.http.context import Context
from localcloud.http.rest import refuse_unknown

_FIELDS = ("sourceUris", "connectionId", "objectMetadata", "metadataCacheMode", "autodetect", "compression")
_CACHE_MODES = ("AUTOMATIC", "MANUAL")
_INTERVAL = re.compile(r"(\d+)-(\d+) (\d+) (\d+):(\d+):(\d+)(?:\.\d+)?")
_CONNECTION = re.compile(r"projects/([^/]+)/locations/([^/]+)/connections/([^/]+)|([^./]+)\.([^./]+)\.([^./]+)")


def object_table(body: Document, location: str, context: Context, cloud: Cloud) -> Document:
    """The fields of the table's resource that its external configuration decides. Raises ApiError."""
    given = body["externalDataConfiguration"]
    refuse_unknown(given, _FIELDS, "externalDataConfiguration")
    if body.get("schema"):
        raise invalid("The schema of an object table is fixed and cannot be given.")
    if given.get("objectMetadata") != "SIMPLE":
        raise Unsupported("external tables that are no object tables (objectMetadata must be SIMPLE)")
    if given.get("compression", "NONE") != "NONE":
        raise invalid("Object tables cannot have a compression.")
    _check_uris(given.get("sourceUris") or [])
    owner, place, connection = _connection(given.get("connectionId") or "", context)
    if place.lower() != location.lower():
        raise invalid(f"Cannot use connection {connection} in location {place} for a dataset in location {location}.")
    cloud.connection_member(owner, place, connection)
    configuration = {name: given[name] for name in _FIELDS if given.get(name) is not None}
    # The dotted form, with the location's case as sent: what the service answers.
    configuration |= {"connectionId": f"{owner}.{place}.{connection}", "autodetect": False}
    return {
        "type": "EXTERNAL",
        "schema": OBJECT_SCHEMA,
        "externalDataConfiguration": configuration,
        **_staleness(body, given),
    }


def _check_uris(uris: list[str]) -> None:
    if not uris:
        raise invalid("Required parameter is missing: sourceUris")
    for uri in uris:
        if not re.fullmatch(r"gs://[^/*]+/.*", uri):
            raise invalid(f"Invalid source URI: {uri} must be gs://<bucket>/<pattern>")
        if uri.count("*") > 1:
            raise invalid(f"Invalid source URI: {uri} has more than one wildcard")


def _connection(text: str, context: Context) -> tuple[str, str, str]:
    match = _CONNECTION.fullmatch(text)
    if not match:
        raise invalid(f"Invalid connection ID: {text!r}. Expected project.location.connection.")
    owner, place, connection = match.groups()[:3] if match[1] else match.groups()[3:]
    return (context.project if owner == context.project_number else owner), place, connection


def _staleness(body: Document, given: Document) -> Document:
    mode, text = given.get("metadataCacheMode"), body.get("maxStaleness")
    if not mode and not text:
        return {}
    if mode not in _CACHE_MODES:
        raise invalid(f"metadataCacheMode must be one of {', '.join(_CACHE_MODES)} when maxStaleness is set.")
    match = _INTERVAL.fullmatch(text or "")
    if not match:
        raise invalid(f"Invalid maxStaleness: {text!r} is no interval of the form Y-M D H:M:S.")
    years, months, days, hours, minutes, seconds = map(int, match.groups())
    total = ((years * 12 + months) * 30 + days) * 86400 + hours * 3600 + minutes * 60 + seconds
    if not 1800 <= total <= 7 * 86400:
        raise invalid("maxStaleness must be between 30 minutes and 7 days.")
    return {"maxStaleness": text}
