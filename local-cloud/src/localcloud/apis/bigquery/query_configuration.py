"""The configuration of a query job: which fields are supported, and the statement they make.

Fields: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationQuery. A field that is not
supported is refused by name; one without an effect here (priority, cache, bytes billed) is accepted and stored.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any

from localcloud.core.errors import Unsupported, invalid
from localcloud.core.ports import Statement
from localcloud.core.store import Document, Store
from localcloud.http.rest import check_labels, refuse_unknown

_JOB_FIELDS = ("query", "dryRun", "labels", "jobTimeoutMs", "jobType")
_QUERY_FIELDS = (
    *("query", "useLegacySql", "defaultDataset", "parameterMode", "queryParameters"),
    *("destinationTable", "createDisposition", "writeDisposition"),
    *("priority", "useQueryCache", "maximumBytesBilled", "allowLargeResults", "flattenResults", "preserveNulls"),
)
#: Values of the enumerated fields. Choice: the reference lists them only in its prose; others are refused.
_VALUES = {
    "createDisposition": ("CREATE_IF_NEEDED", "CREATE_NEVER"),
    "writeDisposition": ("WRITE_TRUNCATE", "WRITE_APPEND", "WRITE_EMPTY"),
    "parameterMode": ("NAMED", "POSITIONAL"),
    "priority": ("INTERACTIVE", "BATCH"),
}
#: Fields of a jobs.query request, by the part of a job's configuration that they belong to.
_JOB_PART = ("dryRun", "labels", "jobTimeoutMs")
_QUERY_PART = (*_QUERY_FIELDS[:5], "useQueryCache", "maximumBytesBilled", "preserveNulls")
_REQUEST_PART = ("kind", "maxResults", "timeoutMs", "location", "requestId", "formatOptions", "jobCreationMode")


def checked_configuration(configuration: Document) -> Document:
    """The configuration as a job stores it. Raises ApiError for a job that is no query, and for fields that are not
    supported."""
    for kind in ("load", "extract", "copy"):
        if kind in configuration:
            raise Unsupported(f"{kind} jobs")
    query = configuration.get("query") or {}
    if not (query.get("query") or "").strip():
        raise invalid("Required parameter is missing: query")
    refuse_unknown(configuration, _JOB_FIELDS, "job configuration")
    refuse_unknown(query, _QUERY_FIELDS, "query configuration")
    if query.get("useLegacySql", True):
        raise Unsupported("legacy SQL (the default of the REST API): set useLegacySql to false")
    check_labels(configuration.get("labels") or {})
    _check_values(query)
    _check_reference(query.get("defaultDataset"), ("datasetId",))
    _check_reference(query.get("destinationTable"), ("projectId", "datasetId", "tableId"))
    if int(configuration.get("jobTimeoutMs") or 0) < 0:
        raise invalid(f"Invalid value for jobTimeoutMs: {configuration['jobTimeoutMs']} is not a valid value")
    if not query.get("queryParameters"):
        return configuration
    counted = Counter(str(each["name"]).lower() for each in query["queryParameters"] if each.get("name"))
    if twice := [name for name, count in counted.items() if count > 1]:
        raise invalid(f"Duplicate query parameter name: {twice[0]}")
    return {**configuration, "query": {**query, "queryParameters": _as_text(query["queryParameters"])}}


def _check_values(query: Document) -> None:
    if query.get("writeDisposition") == "WRITE_TRUNCATE_DATA":
        raise Unsupported("writeDisposition WRITE_TRUNCATE_DATA")
    for name, possible in _VALUES.items():
        if query.get(name) and query[name] not in possible:
            raise invalid(f"Invalid value for {name}: {query[name]} is not a valid value")


def _check_reference(reference: Document | None, required: tuple[str, ...]) -> None:
    for name in required if reference else ():
        if not (reference or {}).get(name):
            raise invalid(f"Required parameter is missing: {name}")


def _as_text(part: object) -> object:
    """Query parameters with every value as text, which a client may send as a number."""
    if isinstance(part, list):
        return [_as_text(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: str(each) if name == "value" and isinstance(each, int | float) else _as_text(each)
        for name, each in part.items()
    }


def configuration_of(request: Document) -> Document:
    """The job configuration that the body of a jobs.query request asks for. Raises ApiError."""
    refuse_unknown(request, (*_JOB_PART, *_QUERY_PART, *_REQUEST_PART), "query request")
    configuration = {name: request[name] for name in _JOB_PART if name in request}
    configuration["query"] = {name: request[name] for name in _QUERY_PART if name in request}
    return checked_configuration(configuration)


def statement_of(resource: Document, member: str, cancelled: threading.Event) -> Statement:
    """The statement of a job resource."""
    configuration, reference = resource["configuration"], resource["jobReference"]
    query = configuration["query"]
    default = query.get("defaultDataset")
    return Statement(
        text=query["query"],
        project=reference["projectId"],
        location=reference["location"],
        member=member,
        parameters=query.get("queryParameters") or (),
        parameter_mode=query.get("parameterMode") or "NAMED",
        default_dataset=(default.get("projectId", reference["projectId"]), default["datasetId"]) if default else None,
        labels=configuration.get("labels") or {},
        dry_run=bool(configuration.get("dryRun")),
        destination=query.get("destinationTable"),
        write_disposition=query.get("writeDisposition") or "WRITE_EMPTY",
        create_disposition=query.get("createDisposition") or "CREATE_IF_NEEDED",
        cancelled=cancelled,
    )


def datasets_of(store: Store, project: str, configuration: Document) -> list[Document]:
    """The datasets that a query depends on: its default one, and those its text names, strings and comments aside."""
    query: dict[str, Any] = configuration["query"]
    default = query.get("defaultDataset")
    candidates = [(default.get("projectId", project), default["datasetId"])] if default else []
    for path in _PATH.findall(without_literals(configuration)):
        parts = [part.strip() for part in path.replace("`", "").split(".")]
        candidates += [(parts[0], parts[1]), (project, parts[0])] if len(parts) > 1 else []
    found = (store.get("dataset", f"{owner}.{dataset}") for owner, dataset in dict.fromkeys(candidates))
    return [dataset for dataset in found if dataset]


def location_of(store: Store, project: str, configuration: Document) -> str:
    """Where a query without a location runs: where its first dataset is. Choice: US when it has none."""
    datasets = datasets_of(store, project, configuration)
    return str(datasets[0]["location"]) if datasets else "US"


def without_literals(configuration: Document) -> str:
    """The statement without its comments and strings; quoted names are set apart, their escapes resolved."""
    return _OPAQUE.sub(_unquoted, configuration["query"]["query"])


def _unquoted(found: re.Match[str]) -> str:
    return f" `{_ESCAPE.sub(_unescaped, found[1])}` " if found[1] is not None else " "


def _unescaped(escape: re.Match[str]) -> str:
    """The character of an escape sequence in a quoted name. What it does not know stays, and names no dataset."""
    code, octal = escape[1] or escape[2] or escape[3], escape[4]
    number = int(code, 16) if code else int(octal, 8) if octal else 0
    return chr(number) if 0 < number < 0x110000 else escape[0]


#: Quoted names (the group), comments and strings, each from its first character: whichever begins first is it.
_OPAQUE = re.compile(
    r"""`((?:\\.|[^`\\])*)`
    |--[^\n]*|\#[^\n]*|/\*.*?\*/
    |\"\"\"(?:\\.|[^\\])*?\"\"\"|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))")
_NAME = r"(?:`[^`]+`|[\w-]+)"
_PATH = re.compile(rf"{_NAME}(?:\s*\.\s*{_NAME})*")
