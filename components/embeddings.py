"""The embeddings: a table that every `pulumi up` brings up to date with the bucket."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from components.dynamic import Properties, Provider, hidden, inputs_of, say
from components.object_table import ObjectTable
from components.remote_model import RemoteModel, suffix
from components.settings import Stack
from imagesearch.errors import NotThere, PermissionMissing
from imagesearch.gcp.sql import table_name
from imagesearch.pipeline import convergence, embedding_tables, plan
from imagesearch.pipeline.embedding_tables import TablesSpec
from imagesearch.pipeline.embeddings import Counts, EmbeddingsSpec, EmbeddingStore
from imagesearch.pipeline.ownership import new_owner, owner_of
from imagesearch.settings.endpoints import MULTIMODAL_EMBEDDING
from imagesearch.settings.schema import Settings

TABLE = "met_image_embeddings"
FAILURES = "met_image_failures"
_COUNTS = ("objects", "target", "embedded", "set_aside", "stored")


class EmbeddingsTablesProvider(Provider):
    """The tables of embeddings and of failures. Apart from what fills them, so that a run that fails half way leaves
    tables that the state knows."""

    replacing = ("project", "location", "table", "failures")

    def create(self, props: Properties) -> CreateResult:
        owner = new_owner()
        embedding_tables.create(self.warehouse(props), TablesSpec.from_properties(props), owner)
        return CreateResult(owner, {**props, "owner": owner})

    def read(self, id_: str, props: Properties) -> ReadResult:
        tables = TablesSpec.from_properties(props)
        gone = any(owner_of(self.warehouse(props), name) is None for name in (tables.table, tables.failures))
        return ReadResult("", {}) if gone else ReadResult(id_, props)

    def delete(self, id_: str, props: Properties) -> None:
        embedding_tables.drop(self.warehouse(props), TablesSpec.from_properties(props), id_)


class EmbeddingsTables(Resource, module="bigquery", name="EmbeddingsTables"):
    """See EmbeddingsTablesProvider."""

    owner: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: Stack,
        tables: TablesSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {**stack.place, **tables.to_properties(), "owner": None}
        super().__init__(EmbeddingsTablesProvider(), name, properties, hidden(opts))


class EmbeddedImagesProvider(Provider):
    """Converges the rows of the tables; deletes none, for they go with the tables."""

    replacing = ("project", "location", "table")

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        found = super().diff(_id, olds, news)
        if "table" in (found.replaces or ()) and "budget_usd" in news:
            say(_replacement_cost(EmbeddingsSpec.from_properties(news)))
        return found

    def moved(self, olds: Properties, news: Properties) -> bool:
        spec = EmbeddingsSpec.from_properties(news)
        if spec.sync == "onChange":
            return False
        try:
            counts = EmbeddingStore(self.warehouse(news), spec).count()
        except (NotThere, PermissionMissing):  # an update waits for grants that do not act yet
            return True
        if counts.settled(spec):
            return bool(counts.version != olds["version"])
        say(plan.summary(spec, counts))
        return True

    def create(self, props: Properties) -> CreateResult:
        """Beside other embeddings these are completed, whatever `wait` says: next the searches move here."""
        spec = EmbeddingsSpec.from_properties(props)
        if not spec.wait and embedding_tables.others(self.warehouse(props), spec, TABLE):
            say(
                "waiting, though embedding.wait is false: searches answer from the old vectors until these are complete"
            )
            spec = spec.model_copy(update={"wait": True})
        return CreateResult(props["table"], self._converge(props, spec))

    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        return UpdateResult(self._converge(news, EmbeddingsSpec.from_properties(news)))

    def read(self, id_: str, props: Properties) -> ReadResult:
        spec = EmbeddingsSpec.from_properties(props)
        inputs = inputs_of(props, *spec.inputs(), "owner")
        try:
            counts = EmbeddingStore(self.warehouse(props), spec).count()
        except NotThere:
            return ReadResult("", {})
        except PermissionMissing:  # the refresh notes which grant is gone, and an up restores it
            return ReadResult(id_, props, inputs)
        return ReadResult(id_, {**props, **_outputs(counts)}, inputs)

    def _converge(self, props: Properties, spec: EmbeddingsSpec) -> Properties:
        warehouse = self.warehouse(props)
        embedding_tables.create(warehouse, spec, props["owner"])
        outcome = convergence.converge(warehouse, spec, say)
        run = {"added": outcome.added, "updated": outcome.updated, "deleted": outcome.deleted}
        return {**props, **_outputs(outcome.counts), **run, "complete": outcome.complete}


class EmbeddedImages(Resource, module="bigquery", name="EmbeddedImages"):
    """See EmbeddedImagesProvider. Counts are of images."""

    objects: pulumi.Output[int]
    target: pulumi.Output[int]
    embedded: pulumi.Output[int]
    set_aside: pulumi.Output[int]
    pending: pulumi.Output[int]
    stored: pulumi.Output[int]
    added: pulumi.Output[int]
    updated: pulumi.Output[int]
    deleted: pulumi.Output[int]
    complete: pulumi.Output[bool]
    version: pulumi.Output[str]

    def __init__(self, name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = (*_COUNTS, "pending", "version", "added", "updated", "deleted", "complete")
        super().__init__(EmbeddedImagesProvider(), name, {**dict.fromkeys(outputs), **properties}, hidden(opts))


class Embeddings(pulumi.ComponentResource):
    """Vectors of the bucket's images, of one endpoint and one length. Another endpoint or length is another table."""

    spec: EmbeddingsSpec
    images: EmbeddedImages
    owner: pulumi.Output[str]
    """Id of the resource that owns the tables."""

    def __init__(
        self,
        name: str,
        stack: Stack,
        object_table: ObjectTable,
        model: RemoteModel,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("image-search:index:Embeddings", name, None, opts)
        table, failures = (table_name(stack.project, stack.settings.dataset.id, id_) for id_ in tables(stack.settings))
        self.spec = EmbeddingsSpec.of(
            stack.settings, object_table=object_table.path, model=model.path, table=table, failures=failures
        )
        options = pulumi.ResourceOptions(parent=self, depends_on=[object_table.table, model.resource])
        made = EmbeddingsTables(f"{name}-tables", stack, TablesSpec(table=table, failures=failures), options)
        self.owner = made.owner
        properties = {**stack.place, **self.spec.to_properties(), "owner": self.owner}
        self.images = EmbeddedImages(name, properties, options)
        self.register_outputs({"table": table.path})


def tables(settings: Settings) -> tuple[str, str]:
    """Names of the tables of embeddings and failures: the tutorial's for its endpoint and length, longer for others."""
    embedding = settings.embedding
    if (embedding.endpoint, embedding.dimension) == (MULTIMODAL_EMBEDDING.name, MULTIMODAL_EMBEDDING.default_dimension):
        return TABLE, FAILURES
    kind = f"{suffix(embedding.endpoint)}_{embedding.dimension}"
    return f"{TABLE}_{kind}", f"{FAILURES}_{kind}"


def _replacement_cost(spec: EmbeddingsSpec) -> str:
    """What vectors of another kind cost: every image is embedded again, beside the vectors that are there."""
    return plan.upper_bound_of(spec.endpoint, spec.location, spec.limit, spec.budget_usd)


def _outputs(counts: Counts) -> Properties:
    numbers = asdict(counts)
    return {**{key: numbers[key] for key in _COUNTS}, "pending": counts.pending, "version": counts.version}
