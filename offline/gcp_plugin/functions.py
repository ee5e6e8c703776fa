"""Functions of the provider.

gcp.organizations.get_project()         GET projects/P
gcp.organizations.get_client_config()   no request
gcp.storage.get_bucket()                GET b/B
gcp.bigquery.get_dataset()              GET projects/P/datasets/D
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from offline.gcp_plugin import UNSUPPORTED
from offline.gcp_plugin.dataset import Dataset
from offline.gcp_plugin.properties import Properties
from offline.gcp_plugin.rest import Cloud, ProviderError, RequestFailed


def invoke(cloud: Cloud, token: str, arguments: Properties) -> Properties:
    """The function's answer. Raises ProviderError for a function or argument that is not supported."""
    if token not in _FUNCTIONS:
        raise ProviderError(f"{UNSUPPORTED}: function {token}")
    function, names = _FUNCTIONS[token]
    for name in arguments:
        if name not in names:
            raise ProviderError(f"{UNSUPPORTED}: argument '{name}' of function {token}")
    return function(cloud, arguments)


def _get_project(cloud: Cloud, arguments: Properties) -> Properties:
    project = arguments.get("projectId") or cloud.configuration.project
    if not project:
        raise ProviderError("getProject: set projectId, or the provider setting gcp:project")
    answer = cloud.send("GET", f"{cloud.base('resourceManagerCustomEndpoint')}projects/{project}")
    return {
        "id": f"projects/{project}",
        "projectId": answer.get("projectId", project),
        "name": answer.get("name", project),
        "number": str(answer.get("projectNumber", "")),
        "autoCreateNetwork": True,
        "billingAccount": "",
        "deletionPolicy": "PREVENT",
        "folderId": "",
        "orgId": "",
        "tags": {},
        **_same_for(("labels", "effectiveLabels", "pulumiLabels"), answer.get("labels", {})),
    }


def _get_client_config(cloud: Cloud, arguments: Properties) -> Properties:
    configuration = cloud.configuration
    project, region, zone = configuration.project, configuration.region, configuration.zone
    return {
        "id": f'projects/"{project}"/regions/"{region}"/zones/"{zone}"/scopes/[]',
        "project": project,
        "region": region,
        "zone": zone,
        "accessToken": configuration.access_token,
        "defaultLabels": configuration.default_labels,
    }


def _get_bucket(cloud: Cloud, arguments: Properties) -> Properties:
    name = arguments.get("name")
    if not name:
        raise ProviderError("getBucket: Missing required property 'name'")
    try:
        answer = cloud.send("GET", f"{cloud.base('storageCustomEndpoint')}b/{quote(name, safe='')}")
    except RequestFailed as error:
        raise ProviderError(f"Error retrieving storage bucket {name!r}: {error}") from error
    access = answer.get("iamConfiguration", {})
    reported = ("location", "name", "selfLink", "storageClass", "timeCreated", "updated")
    return {
        **{property_name: answer.get(property_name, "") for property_name in reported},
        "id": name,
        "project": arguments.get("project") or cloud.configuration.project,
        "projectNumber": int(answer.get("projectNumber", 0)),
        "publicAccessPrevention": access.get("publicAccessPrevention", ""),
        "uniformBucketLevelAccess": access.get("uniformBucketLevelAccess", {}).get("enabled", False),
        "url": f"gs://{name}",
        "deletionPolicy": "",
        "rpo": "",
        **_same_for(("labels", "effectiveLabels", "pulumiLabels"), answer.get("labels", {})),
        # What no bucket of the local cloud has: the storage service refuses each by name.
        **_same_for(("defaultEventBasedHold", "enableObjectRetention", "forceDestroy", "requesterPays"), False),
        **_same_for(("autoclasses", "cors", "customPlacementConfigs", "encryptions", "hierarchicalNamespaces"), []),
        **_same_for(("ipFilters", "lifecycleRules", "loggings", "retentionPolicies", "softDeletePolicies"), []),
        **_same_for(("versionings", "websites"), []),
    }


def _get_dataset(cloud: Cloud, arguments: Properties) -> Properties:
    if not arguments.get("datasetId"):
        raise ProviderError("getDataset: Missing required property 'datasetId'")
    known = {"project": cloud.configuration.project, **arguments}
    name = Dataset.identifiers[0].format_map(known)
    try:
        reported = Dataset().fetch(cloud, known)
    except RequestFailed as error:
        raise ProviderError(f"Error reading {name}: {error}") from error
    labels = reported["effectiveLabels"] if reported else {}
    return {
        **{property_name: "" if value is None else value for property_name, value in (reported or {}).items()},
        "id": name,
        "deletionPolicy": "",
        **_same_for(("labels", "effectiveLabels", "pulumiLabels"), labels),
        # What no dataset of the local cloud has: its BigQuery refuses each by name.
        **_same_for(
            ("defaultEncryptionConfigurations", "externalCatalogDatasetOptions", "externalDatasetReferences"), []
        ),
        **_same_for(("defaultPartitionExpirationMs", "defaultTableExpirationMs"), 0),
        "deleteContentsOnDestroy": False,
        "resourceTags": {},
    }


def _same_for(names: tuple[str, ...], value: Any) -> Properties:
    return dict.fromkeys(names, value)


_Function = Callable[[Cloud, Properties], Properties]
_FUNCTIONS: dict[str, tuple[_Function, tuple[str, ...]]] = {
    "gcp:organizations/getProject:getProject": (_get_project, ("projectId",)),
    "gcp:organizations/getClientConfig:getClientConfig": (_get_client_config, ()),
    "gcp:storage/getBucket:getBucket": (_get_bucket, ("name", "project")),
    "gcp:bigquery/getDataset:getDataset": (_get_dataset, ("datasetId", "project")),
}
