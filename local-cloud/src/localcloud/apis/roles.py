"""The predefined roles this cloud knows, and the permissions of each as far as its services ask for them.

Source: cloud.google.com/iam/docs/roles-permissions, cloud.google.com/bigquery/docs/access-control and
cloud.google.com/storage/docs/access-control/iam-roles. A role outside this table is refused by name.
"""

from __future__ import annotations

from localcloud.core.errors import Unsupported


def _of(prefix: str, verbs: str) -> frozenset[str]:
    return frozenset(f"{prefix}.{verb}" for verb in verbs.split())


_IAM = "getIamPolicy setIamPolicy"
_CRUD = "create delete get list update"
_DATASETS = _of("bigquery.datasets", f"create delete get update {_IAM}")
_TABLES = _of("bigquery.tables", f"{_CRUD} createIndex deleteIndex export getData updateData")
_MODELS = _of("bigquery.models", "create delete export getData getMetadata list updateData updateMetadata")
_JOBS = _of("bigquery.jobs", f"{_CRUD} listAll")
_CONNECTIONS = _of("bigquery.connections", f"{_CRUD} delegate use {_IAM}")
_OBJECT_REFS = _of("bigquery.objectRefs", "read write")
_BUCKETS = _of("storage.buckets", f"{_CRUD} {_IAM}")
_OBJECTS = _of("storage.objects", _CRUD)
_SERVICES = _of("serviceusage.services", "disable enable get list use")
_PROJECT = _of("resourcemanager.projects", f"get {_IAM}")
_REPOSITORIES = _of("dataform.repositories", f"{_CRUD} commit fetchHistory queryDirectoryContents readFile {_IAM}")
_BIGQUERY_CONFIG = _of("bigquery.config", "get update")
_READ_SESSIONS = _of("bigquery.readsessions", "create getData update")
_NOTEBOOKS = (
    _of("dataform.locations", "get list")
    | _of("dataform.collections", "create list")
    | _of("aiplatform.notebookRuntimeTemplates", "apply get list getIamPolicy")
    | _of("aiplatform.notebookRuntimes", "assign get list")
    | {"aiplatform.operations.list"}
)
"""What the tutorial lists for notebooks, beyond repositories. Only testIamPermissions answers them."""
_PREDICT = frozenset({"aiplatform.endpoints.predict"})
_SEE_PROJECT = frozenset({"resourcemanager.projects.get"})

_DATA_VIEWER = (
    _of("bigquery.datasets", "get getIamPolicy")
    | _of("bigquery.tables", "export get getData list")
    | _of("bigquery.models", "export getData getMetadata list")
)
_DATA_EDITOR = _DATA_VIEWER | _TABLES | _MODELS | {"bigquery.datasets.create"}
_DATA_OWNER = _DATASETS | _TABLES | _MODELS
_CONNECTION_USER = _of("bigquery.connections", "get getIamPolicy list use")
_JOB_USER = frozenset({"bigquery.jobs.create"})
_USER = _JOB_USER | _of("bigquery.datasets", "create get") | _of("bigquery.tables", "list") | {"bigquery.jobs.list"}
_BIGQUERY_ADMIN = _DATA_OWNER | _JOBS | _CONNECTIONS | _OBJECT_REFS | _BIGQUERY_CONFIG | _READ_SESSIONS
_READ_REPOSITORIES = _of("dataform.repositories", "fetchHistory get list queryDirectoryContents readFile")

_VIEWER = (
    _DATA_VIEWER
    | _of("bigquery.jobs", "create get list")
    | _CONNECTION_USER
    | _of("storage.buckets", "list")
    | _of("serviceusage.services", "get list use")
    | _READ_REPOSITORIES
    | _of("resourcemanager.projects", "get getIamPolicy")
)
_EDITOR = (
    _VIEWER
    | _DATA_EDITOR
    | _of("bigquery.connections", "create delete update")
    | _of("storage.buckets", "create delete")
    | _SERVICES
    | _REPOSITORIES - {"dataform.repositories.setIamPolicy"}
    | _PREDICT
)
_OWNER = _EDITOR | _BIGQUERY_ADMIN | _BUCKETS | _OBJECTS | _PROJECT | _REPOSITORIES | _NOTEBOOKS

ROLES: dict[str, frozenset[str]] = {
    "roles/owner": _OWNER,
    "roles/editor": _EDITOR,
    "roles/viewer": _VIEWER,
    "roles/aiplatform.user": _PREDICT | _SEE_PROJECT,
    "roles/aiplatform.admin": _PREDICT | _SEE_PROJECT,
    "roles/aiplatform.serviceAgent": _PREDICT | _of("storage.objects", "create get list") | {"storage.buckets.get"},
    "roles/bigquery.admin": _BIGQUERY_ADMIN | _SEE_PROJECT,
    "roles/bigquery.studioAdmin": _BIGQUERY_ADMIN | _SEE_PROJECT | _REPOSITORIES | _NOTEBOOKS | _PREDICT,
    "roles/bigquery.connectionAdmin": _CONNECTIONS,
    "roles/bigquery.connectionUser": _CONNECTION_USER,
    "roles/bigquery.dataEditor": _DATA_EDITOR | _SEE_PROJECT,
    "roles/bigquery.dataOwner": _DATA_OWNER | _SEE_PROJECT,
    "roles/bigquery.dataViewer": _DATA_VIEWER | _SEE_PROJECT,
    "roles/bigquery.jobUser": _JOB_USER | _SEE_PROJECT,
    "roles/bigquery.metadataViewer": _of("bigquery.datasets", "get") | _of("bigquery.tables", "get list"),
    "roles/bigquery.objectRefAdmin": _OBJECT_REFS,
    "roles/bigquery.objectRefReader": frozenset({"bigquery.objectRefs.read"}),
    "roles/bigquery.user": _USER | _CONNECTION_USER | _SEE_PROJECT,
    "roles/dataform.admin": _REPOSITORIES,
    "roles/dataform.viewer": _READ_REPOSITORIES,
    "roles/resourcemanager.projectIamAdmin": _PROJECT,
    "roles/serviceusage.serviceUsageAdmin": _SERVICES,
    "roles/serviceusage.serviceUsageConsumer": _of("serviceusage.services", "get list use"),
    "roles/storage.admin": _BUCKETS | _OBJECTS | _SEE_PROJECT,
    "roles/storage.legacyBucketOwner": _of("storage.buckets", f"get update {_IAM}")
    | _of("storage.objects", "create delete list"),
    "roles/storage.legacyBucketReader": frozenset({"storage.buckets.get", "storage.objects.list"}),
    "roles/storage.legacyBucketWriter": frozenset({"storage.buckets.get"})
    | _of("storage.objects", "create delete list"),
    "roles/storage.legacyObjectOwner": _of("storage.objects", "get update"),
    "roles/storage.legacyObjectReader": frozenset({"storage.objects.get"}),
    "roles/storage.objectAdmin": _OBJECTS | _SEE_PROJECT,
    "roles/storage.objectCreator": frozenset({"storage.objects.create"}) | _SEE_PROJECT,
    "roles/storage.objectUser": _OBJECTS | _SEE_PROJECT,
    "roles/storage.objectViewer": _of("storage.objects", "get list") | _SEE_PROJECT,
}

KNOWN = frozenset().union(*ROLES.values())
"""Every permission that testIamPermissions knows."""


def permissions(role: str) -> frozenset[str]:
    """What a role permits. Raises Unsupported, naming it, for a role outside the table."""
    if role not in ROLES:
        raise Unsupported(f"role {role!r}")
    return ROLES[role]
