"""Trying again what was set aside: an image that failed for good is embedded no more until its object changes, unless
somebody says that it was not the image's fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesearch.errors import NotSetAside
from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Parameter, Warehouse
from imagesearch.gcp.clients import bigquery
from imagesearch.gcp.sql import Identifier


@dataclass(frozen=True)
class Choice:
    """Which of the images that are set aside: all, or those with one of `uris`, and a status that begins so."""

    uris: tuple[str, ...] = ()
    status: str = ""

    @property
    def parameters(self) -> list[Parameter]:
        """The choice as parameters of a statement."""
        return [
            bigquery.ScalarQueryParameter("every_uri", "BOOL", not self.uris),
            bigquery.ArrayQueryParameter("uris", "STRING", list(self.uris)),
            bigquery.ScalarQueryParameter("status_prefix", "STRING", self.status),
        ]


def forget(warehouse: Warehouse, failures: Identifier, choice: Choice) -> dict[str, int]:
    """Forget that these images failed; the next run tries them again. How many there were, by status.

    Raises NotSetAside, and forgets nothing, when a choice was made that no image meets.
    """
    rows = warehouse.query(sql.render("count_set_aside", failures=failures), choice.parameters)
    if rows:
        warehouse.query(sql.render("delete_set_aside", failures=failures), choice.parameters)
    elif choice != Choice():
        raise NotSetAside(
            f"No image that is set aside {_words(choice)}.",
            "`python -m imagesearch failures` lists them: a uri is given whole, a status by how it begins.",
        )
    return {row["status"]: row["images"] for row in rows}


def _words(choice: Choice) -> str:
    """The choice as the end of a sentence."""
    words = [f"is {_either(choice.uris)}"] if choice.uris else []
    return " and ".join([*words, *([f"has a status that begins with {choice.status!r}"] if choice.status else [])])


def _either(uris: Sequence[str]) -> str:
    return uris[0] if len(uris) == 1 else f"one of the {len(uris):,} given"
