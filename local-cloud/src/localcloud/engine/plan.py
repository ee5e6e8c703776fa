"""What the check of a statement gives: its type, the schema of its answer, and the transaction that a run applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud.core.ports import Outcome
from localcloud.core.store import Transaction
from localcloud.engine.run import Run
from localcloud.googlesql.names import Name


@dataclass(frozen=True)
class Plan:
    """A statement that was found valid. `apply` is called again after a write conflict."""

    statement_type: str
    apply: Callable[[Run, Transaction], Outcome]
    schema: dict[str, Any] = field(default_factory=dict)
    target: Name | None = None
    """The table it changes: statements that change the same one take turns."""


def ddl(statement_type: str, operation: str, statistics: dict[str, Any] | None = None, **target: Any) -> Outcome:
    """The outcome of DDL. `operation` is CREATE, REPLACE, SKIP, DROP or ALTER; `target` ddlTargetTable, …Dataset."""
    return Outcome(
        statement_type=statement_type,
        schema={},
        result_table=None,
        total_rows=0,
        statistics={**(statistics or {}), "ddlOperationPerformed": operation, **target},
    )


def dml(statement_type: str, statistics: dict[str, Any], inserted: int, updated: int, deleted: int) -> Outcome:
    """The outcome of DML, rows counted."""
    counts = {"insertedRowCount": str(inserted), "updatedRowCount": str(updated), "deletedRowCount": str(deleted)}
    affected = str(inserted + updated + deleted)
    return Outcome(
        statement_type=statement_type,
        schema={},
        result_table=None,
        total_rows=0,
        statistics={**statistics, "numDmlAffectedRows": affected, "dmlStats": counts},
    )
