"""The notebook in BigQuery Studio, with the stack's names filled in.

An edited notebook is left as it is, with a message, until the stack's own notebook changes or `pulumi refresh` takes
note of the edit. docs/decisions/2026-11-23-notebook.md says why.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pulumi
import pulumi_gcp as gcp
from pulumi.dynamic import ConfigureRequest, CreateResult, ReadResult, Resource, UpdateResult
from pydantic import TypeAdapter

from components.dynamic import Properties, Provider, hidden, inputs_of, say
from components.embeddings import Embeddings
from components.object_table import ObjectTable
from components.orphans import recreate_orphan
from components.remote_model import RemoteModel
from components.searches import RESULTS
from components.settings import Stack, provider_config
from imagesearch.errors import NotThere
from imagesearch.gcp import rest
from imagesearch.gcp.bigquery import api_root
from imagesearch.gcp.sql import table_name
from imagesearch.pipeline import notebook
from imagesearch.pipeline.notebook import Names, Repository, content, digest

_NAMES = TypeAdapter(Names)


class NotebookFileProvider(Provider):
    """The one file of the repository. It is deleted with the repository, so deleting it alone does nothing."""

    replacing = ("repository",)
    _client: rest.Client

    def configure(self, req: ConfigureRequest) -> None:
        super().configure(req)
        self._client = rest.Client.of(req.config.get)

    def moved(self, olds: Properties, news: Properties) -> bool:
        """Whether there is no file, as after a run that was killed before the commit. Reports edits."""
        try:
            saved = self._repository(news).read()
        except NotThere:
            return True
        if saved is None:
            return True
        if digest(saved) not in (olds["digest"], news["digest"]):
            if olds["digest"] == news["digest"]:
                then = "It is left as it is; `pulumi refresh` and `pulumi up` bring the stack's own back."
            else:
                then = "The stack's own has changed and takes its place; the edit stays in the version history."
            say(f"The notebook was {self._repository(news).newest() or 'edited'}. {then}")
        return False

    def create(self, props: Properties) -> CreateResult:
        self._repository(props).commit(_content(props), "Notebook of the stack")
        return CreateResult(f"{props['repository']}/{notebook.FILE}", props)

    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        self._repository(news).commit(_content(news), "Notebook of the stack, as it is now")
        return UpdateResult(news)

    def read(self, id_: str, props: Properties) -> ReadResult:
        try:
            saved = self._repository(props).read()
        except NotThere:
            return ReadResult("", {})
        if saved is None:
            return ReadResult("", {})
        if digest(saved) != props["digest"]:
            then = "The next `pulumi up` puts the stack's own on top; the edit stays in the version history."
            say(f"The notebook was {self._repository(props).newest() or 'edited'}. {then}")
            props = {**props, "digest": digest(saved)}
        return ReadResult(id_, props, inputs_of(props, "repository", "names", "digest"))

    def _repository(self, props: Properties) -> Repository:
        return Repository(props["repository"], self._client)


class NotebookFile(Resource, module="dataform", name="NotebookFile"):
    """See NotebookFileProvider."""

    def __init__(self, name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(NotebookFileProvider(), name, properties, hidden(opts))


class Notebook(pulumi.ComponentResource):
    """The tutorial's notebook; nothing at all when the settings want none."""

    about: dict[str, str]
    """{name, url, repository}, or nothing."""

    def __init__(
        self,
        name: str,
        stack: Stack,
        object_table: ObjectTable,
        model: RemoteModel,
        embeddings: Embeddings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("image-search:index:Notebook", name, None, opts)
        self.about = {}
        if stack.settings.notebook.enabled:
            self._deploy(name, stack, _names(stack, object_table, model, embeddings), embeddings)
        self.register_outputs({"about": self.about})

    def _deploy(self, name: str, stack: Stack, names: Names, embeddings: Embeddings) -> None:
        """The repository, and the file in it: after the embeddings that it names are complete."""
        called, region = stack.settings.notebook_name, stack.settings.notebook_region
        text = content(names)
        path = f"projects/{stack.project}/locations/{region}/repositories/{called}"
        repository = gcp.dataform.Repository(
            name,
            project=stack.project,
            region=region,
            name=called,
            display_name=called,
            labels={**stack.labels, **notebook.LABELS},
            deletion_policy="FORCE",
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=recreate_orphan(name, stack, lambda _: _repository_of(path).remove_orphan(stack.labels, text)),
            ),
        )
        NotebookFile(
            f"{name}-file",
            {**stack.place, "repository": path, "names": asdict(names), "digest": digest(text)},
            pulumi.ResourceOptions(parent=self, depends_on=[repository, embeddings.images]),
        )
        self.about = {"name": called, "url": notebook.console_url(stack.project, region, called), "repository": path}


def _names(stack: Stack, object_table: ObjectTable, model: RemoteModel, embeddings: Embeddings) -> Names:
    settings = stack.settings
    return Names(
        project=stack.project,
        location=stack.location,
        object_table=object_table.path.path,
        model=model.path.path,
        embeddings=embeddings.spec.table.path,
        failures=embeddings.spec.failures.path,
        results=table_name(stack.project, settings.dataset.id, RESULTS).path if settings.searches else "",
        content_types=settings.images.content_types,
        dimension=settings.embedding.dimension,
        distance=settings.index.distance,
        api_endpoint=api_root(provider_config("gcp:bigQueryCustomEndpoint") or ""),
    )


def _content(properties: Properties) -> str:
    return content(_NAMES.validate_python(properties["names"]))


def _repository_of(path: str) -> Repository:
    return Repository(path, rest.Client.of(provider_config))
