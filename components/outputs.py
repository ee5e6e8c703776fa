"""The stack's outputs: names of what was made, counts, the index, what the searches found, the estimate.

`python -m imagesearch` works from these alone, and docs/reference.md lists them.
"""

from __future__ import annotations

import pulumi

from components.connection import Connection
from components.embeddings import Embeddings
from components.notebook import Notebook
from components.object_table import ObjectTable
from components.remote_model import RemoteModel
from components.searches import RESULTS, SEARCH_EMBEDDINGS, Searches
from components.settings import Stack
from components.vector_index import VectorIndex
from imagesearch.gcp.sql import table_name
from imagesearch.pipeline.plan import estimate_of

_COUNTS = ("objects", "target", "embedded", "set_aside", "pending", "added", "updated", "deleted", "complete")


def export(
    stack: Stack,
    connection: Connection,
    object_table: ObjectTable,
    model: RemoteModel,
    embeddings: Embeddings,
    index: VectorIndex,
    searches: Searches,
    notebook: Notebook,
) -> None:
    """Export every output of the stack."""
    settings = stack.settings
    named = {
        "project": stack.project,
        "location": stack.location,
        "dataset": settings.dataset.id,
        "connection": connection.name,
        "service_account": connection.service_account,
        "object_table": object_table.path.path,
        "model": model.path.path,
        "endpoint": settings.embedding.endpoint,
        "dimension": settings.embedding.dimension,
        "distance": settings.index.distance,
        "embeddings_table": embeddings.spec.table.path,
        "failures_table": embeddings.spec.failures.path,
        "search_embeddings_table": table_name(stack.project, settings.dataset.id, SEARCH_EMBEDDINGS).path,
        "results_table": table_name(stack.project, settings.dataset.id, RESULTS).path,
        "labels": stack.labels,
    }
    for name, value in named.items():
        pulumi.export(name, value)
    for name in _COUNTS:
        pulumi.export(name, getattr(embeddings.images, name))
    pulumi.export("index", index.state)
    pulumi.export("convergence", embeddings.spec.to_properties())
    pulumi.export("queries", [query.model_dump() for query in settings.searches])
    pulumi.export("searches", searches.found)
    pulumi.export("notebook", notebook.about)
    pulumi.export("estimate", estimate_of(settings))
