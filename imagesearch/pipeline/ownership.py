"""Ownership: labels on everything that this stack creates, and no change to anything without them.

A table or model carries `managed-by` and the stack's name, and for what a resource may be replaced by under the same
name, the id of the resource that owns it now: a late deletion does not drop what a successor has adopted.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from imagesearch.errors import NotOurs
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.sql import Identifier, dataset_name, table_name

MANAGED_BY = ("managed-by", "image-search")
STACK = "image-search-stack"
OWNER = "image-search-owner"


def stack_labels(project: str, stack: str) -> dict[str, str]:
    """Labels of everything that a stack makes. `project` and `stack` are Pulumi's names."""
    return {MANAGED_BY[0]: MANAGED_BY[1], STACK: _label(f"{project}-{stack}")}


def new_owner() -> str:
    """An id for a resource, fit for a label."""
    return secrets.token_hex(8)


def is_ours(labels: Mapping[str, str] | None, ours: Mapping[str, str]) -> bool:
    """Whether `labels` hold everything that this stack's labels say."""
    return all((labels or {}).get(key) == value for key, value in ours.items())


def owner_of(warehouse: Warehouse, name: Identifier) -> str | None:
    """The owner of a table of this stack; "" when it has none, and None when there is no such table."""
    table = warehouse.table(name)
    if table is None or not is_ours(table.labels, warehouse.labels):
        return None
    return str(table.labels.get(OWNER, ""))


def adopt_table(warehouse: Warehouse, name: Identifier, owner: str) -> bool:
    """Make `owner` the owner of a table of this stack. False when there is none; raises NotOurs."""
    table = warehouse.table(name)
    if table is None:
        return False
    if not is_ours(table.labels, warehouse.labels):
        raise _not_ours("table", name)
    if table.labels.get(OWNER) != owner:
        warehouse.label_table(name, {OWNER: owner})
    return True


def drop_table(warehouse: Warehouse, name: Identifier, owner: str | None = None) -> bool:
    """Drop a table if it is this stack's and, where `owner` is given, still owned by it. Whether it did."""
    table = warehouse.table(name)
    if table is None or not is_ours(table.labels, warehouse.labels):
        return False
    if owner is not None and table.labels.get(OWNER) not in (owner, None):
        return False
    warehouse.drop_table(name)
    return True


def drop_empty_dataset(warehouse: Warehouse, name: Identifier) -> bool:
    """Drop a dataset if it is this stack's and nothing is in it. Says whether it did."""
    dataset = warehouse.dataset(name)
    if dataset is None or not is_ours(dataset.labels, warehouse.labels):
        return False
    if warehouse.tables(name) or warehouse.models(name):
        return False
    warehouse.drop_dataset(name)
    return True


def refuse_foreign_table(warehouse: Warehouse, name: Identifier) -> None:
    """Raises NotOurs when a table of this name exists that this stack did not make."""
    table = warehouse.table(name)
    if table is not None and not is_ours(table.labels, warehouse.labels):
        raise _not_ours("table", name)


def refuse_foreign_model(warehouse: Warehouse, name: Identifier) -> None:
    """Raises NotOurs when a model of this name exists that this stack did not make."""
    model = warehouse.model(name)
    if model is not None and not is_ours(model.labels, warehouse.labels):
        raise _not_ours("model", name)


def sweep(warehouse: Warehouse, project: str, dataset: str) -> list[str]:
    """Drop every table and model of this stack in a dataset, and name what is left there: it is someone else's."""
    foreign = []
    name = dataset_name(project, dataset)
    for item in warehouse.tables(name):
        if is_ours(item.labels, warehouse.labels):
            warehouse.drop_table(table_name(project, dataset, item.table_id))
        else:
            foreign.append(f"table {item.table_id}")
    for model in warehouse.models(name):
        if is_ours(model.labels, warehouse.labels):
            warehouse.drop_model(table_name(project, dataset, str(model.model_id)))
        else:
            foreign.append(f"model {model.model_id}")
    return sorted(foreign)


def _not_ours(kind: str, name: Identifier) -> NotOurs:
    return NotOurs(
        f"The {kind} {name.path} exists and was not made by this stack; it is left as it is.",
        f"Rename or remove that {kind}, or choose another dataset with dataset.id.",
    )


def _label(text: str) -> str:
    """`text` as a label's value: lower case, digits, - and _, at most 63."""
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63]


def describe(items: list[Any], limit: int = 10) -> str:
    """The first of `items` in words, with how many more there are."""
    shown = ", ".join(map(str, items[:limit]))
    return f"{shown} and {len(items) - limit} more" if len(items) > limit else shown
