"""The vector index: created when there are rows enough, checked on every `pulumi up`, its recall measured."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.dynamic import Properties, Provider, hidden, inputs_of, say
from components.embeddings import Embeddings
from components.settings import Stack
from imagesearch.errors import NotThere
from imagesearch.pipeline import vector_index
from imagesearch.pipeline.ownership import owner_of
from imagesearch.pipeline.vector_index import VectorIndexSpec

INDEX = "met_images_index"
_BESIDE = ("owner", "rows", "version")
"""Inputs that are not of the specification: they come from other resources."""


class VectorIndexProvider(Provider):
    """CREATE, DROP and ALTER VECTOR INDEX, whichever the state of the index asks for."""

    replacing = ("project", "location", "table")

    def moved(self, olds: Properties, news: Properties) -> bool:
        try:
            state = self._current_state(news)
        except NotThere:
            return True
        return bool(state.status != olds["status"])

    def create(self, props: Properties) -> CreateResult:
        return CreateResult(f"{props['table']}.{props['index']}", self._ensure(props))

    def update(self, _id: str, olds: Properties, news: Properties) -> UpdateResult:
        if any(olds[key] != news[key] for key in ("type", "distance")):
            vector_index.drop(self.warehouse(olds), VectorIndexSpec.from_properties(olds))
        return UpdateResult(self._ensure(news))

    def read(self, id_: str, props: Properties) -> ReadResult:
        try:
            state = self._current_state(props)
        except NotThere:
            return ReadResult("", {})
        seen = {**props, "status": state.status, "coverage": state.coverage}
        return ReadResult(id_, seen, inputs_of(props, *VectorIndexSpec.inputs(), *_BESIDE))

    def delete(self, _id: str, props: Properties) -> None:
        spec = VectorIndexSpec.from_properties(props)
        if owner_of(self.warehouse(props), spec.table) == props["owner"]:  # else a successor has table and index
            vector_index.drop(self.warehouse(props), spec)

    def _current_state(self, props: Properties) -> vector_index.State:
        spec = VectorIndexSpec.from_properties(props)
        return vector_index.current_state(self.warehouse(props), spec, int(props["rows"]))

    def _ensure(self, props: Properties) -> Properties:
        state = vector_index.ensure(
            self.warehouse(props), VectorIndexSpec.from_properties(props), int(props["rows"]), say
        )
        return {**props, **asdict(state)}


class VectorIndexResource(Resource, module="bigquery", name="VectorIndex"):
    """See VectorIndexProvider."""

    status: pulumi.Output[str]
    reason: pulumi.Output[str]
    coverage: pulumi.Output[int]
    recall: pulumi.Output[float | None]

    def __init__(self, name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = dict.fromkeys(("status", "reason", "coverage", "recall"))
        super().__init__(VectorIndexProvider(), name, {**outputs, **properties}, hidden(opts))


class VectorIndex(pulumi.ComponentResource):
    """The index over the embeddings; below 5,000 rows there is none, and the reason is an output."""

    resource: VectorIndexResource
    state: pulumi.Output[dict[str, Any]]

    def __init__(
        self, name: str, stack: Stack, embeddings: Embeddings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("image-search:index:VectorIndex", name, None, opts)
        table, dimension = embeddings.spec.table, embeddings.spec.dimension
        spec = VectorIndexSpec(index=INDEX, table=table, dimension=dimension, **stack.settings.index.model_dump())
        images = embeddings.images
        self.resource = VectorIndexResource(
            name,
            {
                **stack.place,
                **spec.to_properties(),
                "owner": embeddings.owner,
                "rows": images.stored,
                "version": images.version,
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.state = pulumi.Output.all(
            name=INDEX,
            status=self.resource.status,
            reason=self.resource.reason,
            coverage=self.resource.coverage,
            recall=self.resource.recall,
        )
        self.register_outputs({"state": self.state})
