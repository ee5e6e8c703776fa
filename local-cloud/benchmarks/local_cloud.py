"""`python -m benchmarks.local_cloud`: how fast the local cloud is and how much it holds, each number beside its bound.

ready                    `python -m localcloud serve --detach` until it answers, without and with the model
memory                   of the idle server with its model loaded (proportional set size)
tutorial statements      at 10,000 rows, embedding aside: the 95th percentile of what a client waits; SELECT 1, too
VECTOR_SEARCH            one query, and a hundred at once, over 10,000 × 1408, against numpy's matrix product of the
                         same numbers (float64): what a client waits, and what the job took from its start to its end
list_rows                of 2,000 vectors, and the answers of the server alone
clients                  50 at once for a minute, each asking one thing after the other: answers, errors, the slowest
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from localcloud.core.home import call
from localcloud.testing import RunningCloud, running_cloud

ROWS, LENGTH = 10_000, 1408
RUNS = 20
CLIENTS, SECONDS = 50, 60.0
VECTORS = f"""
CREATE OR REPLACE TABLE d.images AS
SELECT
  CONCAT('gs://photos/', CAST(id AS STRING)) AS uri,
  IF(MOD(id, 100) = 0, 'A retryable error occurred', '') AS status,
  ARRAY(SELECT SIN(id * 12.9898 + k * 78.233) FROM UNNEST(GENERATE_ARRAY(1, {LENGTH})) AS k) AS embedding
FROM UNNEST(GENERATE_ARRAY(1, {ROWS})) AS id
"""
SEARCH = """
SELECT base.uri, distance
FROM VECTOR_SEARCH(TABLE d.images, 'embedding', (SELECT embedding FROM d.images WHERE uri = 'gs://photos/17'),
  top_k => 3, distance_type => 'COSINE', options => '{"use_brute_force": true}')
"""
QUERIES = 100
MANY_QUERIES = f"CREATE OR REPLACE TABLE d.queries AS SELECT uri, embedding FROM d.images ORDER BY uri LIMIT {QUERIES}"
SEARCHES = """
SELECT query.uri AS searched, base.uri, distance
FROM VECTOR_SEARCH(TABLE d.images, 'embedding', TABLE d.queries,
  top_k => 3, distance_type => 'COSINE', options => '{"use_brute_force": true}')
"""
TUTORIAL = {
    "SELECT 1": "SELECT 1",
    "rows by status": "SELECT status, COUNT(*) AS num_rows FROM d.images GROUP BY status",
    "delete failed rows": "DELETE FROM d.images WHERE status = 'never'",
    "the index view": "SELECT table_name, coverage_percentage FROM d.INFORMATION_SCHEMA.VECTOR_INDEXES",
    "search into a table": f"CREATE OR REPLACE TABLE d.results AS {SEARCH}",
}
Row = tuple[str, str, str]


def main() -> None:
    """Measure and print a table: what, measured, wanted."""
    rows: list[Row] = [(f"ready, {name}", f"{_ready(name):.2f} s", bound) for name, bound in _READY.items()]
    with _cloud("--embedder", "real") as cloud:
        _until_loaded(cloud)
        rows.append(("memory, idle with its model", f"{_memory(cloud) / 2**20:.0f} MB", "≤ 250 MB"))
        cloud.bigquery.create_dataset("d")
        cloud.query(VECTORS)
        rows += [_statement(cloud, name, text) for name, text in TUTORIAL.items()]
        rows += _searches(cloud)
        rows.append(_reading(cloud))
        rows.append(_clients(cloud))
    table = Table("", "measured", "wanted", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


_READY = {"hash": "≤ 1 s", "real": "≤ 1.5 s"}


@contextmanager
def _cloud(*arguments: str) -> Iterator[RunningCloud]:
    with tempfile.TemporaryDirectory() as folder, running_cloud(Path(folder) / "home", *arguments) as cloud:
        yield cloud


def _ready(embedder: str) -> float:
    """The median of three starts, in seconds."""

    def start() -> float:
        with tempfile.TemporaryDirectory() as folder:
            home = ["--home", f"{folder}/home"]
            serve = [sys.executable, "-m", "localcloud", "serve", "--detach", "--port", "0", "--embedder", embedder]
            took = _seconds(lambda: subprocess.run([*serve, *home], check=True, capture_output=True))
            subprocess.run([sys.executable, "-m", "localcloud", "stop", *home], check=True, capture_output=True)
            return took

    return statistics.median(start() for _ in range(3))


def _until_loaded(cloud: RunningCloud) -> None:
    while "loading" in call(cloud.url, "/healthz")["embedder"]:
        time.sleep(0.1)


def _memory(cloud: RunningCloud) -> int:
    """Proportional set size, in bytes: what is shared with others counts in parts."""
    lines = Path(f"/proc/{cloud.about['pid']}/smaps_rollup").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("Pss:")))


def _statement(cloud: RunningCloud, name: str, text: str) -> Row:
    times = sorted(_seconds(lambda: cloud.query(text)) for _ in range(RUNS))
    return f"{name}, p95 at {ROWS:,} rows", f"{times[int(RUNS * 0.95) - 1] * 1000:.0f} ms", "≤ 250 ms"


def _searches(cloud: RunningCloud) -> list[Row]:
    angles = np.arange(1, ROWS + 1)[:, None] * 12.9898 + np.arange(1, LENGTH + 1)[None, :] * 78.233
    matrix = np.sin(angles)
    query, queries = matrix[16].copy(), matrix[:QUERIES].copy()
    cloud.query(MANY_QUERIES)
    assert cloud.query(SEARCH)[0].uri == "gs://photos/17"
    return [
        *_against(cloud, "one query", SEARCH, lambda: matrix @ query),
        *_against(cloud, f"{QUERIES} queries", SEARCHES, lambda: matrix @ queries.T),
    ]


def _against(cloud: RunningCloud, what: str, text: str, product: Callable[[], object]) -> list[Row]:
    """The statement and the product alternately, so that other load of the machine slows both; medians."""
    ids: list[str] = []

    def wait() -> None:
        rows = cloud.bigquery.query_and_wait(text)
        assert sum(1 for _ in rows)
        ids.append(str(rows.job_id))

    wait()
    times = [(_seconds(wait), _seconds(product)) for _ in range(RUNS)]
    waited, multiplied = (statistics.median(column) for column in zip(*times, strict=True))
    jobs = [cloud.bigquery.get_job(job_id) for job_id in ids[1:]]
    took = statistics.median((job.ended - job.started).total_seconds() for job in jobs)
    name = f"VECTOR_SEARCH, {what}, at {ROWS:,} × {LENGTH}"
    return [
        (f"{name}, {how} : numpy", f"{t * 1000:.0f} ms : {multiplied * 1000:.0f} ms = {t / multiplied:.1f}", "≤ 2")
        for how, t in (("as a client waits", waited), ("its job", took))
    ]


def _reading(cloud: RunningCloud) -> Row:
    count, began = 0, time.perf_counter()
    for _ in cloud.bigquery.list_rows("d.images", max_results=2_000):
        count += 1
    read = time.perf_counter() - began
    answered = _seconds(lambda: _pages(cloud, count))
    return f"list_rows of {count:,} vectors; the server's answers", f"{read:.1f} s; {answered:.1f} s", ""


def _pages(cloud: RunningCloud, count: int) -> None:
    url = f"{cloud.url}/bigquery/v2/projects/{cloud.project}/datasets/d/tables/images/data"
    with httpx.Client(trust_env=False, timeout=60) as http:
        left, page = count, ""
        while left > 0:
            body = http.get(url, params={"maxResults": left, **({"pageToken": page} if page else {})}).content
            left -= body.count(b'{"f":')
            page = body[:1000].partition(b'"pageToken": "')[2].partition(b'"')[0].decode()


def _clients(cloud: RunningCloud) -> Row:
    times: list[float] = []
    errors: list[str] = []
    until = time.monotonic() + SECONDS
    body = {"query": "SELECT COUNT(*) AS n FROM d.images WHERE status = ''", "useLegacySql": False}
    asks = (
        lambda http: http.post(f"/bigquery/v2/projects/{cloud.project}/queries", json=body),
        lambda http: http.get(f"/bigquery/v2/projects/{cloud.project}/datasets/d/tables/images"),
        lambda http: http.get(f"/bigquery/v2/projects/{cloud.project}/jobs", params={"maxResults": 5}),
    )

    def client(number: int) -> None:
        with httpx.Client(base_url=cloud.url, trust_env=False, timeout=60) as http:
            while time.monotonic() < until:
                began = time.perf_counter()
                try:
                    answer = asks[number % len(asks)](http)
                    errors.extend([] if answer.status_code == 200 else [answer.text])
                except httpx.HTTPError as error:
                    errors.append(repr(error))
                times.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        print(json.dumps(errors[:3]), file=sys.stderr)
    times.sort()
    middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
    measured = f"{len(times):,} answers, {len(errors)} errors, p50 {middle:.2f} s, p99 {late:.2f} s"
    return f"{CLIENTS} clients for {SECONDS:.0f} s", measured, "0 errors"


def _seconds(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
