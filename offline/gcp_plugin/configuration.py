"""What the provider is configured with, read as Google's own provider reads it: arguments, else the environment.

The plugin sends requests to the local cloud only, so an endpoint that is not on loopback is refused, and so is every
setting that it would have to ignore.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from offline.gcp_plugin import UNSUPPORTED
from offline.gcp_plugin.properties import UNKNOWN, Failure, Properties

ENDPOINTS = {
    "bigQueryCustomEndpoint": "GOOGLE_BIG_QUERY_CUSTOM_ENDPOINT",
    "bigqueryConnectionCustomEndpoint": "GOOGLE_BIGQUERY_CONNECTION_CUSTOM_ENDPOINT",
    "dataformCustomEndpoint": "GOOGLE_DATAFORM_CUSTOM_ENDPOINT",
    "resourceManagerCustomEndpoint": "GOOGLE_RESOURCE_MANAGER_CUSTOM_ENDPOINT",
    "serviceUsageCustomEndpoint": "GOOGLE_SERVICE_USAGE_CUSTOM_ENDPOINT",
    "storageCustomEndpoint": "GOOGLE_STORAGE_CUSTOM_ENDPOINT",
}
"""The endpoint settings that the plugin uses, and the environment variable each falls back to."""

_ENVIRONMENT = {
    "accessToken": ("GOOGLE_OAUTH_ACCESS_TOKEN",),
    "project": ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"),
    "region": ("GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION"),
    "zone": ("GOOGLE_ZONE", "GCLOUD_ZONE", "CLOUDSDK_COMPUTE_ZONE"),
} | {name: (variable,) for name, variable in ENDPOINTS.items()}

_WITHOUT_EFFECT_HERE = {
    "batching",  # requests are never held back to be sent together
    "disableGlobalProjectWarning",
    "skipRegionValidation",
    "version",
    "pluginDownloadURL",
}
_OTHERS = {"defaultLabels", "addPulumiAttributionLabel"}
_MISSPELLED = {
    "cloudResourceManagerCustomEndpoint": "resourceManagerCustomEndpoint",
    "bigQueryConnectionCustomEndpoint": "bigqueryConnectionCustomEndpoint",
}

ATTRIBUTION_LABEL = "goog-pulumi-provisioned"


class ConfigurationError(Exception):
    """The provider cannot work as it is configured. The message names the setting."""


@dataclass(frozen=True)
class Configuration:
    """A checked configuration. `endpoints` end with a slash, by setting name."""

    endpoints: dict[str, str] = field(default_factory=dict)
    access_token: str = ""
    project: str = ""
    region: str = ""
    zone: str = ""
    default_labels: dict[str, str] = field(default_factory=dict)
    attribution_labels: dict[str, str] = field(default_factory=dict)
    """Added to what the provider creates, and kept where they are."""


def check(arguments: Properties, environment: Mapping[str, str] = os.environ) -> list[Failure]:
    """What is wrong with the provider's arguments."""
    known = _ENVIRONMENT.keys() | _WITHOUT_EFFECT_HERE | _OTHERS
    failures = []
    for name in arguments:
        if name in _MISSPELLED:
            failures.append(Failure(name, f"gcp:{name} has no effect; set gcp:{_MISSPELLED[name]}"))
        elif name not in known and not name.endswith("CustomEndpoint") and not name.startswith("__"):
            failures.append(Failure(name, f"{UNSUPPORTED}: provider setting gcp:{name}"))
    settings = _with_environment(arguments, environment)
    endpoints = {name: settings[name] for name in ENDPOINTS if settings.get(name)}
    failures += [Failure(name, reason) for name, url in endpoints.items() if (reason := _refusal(name, url))]
    if not endpoints:
        failures.append(
            Failure("", f"the stand-in gcp plugin needs endpoints on loopback: set gcp:{', gcp:'.join(ENDPOINTS)}")
        )
    return failures


def configure(arguments: Properties, environment: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration that `arguments` make. Raises ConfigurationError."""
    if failures := check(arguments, environment):
        raise ConfigurationError("; ".join(failure.reason for failure in failures))
    settings = _with_environment(arguments, environment)
    attributed = _decoded(settings.get("addPulumiAttributionLabel", True))
    return Configuration(
        endpoints={name: settings[name] for name in ENDPOINTS if settings.get(name)},
        access_token=settings.get("accessToken", ""),
        project=settings.get("project", ""),
        region=settings.get("region", ""),
        zone=settings.get("zone", ""),
        default_labels=_decoded(settings.get("defaultLabels", {})),
        attribution_labels={ATTRIBUTION_LABEL: "true"} if attributed else {},
    )


def _with_environment(arguments: Properties, environment: Mapping[str, str]) -> Properties:
    settings = {name: value for name, value in arguments.items() if value not in (None, "")}
    for name, variables in _ENVIRONMENT.items():
        found = next((environment[variable] for variable in variables if environment.get(variable)), None)
        if found:
            settings.setdefault(name, found)
    return settings


def _refusal(name: str, url: str) -> str:
    if url == UNKNOWN:
        return ""
    parts = urlsplit(url)
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        return f"gcp:{name} is {url!r}: the stand-in gcp plugin connects to loopback only, over http"
    if not re.fullmatch(r".*/[^/]+/", url):
        return f"gcp:{name} is {url!r}: it must end with a version and a slash, like http://127.0.0.1:8440/bigquery/v2/"
    return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _decoded(value: Any) -> Any:
    """Arguments that are no strings arrive as JSON text."""
    return json.loads(value) if isinstance(value, str) and value != UNKNOWN else value
