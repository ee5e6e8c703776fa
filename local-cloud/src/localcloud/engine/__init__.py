"""BigQuery's SQL over DuckDB.

    text -> grammar, analyzer -> check.py (names, types, a plan) -> run.py (rows, other services) -> one transaction

The grammar and the analyzer are googlesql/. docs/engine.md and docs/googlesql.md explain the central types.

`SqlEngine` is `ports.Engine`; the catalog's functions are what the REST layer needs to make and drop tables.
"""

from localcloud.engine.bigquery_engine import SqlEngine
from localcloud.engine.catalog import create_dataset_data, create_table_data, drop_dataset_data, drop_table, table_size

__all__ = ["SqlEngine", "create_dataset_data", "create_table_data", "drop_dataset_data", "drop_table", "table_size"]
