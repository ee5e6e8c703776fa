"""The remote model: the embedding endpoint, callable from SQL."""

from __future__ import annotations

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.connection import Connection
from components.dataset import Dataset
from components.dynamic import Properties, Provider, hidden, inputs_of, say
from components.settings import Stack
from imagesearch.gcp.sql import Identifier, table_name
from imagesearch.pipeline import remote_model
from imagesearch.pipeline.ownership import new_owner
from imagesearch.pipeline.remote_model import RemoteModelSpec
from imagesearch.settings.endpoints import MULTIMODAL_EMBEDDING

MODEL = "multimodal_embedding_model"


class RemoteModelProvider(Provider):
    """CREATE OR REPLACE MODEL, models.get, models.delete."""

    replacing = ("project", "location", "model")

    def create(self, props: Properties) -> CreateResult:
        owner = new_owner()
        remote_model.create(self.warehouse(props), RemoteModelSpec.from_properties(props), owner, say)
        return CreateResult(owner, props)

    def update(self, id_: str, _olds: Properties, news: Properties) -> UpdateResult:
        remote_model.create(self.warehouse(news), RemoteModelSpec.from_properties(news), id_, say)
        return UpdateResult(news)

    def read(self, id_: str, props: Properties) -> ReadResult:
        spec = RemoteModelSpec.from_properties(props)
        endpoint = remote_model.endpoint_of(self.warehouse(props), spec.model)
        if endpoint is None:
            return ReadResult("", {})
        actual = {**props, "endpoint": endpoint}
        return ReadResult(id_, actual, inputs_of(actual, *spec.to_properties()))

    def delete(self, id_: str, props: Properties) -> None:
        remote_model.delete(self.warehouse(props), RemoteModelSpec.from_properties(props).model, id_)


class RemoteModelResource(Resource, module="bigquery", name="RemoteModel"):
    """See RemoteModelProvider."""

    def __init__(
        self,
        name: str,
        stack: Stack,
        spec: RemoteModelSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(RemoteModelProvider(), name, {**stack.place, **spec.to_properties()}, hidden(opts))


class RemoteModel(pulumi.ComponentResource):
    """A model for the stack's endpoint. Another endpoint is another model, under a name of its own."""

    path: Identifier
    resource: RemoteModelResource

    def __init__(
        self,
        name: str,
        stack: Stack,
        dataset: Dataset,
        connection: Connection,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("image-search:index:RemoteModel", name, None, opts)
        endpoint = stack.settings.embedding.endpoint
        self.path = table_name(stack.project, stack.settings.dataset.id, model_table(endpoint))
        self.resource = RemoteModelResource(
            name,
            stack,
            RemoteModelSpec(model=self.path, connection=connection.path, endpoint=endpoint),
            pulumi.ResourceOptions(parent=self, depends_on=[dataset.contents, *connection.grants]),
        )
        self.register_outputs({"model": self.path.path})


def model_table(endpoint: str) -> str:
    """The model's name in the dataset: the tutorial's for the tutorial's endpoint, with the endpoint for others."""
    return MODEL if endpoint == MULTIMODAL_EMBEDDING.name else f"{MODEL}_{suffix(endpoint)}"


def suffix(text: str) -> str:
    """`text` as the end of an identifier."""
    return "".join(c if c.isalnum() else "_" for c in text)
