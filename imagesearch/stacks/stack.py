"""A stack that exists: its outputs and its config, read with the `pulumi` command line, and its BigQuery.

So `python -m imagesearch` needs no arguments for what the stack knows. The stack is the selected one, PULUMI_STACK, or
the one named with --stack.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from imagesearch.errors import ImageSearchError
from imagesearch.gcp.bigquery import Target, Warehouse
from imagesearch.gcp.sql import Identifier
from imagesearch.pipeline.embeddings import EmbeddingsSpec, EmbeddingStore
from imagesearch.pipeline.search import SearchesSpec


class NoStack(ImageSearchError):
    """The stack cannot be read, or has no outputs yet."""


@dataclass(frozen=True)
class Stack:
    """A stack that `pulumi up` has created."""

    outputs: dict[str, Any]
    config: dict[str, Any]
    """Values by key with namespace, as in gcp:accessToken."""

    @cached_property
    def warehouse(self) -> Warehouse:
        """The stack's BigQuery, with the endpoint and the token of its gcp provider."""
        target = Target.of(self.config.get, self.outputs["project"], self.outputs["location"])
        return Warehouse(target, labels=self.outputs["labels"])

    @property
    def embeddings(self) -> EmbeddingStore:
        """The tables of embeddings, as the stack's resource declares them."""
        given = {**self.outputs["convergence"], "location": self.outputs["location"]}
        return EmbeddingStore(self.warehouse, EmbeddingsSpec.from_properties(given))

    @property
    def searches(self) -> SearchesSpec:
        """The tables, the model and the distance of the stack's searches."""
        return SearchesSpec(
            queries=[],
            model=self.name("model"),
            embeddings=self.name("embeddings_table"),
            search_embeddings=self.name("search_embeddings_table"),
            results=self.name("results_table"),
            dimension=int(self.outputs["dimension"]),
            distance=self.outputs["distance"],
        )

    def name(self, output: str) -> Identifier:
        """The table or model that an output names."""
        return Identifier.parse(self.outputs[output])


def read(stack: str | None = None) -> Stack:
    """The selected stack, or the one named. Raises NoStack."""
    selection = ["--stack", stack] if stack else []
    with ThreadPoolExecutor() as threads:  # each command takes most of a second
        reading = threads.submit(_pulumi, "config", "--json", "--show-secrets", *selection)
        outputs = _pulumi("stack", "output", "--json", "--show-secrets", *selection)
        config = reading.result()
    if "embeddings_table" not in outputs:
        raise NoStack("The stack is not up: it has no outputs.", "Run `pulumi up` (or `make up`) first.")
    return Stack(outputs, {key: entry.get("value", "") for key, entry in config.items()})


def _pulumi(*arguments: str) -> dict[str, Any]:
    """The JSON output of a pulumi command. Raises NoStack."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise NoStack(
            "There is no `pulumi` on PATH.",
            "Install it (https://www.pulumi.com/docs/install/); for the local stack put ./local before the command.",
        )
    done = subprocess.run(
        [pulumi, *arguments, "--non-interactive"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise NoStack(
            f"`pulumi {' '.join(arguments)}` failed: {reason}",
            "Select a stack (`pulumi stack select`), name one with --stack, or use ./local for the local stack.",
        )
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed
