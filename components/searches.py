"""The searches: every text embedded, one VECTOR_SEARCH over them all, the results in a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.dynamic import Properties, Provider, hidden, say
from components.embeddings import Embeddings
from components.remote_model import RemoteModel
from components.settings import Stack
from components.vector_index import VectorIndex
from imagesearch.errors import NotThere
from imagesearch.gcp.sql import table_name
from imagesearch.pipeline import search
from imagesearch.pipeline.search import SearchesSpec

SEARCH_EMBEDDINGS = "search_embedding"
RESULTS = "vector_search_results"


class SearchesProvider(Provider):
    """Runs every search again whenever a text, a number of results or the embeddings change."""

    replacing = ("project", "location", "search_embeddings", "results")

    def create(self, props: Properties) -> CreateResult:
        return CreateResult(props["results"], self._run(props))

    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        return UpdateResult(self._run(news))

    def read(self, id_: str, props: Properties) -> ReadResult:
        try:
            hits = search.results(self.warehouse(props), SearchesSpec.from_properties(props))
        except NotThere:
            return ReadResult("", {})
        return ReadResult(id_, {**props, "found": _plain(hits)})

    def delete(self, _id: str, props: Properties) -> None:
        search.drop(self.warehouse(props), SearchesSpec.from_properties(props))

    def _run(self, props: Properties) -> Properties:
        return {**props, "found": _plain(search.run(self.warehouse(props), SearchesSpec.from_properties(props), say))}


class SearchesResource(Resource, module="bigquery", name="Searches"):
    """See SearchesProvider."""

    found: pulumi.Output[dict[str, list[dict[str, Any]]]]

    def __init__(self, name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(SearchesProvider(), name, {"found": None, **properties}, hidden(opts))


class Searches(pulumi.ComponentResource):
    """The stack's searches and what they found: {name: [{uri, distance, caption}]}, nearest first."""

    found: pulumi.Output[dict[str, list[dict[str, Any]]]]

    def __init__(
        self,
        name: str,
        stack: Stack,
        model: RemoteModel,
        embeddings: Embeddings,
        index: VectorIndex,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("image-search:index:Searches", name, None, opts)
        settings = stack.settings
        self.found = pulumi.Output.from_input({})
        if settings.searches:
            spec = SearchesSpec(
                queries=settings.searches,
                model=model.path,
                embeddings=embeddings.spec.table,
                search_embeddings=table_name(stack.project, settings.dataset.id, SEARCH_EMBEDDINGS),
                results=table_name(stack.project, settings.dataset.id, RESULTS),
                dimension=settings.embedding.dimension,
                distance=settings.index.distance,
            )
            properties = {**stack.place, **spec.to_properties(), "version": embeddings.images.version}
            options = pulumi.ResourceOptions(parent=self, depends_on=[index.resource])
            self.found = SearchesResource(name, properties, options).found
        self.register_outputs({"found": self.found})


def _plain(hits: dict[str, list[search.Hit]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [asdict(hit) for hit in found] for name, found in hits.items()}
