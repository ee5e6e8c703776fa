"""The current status of a stack: its outputs, with everything updated that may have changed since the last `pulumi up`.

Updated: the counts (one counting query), the index and its coverage, the cost. Of the last `up`: the results of the
searches, the index's recall, and how much that run added, updated and deleted.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from imagesearch.pipeline import spend, vector_index
from imagesearch.pipeline.embeddings import Counts
from imagesearch.pipeline.vector_index import VectorIndexSpec
from imagesearch.settings import prices
from imagesearch.stacks import report
from imagesearch.stacks.stack import Stack


def current(stack: Stack) -> dict[str, Any]:
    """The stack's outputs as of now, and three more: `stale`, `paid` and `paid_usd`.

    `stale` counts embeddings whose object was deleted or has changed. `paid` counts images: every vector that was
    written into the table of embeddings since it was created (imagesearch/pipeline/spend.py). Raises NotThere when a
    table does not exist.
    """
    outputs = report.with_types(stack.outputs)
    store = stack.embeddings
    counts = store.count()
    images = spend.images(stack.warehouse, store.spec.table)
    return {
        **outputs,
        **{name: getattr(counts, name) for name in ("objects", "target", "embedded", "set_aside", "pending")},
        "stale": counts.stale + counts.changed,
        "index": _index(stack, counts),
        "paid": images,
        "paid_usd": round(prices.estimate(store.spec.endpoint, images), 4),
    }


def _index(stack: Stack, counts: Counts) -> dict[str, Any]:
    """The current state of the index, with the recall that the last `up` measured if the index is active."""
    last: dict[str, Any] = stack.outputs["index"]
    spec = VectorIndexSpec.from_properties(
        {
            "index": last["name"],
            "table": stack.outputs["embeddings_table"],
            "dimension": stack.outputs["dimension"],
            "distance": stack.outputs["distance"],
            **({"type": "none"} if last["status"] == "none" else {}),
        }
    )
    state = vector_index.current_state(stack.warehouse, spec, counts.stored)
    recall = last.get("recall") if state.status == "active" else None
    return {"name": spec.index, **asdict(state), "recall": recall}
