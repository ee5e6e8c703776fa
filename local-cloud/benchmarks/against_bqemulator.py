"""`python -m benchmarks.against_bqemulator`: answers and times of the local cloud and of another BigQuery emulator.

bqemulator (PyPI, Apache-2.0) runs plain SQL on DuckDB; it has no remote models, object tables or VECTOR_SEARCH. It
needs another version of DuckDB, so it gets a virtual environment of its own in the user's cache. Where that cannot be
installed, this says so and ends.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from rich.console import Console
from rich.table import Table

from localcloud.core.cache import cache_folder
from localcloud.testing import running_cloud
from localcloud.testing.ports import free_port

PACKAGES = (
    "bqemulator==1.4.0",
    "duckdb==1.5.5",
    "duckdb-extensions==1.5.5",
    "duckdb-extension-spatial==1.5.5",
    "numpy==2.4.6",
)
RUNS, PATIENCE = 7, 60.0
SETUP = (
    "CREATE OR REPLACE TABLE d.stock AS SELECT n AS id, MOD(n, 7) AS kind, n * 1.5 AS price,"
    " CONCAT('item ', CAST(n AS STRING)) AS name FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS n"
)
STATEMENTS = {
    "aggregate": "SELECT kind, COUNT(*) AS n, AVG(price) AS price FROM d.stock GROUP BY kind ORDER BY kind",
    "window, QUALIFY": "SELECT id, kind FROM d.stock WHERE TRUE"
    " QUALIFY ROW_NUMBER() OVER (PARTITION BY kind ORDER BY price DESC) = 1 ORDER BY id",
    "join": "SELECT COUNT(*) AS n FROM d.stock AS a JOIN d.stock AS b ON a.id = b.id + 1 WHERE a.kind = 3",
    "STRUCT and ARRAY": "SELECT ARRAY_AGG(STRUCT(id, name) ORDER BY id LIMIT 2) AS few FROM d.stock",
    "UNNEST": "SELECT x, place FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS place ORDER BY place",
    "timestamps": "SELECT TIMESTAMP_ADD(TIMESTAMP '2026-01-31 10:00:00+00', INTERVAL 90 MINUTE) AS later",
    "EXCEPT, REPLACE": "SELECT * EXCEPT (price) REPLACE (UPPER(name) AS name) FROM d.stock WHERE id = 5",
    "SAFE_DIVIDE, NULL": "SELECT SAFE_DIVIDE(1, 0) AS x, IFNULL(NULL, 'y') AS y",
    "MERGE": "MERGE d.stock AS t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET kind = t.kind",
    "VECTOR_SEARCH": "SELECT distance FROM VECTOR_SEARCH((SELECT [1.0, 2.0] AS e), 'e', (SELECT [1.0, 2.5] AS e), 'e')",
}


def main() -> int:
    """Compare and print a table. The exit code."""
    python = _installed()
    if python is None:
        return 0
    table = Table("", "same answer", "local cloud", "bqemulator", box=None, header_style="bold", pad_edge=False)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_cloud(Path(folder) / "home") as local_cloud,
        _bqemulator(python) as bqemulator,
    ):
        for client in (local_cloud.bigquery, bqemulator):
            client.create_dataset("d", exists_ok=True)
            client.query_and_wait(SETUP)
        for name, text in STATEMENTS.items():
            table.add_row(name, *_compared(_asked(local_cloud.bigquery, text), _asked(bqemulator, text)))
    Console().print(table)
    return 0


Answer = tuple[list[dict[str, Any]] | None, float]
"""Rows, None when refused; and seconds."""


def _compared(local_cloud: Answer, bqemulator: Answer) -> tuple[str, str, str]:
    rows, seconds = bqemulator
    own = f"{local_cloud[1] * 1000:.0f} ms"
    if rows is None:
        return "refused by bqemulator", own, ""
    return "yes" if local_cloud[0] == rows else f"no: {rows!r:.60}", own, f"{seconds * 1000:.0f} ms"


def _asked(client: bigquery.Client, text: str) -> Answer:
    """The rows, and the median of the times."""
    rows, times = None, []
    for _ in range(RUNS):
        began = time.perf_counter()
        try:
            rows = [dict(row) for row in client.query_and_wait(text, retry=None, job_retry=None)]
        except GoogleAPICallError:
            return None, 0.0
        times.append(time.perf_counter() - began)
    return rows, statistics.median(times)


def _installed() -> Path | None:
    """The Python of its environment; None, with a message, where it cannot be installed."""
    folder = cache_folder() / PACKAGES[0].replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        spatial = "from duckdb_extensions import import_extension; import_extension('spatial')"
        steps = (["-m", "pip", "install", "--quiet", *PACKAGES], ["-c", spatial])
        if any(subprocess.run([python, *step], check=False).returncode for step in steps):
            print("bqemulator could not be installed; nothing is compared", file=sys.stderr)
            return None
        (folder / "ready").touch()
    return python


@contextmanager
def _bqemulator(python: Path) -> Iterator[bigquery.Client]:
    """A client of a running one."""
    port, other = free_port(), free_port()
    command = [python, "-m", "bqemulator", "start", "--rest-port", str(port), "--grpc-port", str(other)]
    process = subprocess.Popen(
        [*map(str, command), "--log-level", "error"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = bigquery.Client(
        "local-project", AnonymousCredentials(), client_options={"api_endpoint": f"http://127.0.0.1:{port}"}
    )
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                list(client.list_datasets(retry=None, timeout=2))
                break
            except (GoogleAPICallError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    sys.exit(main())
