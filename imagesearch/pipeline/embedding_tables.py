"""The two tables of embeddings and failures, and the staging tables beside them: created, continued, dropped."""

from __future__ import annotations

from imagesearch.gcp import sql
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.sql import Identifier
from imagesearch.pipeline import ownership
from imagesearch.settings.spec import Name, Spec


class TablesSpec(Spec):
    """The table of embeddings, which holds only rows with a vector, and the table of images that failed."""

    table: Name
    failures: Name

    @property
    def staging_prefix(self) -> str:
        """How the ids of the staging tables begin."""
        return f"{self.table.parts[-1]}_staging_"

    def staging(self, suffix: str) -> Identifier:
        """The staging table with that suffix."""
        return Identifier((*self.table.parts[:-1], f"{self.staging_prefix}{suffix}"))


def create(warehouse: Warehouse, tables: TablesSpec, owner: str) -> None:
    """Create both tables; those of this stack that exist are continued.

    Raises NotOurs when another's table has one of the names.
    """
    for name, table in (("embeddings", tables.table), ("failures", tables.failures)):
        ownership.refuse_foreign_table(warehouse, table)
        labels = sql.Labels({**warehouse.labels, ownership.OWNER: owner})
        warehouse.query(sql.render(f"create_{name}", **{name: table}, labels=labels))
        ownership.adopt_table(warehouse, table, owner)


def drop(warehouse: Warehouse, tables: TablesSpec, owner: str) -> None:
    """Drop both tables and what staging tables there are, if they are still `owner`'s."""
    dropped = ownership.drop_table(warehouse, tables.table, owner)
    ownership.drop_table(warehouse, tables.failures, owner)
    for staging in staging_tables(warehouse, tables) if dropped else ():
        ownership.drop_table(warehouse, staging)


def staging_tables(warehouse: Warehouse, tables: TablesSpec) -> list[Identifier]:
    """Staging tables of earlier runs."""
    ours = _our_tables(warehouse, tables)
    return [Identifier((*tables.table.parts[:-1], table)) for table in ours if table.startswith(tables.staging_prefix)]


def others(warehouse: Warehouse, tables: TablesSpec, stem: str) -> list[str]:
    """Ids of this stack's other tables of embeddings, which begin with `stem`: of another endpoint or dimension."""
    ours = [table for table in _our_tables(warehouse, tables) if table.startswith(stem)]
    return [table for table in ours if "_staging_" not in table and table != tables.table.parts[-1]]


def _our_tables(warehouse: Warehouse, tables: TablesSpec) -> list[str]:
    found = warehouse.tables(Identifier(tables.table.parts[:-1]))
    return [item.table_id for item in found if ownership.is_ours(item.labels, warehouse.labels)]
