"""Every statement of queries/ with the names of one stack, and the catalog of the stack's dataset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from string import Template

import zetasql.types as z

from components import embeddings, object_table, searches, vector_index
from components.remote_model import model_table
from imagesearch.gcp import sql
from imagesearch.gcp.sql import Identifier, Labels, Placeholder, Text
from tests.inventory.stack_files import StackFile
from tests.oracle.zetasql_catalog import FLOAT64, INT64, OBJECTS, STRING, Catalog, array, scalar, struct

QUERIES = sorted(path.stem for path in sql.QUERIES.glob("*.sql"))
MAKING_TABLES = ("create_embeddings", "create_failures", "embed_batch", "embed_searches", "run_searches")
"""In the order in which a run makes tables: each is checked against what those before it made."""
PARAMETERS = {
    "content_types": array(STRING),
    "target_limit": INT64,
    "batch_size": INT64,
    "row_limit": INT64,
    "uri": STRING,
    "uris": array(STRING),
    "folder": STRING,
    "embedding": array(FLOAT64),
    "search_text": STRING,
    "every_uri": scalar("BOOL"),
    "status_prefix": STRING,
    "table_name": STRING,
    "searches": array(struct({"name": STRING, "text": STRING, "top_k": INT64})),
}
"""Every query parameter that a statement may use, by name. What the program declares is checked apart from these."""


@dataclass(frozen=True)
class StackStatements:
    """The statements of one stack."""

    file: StackFile

    def render(self, query: str) -> str:
        """queries/`query`.sql with this stack's names."""
        known = self.placeholders
        return sql.render(query, **{name: known[name] for name in placeholders_of(query)})

    def name(self, table: str) -> Identifier:
        return sql.table_name(self.file.project, self.file.settings.dataset.id, table)

    @property
    def placeholders(self) -> dict[str, Placeholder]:
        """A value for every placeholder that a statement may have."""
        settings, project = self.file.settings, self.file.project
        table, failures = embeddings.tables(settings)
        return {
            "object_table": self.name(object_table.TABLE),
            "embeddings": self.name(table),
            "failures": self.name(failures),
            "staging": self.name(f"{table}_staging_0123456789abcdef"),
            "table": self.name(table),
            "search_embeddings": self.name(searches.SEARCH_EMBEDDINGS),
            "results": self.name(searches.RESULTS),
            "model": self.name(model_table(settings.embedding.endpoint)),
            "connection": self.connection,
            "dataset": sql.dataset_name(project, settings.dataset.id),
            "index": sql.index_name(vector_index.INDEX),
            "index_type": Text("IVF" if settings.index.type == "none" else settings.index.type),
            "distance_type": Text(settings.index.distance),
            "endpoint": Text(settings.embedding.endpoint),
            "labels": Labels({"managed-by": "image-search", "image-search-stack": f"image-search-{self.file.stack}"}),
            "dimension": settings.embedding.dimension,
            "top_k": 3,
            "sample_size": 50,
        }

    @property
    def connection(self) -> Identifier:
        settings = self.file.settings
        return sql.connection_name(self.file.project, settings.dataset.location, f"{settings.dataset.id}_images")

    def catalog(self) -> Catalog:
        """The dataset after a run has made every table."""
        catalog = self.empty_catalog()
        for query in MAKING_TABLES:
            catalog.run(self.render(query), self.parameters(query))
        return catalog

    def empty_catalog(self) -> Catalog:
        """The dataset before a run: the object table and the model."""
        settings = self.file.settings
        catalog = Catalog(
            sql.dataset_name(self.file.project, settings.dataset.id).path,
            model=self.name(model_table(settings.embedding.endpoint)).path,
            connection=self.connection.path,
            endpoint=settings.embedding.endpoint,
        )
        catalog.tables[self.name(object_table.TABLE).path] = OBJECTS
        return catalog

    def parameters(self, query: str) -> dict[str, z.Type]:
        """The parameters that the statement uses."""
        return {name: kind for name, kind in PARAMETERS.items() if re.search(rf"@{name}\b", self.render(query))}


@cache
def placeholders_of(query: str) -> list[str]:
    """The placeholders that a file of queries/ has."""
    text = (sql.QUERIES / f"{query}.sql").read_text(encoding="utf-8")
    return Template(text).get_identifiers()
