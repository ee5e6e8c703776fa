"""The embeddings: a table that every `pulumi up` brings to the truth of the bucket."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from components.dynamic import Properties, Provider, hidden, identifier, inputs_of, say
from components.object_table import ObjectTable
from components.remote_model import RemoteModel, suffix
from components.settings import Stack
from imagesearch.errors import NotThere, PermissionMissing
from imagesearch.gcp.sql import Identifier, table_name
from imagesearch.pipeline import convergence, embeddings, plan
from imagesearch.pipeline.ownership import new_owner, owner_of
from imagesearch.settings.endpoints import MULTIMODAL_EMBEDDING
from imagesearch.settings.schema import Settings

TABLE = "met_image_embeddings"
FAILURES = "met_image_failures"
_INPUTS = (
    "object_table",
    "model",
    "table",
    "failures",
    "endpoint",
    "dimension",
    "content_types",
    "limit",
    "prune_to_limit",
    "wait",
    "max_attempts",
    "deadline_minutes",
    "budget_usd",
    "max_prune_fraction",
)
_SHOWN = ("objects", "target", "embedded", "set_aside", "stored")


class EmbeddingsTablesProvider(Provider):
    """The tables of embeddings and of failures. Apart from what fills them, so that a run that fails half way leaves
    tables that the state knows."""

    replacing = ("project", "location", "table", "failures")

    def create(self, props: Properties) -> CreateResult:
        owner = new_owner()
        embeddings.create_tables(self.warehouse(props), *_tables(props), owner)
        return CreateResult(owner, {**props, "owner": owner})

    def read(self, id_: str, props: Properties) -> ReadResult:
        gone = any(owner_of(self.warehouse(props), name) is None for name in _tables(props))
        return ReadResult("", {}) if gone else ReadResult(id_, props)

    def delete(self, id_: str, props: Properties) -> None:
        embeddings.drop_tables(self.warehouse(props), *_tables(props), id_)


class EmbeddingsTables(Resource, module="bigquery", name="EmbeddingsTables"):
    """See EmbeddingsTablesProvider."""

    owner: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        stack: Stack,
        table: Identifier,
        failures: Identifier,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {**stack.place, "table": table.path, "failures": failures.path, "owner": None}
        super().__init__(EmbeddingsTablesProvider(), name, properties, hidden(opts))


class EmbeddedImagesProvider(Provider):
    """Converges the rows of the tables; deletes none, for they go with the tables."""

    replacing = ("project", "location", "table")

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        found = super().diff(_id, olds, news)
        if "table" in (found.replaces or ()) and "budget_usd" in news:
            say(_anew(news))
        return found

    def moved(self, olds: Properties, news: Properties) -> bool:
        if news["sync"] == "onChange":
            return False
        work = embeddings.parse(news)
        try:
            counts = embeddings.count(self.warehouse(news), work)
        except (NotThere, PermissionMissing):  # an update waits for grants that are on their way
            return True
        if counts.settled(work):
            return bool(counts.version != olds["version"])
        say(plan.work(work, counts))
        return True

    def create(self, props: Properties) -> CreateResult:
        """Beside other embeddings these are completed, whatever `wait` says: next the searches move here."""
        work = embeddings.parse(props)
        if not work.wait and embeddings.others(self.warehouse(props), work.table, TABLE):
            say(
                "waiting, though embedding.wait is false: searches answer from the old vectors until these are complete"
            )
            work = replace(work, wait=True)
        return CreateResult(props["table"], self._converge(props, work))

    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        return UpdateResult(self._converge(news, embeddings.parse(news)))

    def read(self, id_: str, props: Properties) -> ReadResult:
        inputs = inputs_of(props, *_INPUTS, "owner", "sync")
        try:
            counts = embeddings.count(self.warehouse(props), embeddings.parse(props))
        except NotThere:
            return ReadResult("", {})
        except PermissionMissing:  # the refresh notes which grant is gone, and an up restores it
            return ReadResult(id_, props, inputs)
        return ReadResult(id_, {**props, **_shown(counts)}, inputs)

    def _converge(self, props: Properties, work: embeddings.Embeddings) -> Properties:
        warehouse = self.warehouse(props)
        embeddings.create_tables(warehouse, work.table, work.failures, props["owner"])
        outcome = convergence.converge(warehouse, work, say)
        run = {"added": outcome.added, "updated": outcome.updated, "deleted": outcome.deleted}
        return {**props, **_shown(outcome.counts), **run, "complete": outcome.complete}


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
        outputs = (*_SHOWN, "pending", "version", "added", "updated", "deleted", "complete")
        super().__init__(EmbeddedImagesProvider(), name, {**dict.fromkeys(outputs), **properties}, hidden(opts))


class Embeddings(pulumi.ComponentResource):
    """Vectors of the bucket's images, of one endpoint and one length. Another endpoint or length is another table."""

    path: Identifier
    failures: Identifier
    images: EmbeddedImages
    owner: pulumi.Output[str]
    """Id of the resource that owns the tables."""
    work: dict[str, Any]
    """What is to be embedded, as plain values."""

    def __init__(
        self,
        name: str,
        stack: Stack,
        object_table: ObjectTable,
        model: RemoteModel,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("image-search:index:Embeddings", name, None, opts)
        table, failures = tables(stack.settings)
        self.path = table_name(stack.project, stack.settings.dataset.id, table)
        self.failures = table_name(stack.project, stack.settings.dataset.id, failures)
        self.work = _properties(stack.settings, object_table, model, self)
        depends_on = [object_table.table, model.resource]
        made = EmbeddingsTables(
            f"{name}-tables",
            stack,
            self.path,
            self.failures,
            pulumi.ResourceOptions(parent=self, depends_on=depends_on),
        )
        self.owner = made.owner
        self.images = EmbeddedImages(
            name,
            {**stack.place, **self.work, "sync": stack.settings.embedding.sync, "owner": self.owner},
            pulumi.ResourceOptions(parent=self, depends_on=depends_on),
        )
        self.register_outputs({"table": self.path.path})


def tables(settings: Settings) -> tuple[str, str]:
    """Names of the tables of embeddings and failures: the tutorial's for its endpoint and length, longer for others."""
    embedding = settings.embedding
    if (embedding.endpoint, embedding.length) == (MULTIMODAL_EMBEDDING.name, MULTIMODAL_EMBEDDING.default_dimension):
        return TABLE, FAILURES
    kind = f"{suffix(embedding.endpoint)}_{embedding.length}"
    return f"{TABLE}_{kind}", f"{FAILURES}_{kind}"


def _properties(settings: Settings, object_table: ObjectTable, model: RemoteModel, made: Embeddings) -> dict[str, Any]:
    return {
        "object_table": object_table.path.path,
        "model": model.path.path,
        "table": made.path.path,
        "failures": made.failures.path,
        "endpoint": settings.embedding.endpoint,
        "dimension": settings.embedding.length,
        "content_types": settings.images.content_types,
        "limit": settings.images.limit,
        "prune_to_limit": settings.images.prune_to_limit,
        **settings.embedding.model_dump(
            include={"wait", "max_attempts", "deadline_minutes", "budget_usd", "max_prune_fraction"}
        ),
    }


def _anew(properties: Properties) -> str:
    """What vectors of another kind take: all anew, beside those that are there."""
    limit = properties.get("limit")
    return plan.most(
        properties["endpoint"],
        properties["location"],
        None if limit is None else int(limit),
        float(properties["budget_usd"]),
    )


def _tables(properties: Properties) -> tuple[Identifier, Identifier]:
    return identifier(properties["table"]), identifier(properties["failures"])


def _shown(counts: embeddings.Counts) -> Properties:
    numbers = asdict(counts)
    return {**{key: numbers[key] for key in _SHOWN}, "pending": counts.pending, "version": counts.version}
