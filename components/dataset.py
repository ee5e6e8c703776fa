"""The dataset, and its contents: on destroy it is deleted with everything of this stack, and with nothing else.

A dataset cannot be moved, and a new one in its place would begin with paying for every image again; so a changed
location is refused, and so is a dataset that belongs to another stack: imagesearch/checks/preflight.py.
"""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp
from pulumi.dynamic import CreateResult, ReadResult, Resource

from components.dynamic import Properties, Provider, hidden
from components.orphans import recreate_orphan
from components.settings import Stack
from imagesearch.errors import NotOurs
from imagesearch.gcp.sql import dataset_name
from imagesearch.pipeline.ownership import describe, drop_empty_dataset, sweep


class DatasetContentsProvider(Provider):
    """The contents of the dataset. Deleting it drops what carries this stack's labels, and fails while tables or models
    of others are there."""

    replacing = ("project", "location", "dataset")

    def create(self, props: Properties) -> CreateResult:
        return CreateResult(f"{props['project']}.{props['dataset']}", props)

    def read(self, id_: str, props: Properties) -> ReadResult:
        return ReadResult(id_, props)

    def delete(self, _id: str, props: Properties) -> None:
        foreign = sweep(self.warehouse(props), props["project"], props["dataset"])
        if foreign:
            raise NotOurs(
                f"The dataset {_id} holds what this stack did not make: {describe(foreign)}. It is left as it is.",
                "Move or drop these, then run `pulumi destroy` again; or `pulumi state delete` the dataset to keep it.",
            )


class DatasetContents(Resource, module="bigquery", name="DatasetContents"):
    """See DatasetContentsProvider."""

    def __init__(self, name: str, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            DatasetContentsProvider(), name, {**stack.place, "dataset": stack.settings.dataset.id}, hidden(opts)
        )


class Dataset(pulumi.ComponentResource):
    """The tutorial's dataset."""

    id_: pulumi.Output[str]
    """The dataset's id, without the project."""
    contents: DatasetContents

    def __init__(self, name: str, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("image-search:index:Dataset", name, None, opts)
        settings = stack.settings.dataset
        dataset = gcp.bigquery.Dataset(
            name,
            project=stack.project,
            dataset_id=settings.id,
            location=settings.location,
            description=settings.description,
            labels=stack.labels,
            delete_contents_on_destroy=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=recreate_orphan(
                    name,
                    stack,
                    lambda warehouse: drop_empty_dataset(warehouse, dataset_name(stack.project, settings.id)),
                ),
            ),
        )
        self.contents = DatasetContents(
            f"{name}-contents", stack, pulumi.ResourceOptions(parent=self, depends_on=[dataset])
        )
        self.id_ = dataset.dataset_id
        self.register_outputs({"id": self.id_})
