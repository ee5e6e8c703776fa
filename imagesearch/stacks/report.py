"""Reports of a stack's outputs: tables for people, typed values for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from imagesearch.pipeline.search import Hit
from imagesearch.settings import prices

_RESOURCES = {
    "dataset": "dataset",
    "connection": "connection",
    "object table": "object_table",
    "remote model": "model",
    "embeddings": "embeddings_table",
    "search texts": "search_embeddings_table",
    "search results": "results_table",
}


def with_types(outputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs with the types that scripts rely on: counts as int, and every key of every hit."""
    counts = ("objects", "target", "embedded", "set_aside", "pending", "added", "updated", "deleted")
    return {
        **outputs,
        **{name: int(outputs[name]) for name in counts if name in outputs},
        "dimension": int(outputs["dimension"]),
        "searches": {name: [_hit(hit) for hit in found] for name, found in outputs["searches"].items()},
    }


def _hit(hit: dict[str, Any]) -> dict[str, Any]:
    """A hit with all its keys: Pulumi drops a caption that is None."""
    return {"uri": hit["uri"], "distance": hit["distance"], "caption": hit.get("caption")}


def show(console: Console, outputs: dict[str, Any]) -> None:
    """Print a stack's resources, counts and search results."""
    outputs = with_types(outputs)
    console.print(_resources(outputs))
    console.print()
    console.print(_counts(outputs))
    if "paid" in outputs:
        console.print(_paid(outputs))
    for query in outputs["queries"]:
        console.print()
        found = outputs["searches"].get(query["name"], [])
        console.print(hits_table(query["text"], [Hit(**hit) for hit in found]))


def hits_table(text: str, hits: Sequence[Hit]) -> Group:
    """The results of one search: its text, then one image per line, nearest first."""
    heading = Text.assemble(("“", "dim"), (text, "bold"), ("”", "dim"))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 2))
    table.add_column(justify="right", style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style="dim", overflow="fold")
    for hit in hits:
        table.add_row(f"{hit.distance:.4f}", Text(hit.caption or ""), Text(hit.uri))
    return Group(heading, table if hits else Text("  nothing found", style="dim"))


def failures_table(rows: Sequence[Mapping[str, Any]]) -> Table | Text:
    """Images that are not embedded: the kind of failure, the number of attempts, the status, the uri."""
    if not rows:
        return Text("Every image within images.limit is embedded.", style="green")
    hint = "`python -m imagesearch retry` tries the permanent ones again."
    caption = hint if any(row["kind"] == "permanent" for row in rows) else None
    table = Table("kind", "tried", "status", "image", box=None, pad_edge=False, header_style="bold", caption=caption)
    table.caption_justify = "left"
    for row in rows:
        table.add_row(row["kind"], str(row["attempts"]), Text(row["status"]), Text(row["uri"]))
    return table


def forgotten_table(statuses: Mapping[str, int]) -> Table | Text:
    """Images that are no longer set aside, counted by the status that they had failed with."""
    if not statuses:
        return Text("No image is set aside.", style="green")
    total = sum(statuses.values())
    title = Text(f"{total:,} images are no longer set aside" if total > 1 else "1 image is no longer set aside")
    table = Table("images", "status", title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for status_, images in statuses.items():
        table.add_row(f"{images:,}", Text(status_))
    return table


def _resources(outputs: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for kind, output in _RESOURCES.items():
        table.add_row(kind, Text(str(outputs[output])))
    table.add_row("vector index", Text(_index(outputs["index"])))
    return table


def _index(index: dict[str, Any]) -> str:
    """The state of the index in one line."""
    words = [f"{index['name']}: {index['status']}"]
    if index.get("reason"):
        words.append(f"({index['reason']})")
    if index["status"] == "active":
        words.append(f"(covers {int(index['coverage'])} %")
        words[-1] += f", recall {index['recall']:.0%})" if index.get("recall") is not None else ")"
    return " ".join(words)


def _counts(outputs: dict[str, Any]) -> Text:
    """Images in the bucket = embedded + set aside + pending, unless a limit leaves some out."""
    line = Text(f"{outputs['objects']:,} images in the bucket: ")
    line.append(f"{outputs['embedded']:,} embedded", "green")
    line.append(f", {outputs['set_aside']:,} set aside", "yellow" if outputs["set_aside"] else "")
    if outputs["pending"]:
        line.append(f", {outputs['pending']:,} pending", "yellow")
    if outputs.get("stale"):
        line.append(f", {outputs['stale']:,} stale", "yellow")
    if left_out := outputs["objects"] - outputs["target"]:
        line.append(f", {left_out:,} beyond images.limit")
    line.append(f"  ({outputs['endpoint']}, {outputs['dimension']} dimensions, {outputs['location']})", "dim")
    return line


def _paid(outputs: dict[str, Any]) -> Text:
    """The cost so far, and the commands for pending, stale and set-aside images."""
    images = "1 image" if outputs["paid"] == 1 else f"{outputs['paid']:,} images"
    line = Text(f"{images} paid for so far, about {prices.words(outputs['paid_usd'])}.")
    if outputs["pending"] or outputs["stale"]:
        line.append(" `pulumi up` brings the embeddings up to date; what was found below is of the last one.", "yellow")
    if outputs["set_aside"]:
        line.append(" `python -m imagesearch failures` says why images are set aside.")
    return line
