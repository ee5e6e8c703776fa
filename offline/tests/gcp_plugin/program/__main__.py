"""One resource of every type that the plugin supports, as a program would declare them."""

from typing import Any

import pulumi
import pulumi_gcp as gcp

config = pulumi.Config()
project = gcp.organizations.get_project().project_id or ""


def account(cloud_resource: Any) -> str:
    return f"serviceAccount:{cloud_resource['service_account_id']}"


apis = [
    gcp.projects.Service(name, service=f"{name}.googleapis.com")
    for name in ("bigqueryconnection", "aiplatform", "dataform")
]
enabled = pulumi.ResourceOptions(depends_on=apis)
dataset = gcp.bigquery.Dataset(
    "dataset",
    dataset_id="pictures",
    location="US",
    description=config.get_secret("description"),
    labels={"made-by": "test"},
)
connection = gcp.bigquery.Connection(
    "connection", connection_id="pictures", location="US", cloud_resource={}, opts=enabled
)
member = connection.cloud_resource.apply(account)
grants = [
    gcp.projects.IAMMember("project", project=project, role="roles/aiplatform.user", member=member),
    gcp.storage.BucketIAMMember("bucket", bucket="demo-images", role="roles/storage.objectViewer", member=member),
    gcp.bigquery.ConnectionIamMember(
        "user",
        connection_id=connection.connection_id,
        location=connection.location,
        role="roles/bigquery.connectionUser",
        member="user:somebody@example.com",
    ),
]
table = gcp.bigquery.Table(
    "table",
    dataset_id=dataset.dataset_id,
    table_id="pictures",
    deletion_protection=False,
    external_data_configuration={
        "autodetect": False,
        "connection_id": connection.name,
        "object_metadata": "SIMPLE",
        "source_uris": [f"gs://demo-images/{config.get('prefix') or ''}*"],
    },
    opts=pulumi.ResourceOptions(
        depends_on=grants, replace_on_changes=["externalDataConfiguration"], delete_before_replace=True
    ),
)
repository = gcp.dataform.Repository(
    "repository", name="pictures", region="us-central1", deletion_policy="FORCE", opts=enabled
)
pulumi.export("member", member)
pulumi.export("table", {"id": table.id, "type": table.type, "schema": table.schema, "location": table.location})
pulumi.export("dataset", {"id": dataset.id, "link": dataset.self_link, "since": dataset.creation_time})
pulumi.export("labels", dataset.labels)
