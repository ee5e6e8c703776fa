"""Searching by hand: for any text, or for what is like a picture, with filters. Writes nothing.

Two steps, each a job: a vector (of a text by the images' model, or stored with a picture), then the images nearest to
it. The vector of a text is remembered, so that asking again, also with other filters, pays for no embedding.

A filter makes the search exact: with an index, BigQuery would filter after the search and leave fewer than were asked
for, unless the index stored the column (docs/bigquery-contract.md#7-vector_search).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tenacity import Retrying, stop_after_attempt

from imagesearch.errors import NotThere
from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Parameter, QueryResult, Warehouse
from imagesearch.gcp.clients import bigquery
from imagesearch.gcp.sql import Identifier, Placeholder, Text
from imagesearch.pipeline.search import EMBED_ATTEMPTS, Hit, SearchesSpec, retry_if_passing

DISTANCES = ("COSINE", "EUCLIDEAN", "DOT_PRODUCT")
"""What VECTOR_SEARCH compares by."""
REMEMBERED = 500
"""Vectors of texts that are kept; 1,408 numbers of Python's take about 45 kB."""


@dataclass(frozen=True)
class Question:
    """What to look for: a text, or an image's uri. One of them is empty."""

    text: str
    like: str
    top_k: int
    distance: str
    content_types: tuple[str, ...] = ()
    """None given: all."""
    folder: str = ""
    """How the uri begins; empty: all."""

    @property
    def filtered(self) -> bool:
        """Whether some images are left out before the search."""
        return bool(self.content_types or self.folder)


@dataclass(frozen=True)
class Step:
    """A statement that was run, with its parameters and its job."""

    title: str
    sql: str
    parameters: tuple[tuple[str, str, str], ...]
    """(name, type, value as a person reads it)."""
    answer: QueryResult


@dataclass(frozen=True)
class Found:
    """The answer to a question, nearest first."""

    hits: tuple[Hit, ...]
    steps: tuple[Step, ...]
    """The last one is the search; the vector of a text that was remembered took no step."""
    caption: str | None = None
    """Of the image that was asked about."""

    @property
    def seconds(self) -> float:
        """What all steps took."""
        return sum(step.answer.seconds for step in self.steps)


@dataclass(frozen=True)
class Folder:
    """Where images are: a uri that ends in a slash."""

    uri: str
    content_type: str
    images: int


@dataclass
class Explorer:
    """Answers questions about one table of embeddings. Safe to share between threads."""

    warehouse: Warehouse
    model: Identifier
    embeddings: Identifier
    dimension: int
    _vectors: OrderedDict[str, list[float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, warehouse: Warehouse, searches: SearchesSpec) -> Explorer:
        """Over what a stack's searches search."""
        return cls(warehouse, searches.model, searches.embeddings, searches.dimension)

    def ask(self, question: Question) -> Found:
        """The nearest images, the one that was asked about left out.

        Raises NotThere for an image without an embedding, and StatementFailed with the status of a text that gets none.
        """
        steps: list[Step] = []
        caption = None
        if question.like:
            vector, caption = self._stored(question.like, steps)
        else:
            vector = self._embedded(question.text, steps)
        hits = self._nearest(question, vector, steps)
        others = tuple(hit for hit in hits if hit.uri != question.like)
        return Found(others[: question.top_k], tuple(steps), caption)

    def folders(self) -> list[Folder]:
        """Where the embedded images are, those of most images first; at most 200."""
        rows = self.warehouse.query(sql.render("count_folders", embeddings=self.embeddings))
        return [Folder(row["folder"] or "", row["content_type"] or "", row["images"]) for row in rows]

    def _embedded(self, text: str, steps: list[Step]) -> list[float]:
        with self._lock:
            if text in self._vectors:
                self._vectors.move_to_end(text)
                return self._vectors[text]
        statement = sql.render("embed_text", model=self.model, dimension=self.dimension)
        retrying = Retrying(retry=retry_if_passing, stop=stop_after_attempt(EMBED_ATTEMPTS), reraise=True)
        given = [bigquery.ScalarQueryParameter("search_text", "STRING", text)]
        vector: list[float] = retrying(self._run, "Embed the text", statement, given, steps).rows[0]["embedding"]
        with self._lock:
            self._vectors[text] = vector
            while len(self._vectors) > REMEMBERED:
                self._vectors.popitem(last=False)
        return vector

    def _stored(self, uri: str, steps: list[Step]) -> tuple[list[float], str | None]:
        statement = sql.render("select_vector", embeddings=self.embeddings)
        given = [bigquery.ScalarQueryParameter("uri", "STRING", uri)]
        answer = self._run("Take the picture's vector", statement, given, steps)
        if not answer.rows:
            raise NotThere(
                f"There is no embedding of {uri}.",
                "`python -m imagesearch failures` says why an image has none; `pulumi up` embeds new ones.",
                reason="notFound",
            )
        return answer.rows[0]["embedding"], answer.rows[0]["caption"]

    def _nearest(self, question: Question, vector: list[float], steps: list[Step]) -> list[Hit]:
        given: list[Parameter] = [bigquery.ArrayQueryParameter("embedding", "FLOAT64", vector)]
        placeholders: dict[str, Placeholder] = {
            "embeddings": self.embeddings,
            "top_k": question.top_k + bool(question.like),  # the picture itself is the nearest
            "distance_type": Text(question.distance),
        }
        if question.filtered:
            given.append(bigquery.ScalarQueryParameter("folder", "STRING", question.folder))
            given.append(bigquery.ArrayQueryParameter("content_types", "STRING", list(question.content_types)))
            statement = sql.render("search_vector_filtered", **placeholders)
        else:
            statement = sql.render("search_vector", **placeholders)
        answer = self._run("Search", statement, given, steps)
        return [Hit(row["gcs_uri"], row["distance"], row["caption"]) for row in answer.rows]

    def _run(self, title: str, statement: str, given: Sequence[Parameter], steps: list[Step]) -> QueryResult:
        answer = self.warehouse.query_with_job(statement, given)
        steps.append(Step(title, statement, tuple(_displayed(each) for each in given), answer))
        return answer


def _displayed(parameter: Parameter) -> tuple[str, str, str]:
    """A parameter for people: a vector by its length."""
    name = str(parameter.name)
    if isinstance(parameter, bigquery.ArrayQueryParameter):
        kind = f"ARRAY<{parameter.array_type}>"
        if parameter.array_type == "FLOAT64":
            return name, kind, f"{len(parameter.values):,} numbers"
        return name, kind, ", ".join(parameter.values) or "none"
    assert isinstance(parameter, bigquery.ScalarQueryParameter)
    return name, str(parameter.type_), str(parameter.value)
