"""Searching: texts become vectors by the images' own model, VECTOR_SEARCH finds the nearest.

The function: docs/bigquery-contract.md#7-vector_search. `distance_type` is always given: without it the service takes
the index's type only when it uses the index (docs/bigquery-contract.md#02-distance_type).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception, stop_after_attempt

from imagesearch.errors import Stalled, StatementFailed
from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.clients import bigquery
from imagesearch.gcp.grants import Say, until_granted
from imagesearch.gcp.sql import Text
from imagesearch.pipeline import ownership
from imagesearch.settings.schema import Distance, Search
from imagesearch.settings.spec import Name, Spec

EMBED_ATTEMPTS = 5
"""How often texts that failed are embedded again; there are few of them, and they cost next to nothing."""


@dataclass(frozen=True)
class Hit:
    """An image that was found. Smaller distances are nearer."""

    uri: str
    distance: float
    caption: str | None = None


class SearchesSpec(Spec):
    """The searches of a stack, and where their tables are."""

    queries: list[Search]
    model: Name
    embeddings: Name
    search_embeddings: Name
    results: Name
    dimension: int
    distance: Distance


def run(warehouse: Warehouse, searches: SearchesSpec, say: Say) -> dict[str, list[Hit]]:
    """Embed every text, search with every vector, keep both in tables. Hits by search, nearest first.

    Raises NotOurs before anything is replaced that is someone else's, PermissionMissing when the grant of the endpoint
    does not act in time, and Stalled when a text gets no embedding.
    """
    for table in (searches.search_embeddings, searches.results):
        ownership.refuse_foreign_table(warehouse, table)
    until_granted(lambda: _embed(warehouse, searches), say, project=searches.model.parts[0])
    labels = sql.Labels(warehouse.labels)
    warehouse.query(
        sql.render(
            "run_searches",
            results=searches.results,
            labels=labels,
            embeddings=searches.embeddings,
            search_embeddings=searches.search_embeddings,
            top_k=max(query.top_k for query in searches.queries),
            distance_type=Text(searches.distance),
        )
    )
    return results(warehouse, searches)


def results(warehouse: Warehouse, searches: SearchesSpec) -> dict[str, list[Hit]]:
    """What the result table holds, nearest first. Raises NotThere when it is gone."""
    rows = warehouse.query(sql.render("select_results", results=searches.results))
    hits: dict[str, list[Hit]] = {query.name: [] for query in searches.queries}
    for row in rows:
        hits.setdefault(row["search"], []).append(Hit(row["gcs_uri"], row["distance"], row["caption"]))
    return hits


def search(warehouse: Warehouse, searches: SearchesSpec, text: str, top_k: int) -> list[Hit]:
    """Search for one text and write nothing. Nearest first.

    Raises StatementFailed with the status of a text that gets no embedding, also after EMBED_ATTEMPTS.
    """
    statement = sql.render(
        "search_text",
        embeddings=searches.embeddings,
        model=searches.model,
        dimension=searches.dimension,
        top_k=top_k,
        distance_type=Text(searches.distance),
    )
    parameters = [bigquery.ScalarQueryParameter("search_text", "STRING", text)]
    retrying = Retrying(retry=retry_if_passing, stop=stop_after_attempt(EMBED_ATTEMPTS), reraise=True)
    rows = retrying(warehouse.query, statement, parameters)
    return [Hit(row["gcs_uri"], row["distance"], row["caption"]) for row in rows]


def drop(warehouse: Warehouse, searches: SearchesSpec) -> None:
    """Drop both tables, if they are this stack's."""
    for table in (searches.results, searches.search_embeddings):
        ownership.drop_table(warehouse, table)


def _retryable(error: BaseException) -> bool:
    """Whether a text's embedding failed with a status that passes (docs/bigquery-contract.md#04-statuses)."""
    return isinstance(error, StatementFailed) and "A retryable error occurred:" in error.what


retry_if_passing = retry_if_exception(_retryable)
"""For tenacity: go on while a text's embedding fails so."""


def _embed(warehouse: Warehouse, searches: SearchesSpec) -> None:
    statement = sql.render(
        "embed_searches",
        search_embeddings=searches.search_embeddings,
        labels=sql.Labels(warehouse.labels),
        model=searches.model,
        dimension=searches.dimension,
    )
    check = sql.render(
        "select_failed_searches", search_embeddings=searches.search_embeddings, dimension=searches.dimension
    )
    for _ in range(EMBED_ATTEMPTS):
        warehouse.query(statement, [_parameter(searches.queries)])
        failed = warehouse.query(check)
        if not failed:
            return
    raise Stalled(
        f"The search {failed[0]['name']!r} got no embedding after {EMBED_ATTEMPTS} attempts: {failed[0]['status']}",
        "Run `pulumi up` again later; if it persists, look at the quota of the endpoint.",
    )


def _parameter(queries: Sequence[Search]) -> bigquery.ArrayQueryParameter:
    struct = bigquery.StructQueryParameterType(
        bigquery.ScalarQueryParameterType("STRING", name="name"),
        bigquery.ScalarQueryParameterType("STRING", name="text"),
        bigquery.ScalarQueryParameterType("INT64", name="top_k"),
    )
    values = [
        bigquery.StructQueryParameter(
            None,
            bigquery.ScalarQueryParameter("name", "STRING", query.name),
            bigquery.ScalarQueryParameter("text", "STRING", query.text),
            bigquery.ScalarQueryParameter("top_k", "INT64", query.top_k),
        )
        for query in queries
    ]
    return bigquery.ArrayQueryParameter("searches", struct, values)
