"""How a stack stands now: its outputs, with everything that may have moved since the last `pulumi up` looked at anew.

Looked at: the counts (one counting query), the index and its coverage, what was paid. Of the last `up`: what the
searches found, the index's recall, and what that run added, updated and deleted.
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


def look(stack: Stack) -> dict[str, Any]:
    """The stack's outputs as they are now, and three more: `stale`, `paid` and `paid_usd`.

    `stale` are embeddings whose object is gone or has changed. `paid` are images, each vector counted that has arrived
    in the table of embeddings since it was made (imagesearch/pipeline/spend.py). Raises NotThere when a table is gone.
    """
    outputs = report.status(stack.outputs)
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
    """The index's state now, with the recall of the last `up` while there is an index to have one."""
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
