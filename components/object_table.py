"""The object table: a table of what is in the bucket, live."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from components.connection import Connection, retry_until_grant_acts
from components.dataset import Dataset
from components.orphans import recreate_orphan
from components.settings import Stack
from imagesearch.gcp.sql import Identifier, table_name
from imagesearch.pipeline.ownership import drop_table

TABLE = "met_images"


class ObjectTable(pulumi.ComponentResource):
    """One row an object of the bucket."""

    path: Identifier
    table: gcp.bigquery.Table

    def __init__(
        self,
        name: str,
        stack: Stack,
        dataset: Dataset,
        connection: Connection,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("image-search:index:ObjectTable", name, None, opts)
        self.path = table_name(stack.project, stack.settings.dataset.id, TABLE)
        self.table = gcp.bigquery.Table(
            name,
            project=stack.project,
            dataset_id=dataset.id_,
            table_id=TABLE,
            labels=stack.labels,
            deletion_protection=False,
            external_data_configuration={
                "connection_id": connection.name,
                "source_uris": list(stack.settings.images.uris),
                "object_metadata": "SIMPLE",
                "autodetect": False,
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[dataset.contents, *connection.grants],
                replace_on_changes=["externalDataConfiguration"],  # it holds no data: replaced, not patched
                delete_before_replace=True,
                hooks=recreate_orphan(
                    name,
                    stack,
                    lambda warehouse: drop_table(warehouse, self.path),
                    pulumi.ErrorHook(f"{name}-grant-acts", retry_until_grant_acts),
                ),
            ),
        )
        self.register_outputs({"table": self.path.path})
