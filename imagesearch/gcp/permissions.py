"""The permissions that the caller needs: those of Google's tutorial that this program uses.

Sources, as of 2026-11-22: the tutorial's section "Required roles"; for the permissions in these roles
docs.cloud.google.com/bigquery/docs/access-control and
docs.cloud.google.com/storage/docs/access-control/iam-permissions. They are tested on the project, which does not
show a role that is granted only on a dataset.
"""

from __future__ import annotations

SERVICES = (
    "bigquery.googleapis.com",
    "bigqueryconnection.googleapis.com",
    "aiplatform.googleapis.com",
    "storage.googleapis.com",
)
"""APIs that the pipeline uses."""
NOTEBOOK_SERVICES = ("dataform.googleapis.com",)
"""More APIs that the notebook needs."""

STUDIO_ADMIN = "roles/bigquery.studioAdmin"
PROJECT_IAM_ADMIN = "roles/resourcemanager.projectIamAdmin"
SERVICE_USAGE_ADMIN = "roles/serviceusage.serviceUsageAdmin"
STORAGE_ADMIN = "roles/storage.admin"

ENABLE = "serviceusage.services.enable"
"""Needed only if an API is not enabled yet."""
ON_BUCKET = ("storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy")
"""To grant the connection read access to a bucket that is not public."""

_ONCE: dict[str, tuple[str, ...]] = {
    STUDIO_ADMIN: (
        "bigquery.datasets.create",
        "bigquery.connections.create",
        "bigquery.connections.get",
        "bigquery.connections.delegate",
        "bigquery.connections.use",
    ),
    PROJECT_IAM_ADMIN: (
        "resourcemanager.projects.get",
        "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
    ),
}
"""Needed to create the stack, by the role that has them."""
_ALWAYS: dict[str, tuple[str, ...]] = {
    STUDIO_ADMIN: (
        "bigquery.datasets.get",
        "bigquery.jobs.create",
        "bigquery.models.create",
        "bigquery.models.delete",
        "bigquery.models.getData",
        "bigquery.models.getMetadata",
        "bigquery.models.list",
        "bigquery.models.updateData",
        "bigquery.models.updateMetadata",
        "bigquery.tables.create",
        "bigquery.tables.delete",
        "bigquery.tables.get",
        "bigquery.tables.getData",
        "bigquery.tables.list",
        "bigquery.tables.update",
        "bigquery.tables.updateData",
    ),
}
"""Needed by every `pulumi up`, by the role that has them."""
_NOTEBOOK: dict[str, tuple[str, ...]] = {
    STUDIO_ADMIN: (
        "dataform.repositories.commit",
        "dataform.repositories.create",
        "dataform.repositories.fetchHistory",
        "dataform.repositories.get",
        "dataform.repositories.readFile",
    )
}
_INDEX: dict[str, tuple[str, ...]] = {STUDIO_ADMIN: ("bigquery.tables.createIndex", "bigquery.tables.deleteIndex")}


def services(*, notebook: bool) -> tuple[str, ...]:
    """The APIs of a stack, with or without a notebook."""
    return (*SERVICES, *NOTEBOOK_SERVICES) if notebook else SERVICES


def on_project(*, first: bool, index: bool, notebook: bool = False) -> dict[str, str]:
    """The permissions that are needed on the project, each with the role that the tutorial grants for it.

    `first`: the stack does not exist yet. `index`: it has a vector index. `notebook`: it has a notebook.
    """
    groups = ((_ONCE, first), (_ALWAYS, True), (_INDEX, index), (_NOTEBOOK, notebook))
    chosen = [group for group, needed in groups if needed]
    return {permission: role for group in chosen for role, names in group.items() for permission in names}
