"""Clients that put a server under load and remember what it answered, and the check of a server that came after.

Five kinds of work a client, in turn: a table by a job, rows by another into a table of the client's own, a row by
jobs.query into one more, an object and its overwriting, a dataset with a table and a label by REST. A client ends at
the first request that is not answered.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conftest import RunningCloud

ROWS, ADDED = 3000, 40


@dataclass
class Remembered:
    """What one client was answered. `begun` is what it asked for, answered or not."""

    client: int
    begun: int = 0
    accepted: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    """Rows that jobs.query was answered to have inserted."""
    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Name to generation and content, as last answered or found after a kill."""
    declared: dict[str, set[str]] = field(default_factory=dict)
    """Dataset to what was answered of it since the last check: made, with its table, labelled."""
    sent: dict[str, bytes] = field(default_factory=dict)
    """Name to the content that was sent last."""


class Client(threading.Thread):
    """Works until the server no longer answers."""

    def __init__(self, cloud: RunningCloud, remembered: Remembered, seed: int) -> None:
        super().__init__(daemon=True)
        self._api = f"{cloud.url}/bigquery/v2/projects/{cloud.project}"
        self._upload = f"{cloud.url}/upload/storage/v1/b/bkt/o"
        self._random = random.Random(seed)
        self._http = httpx.Client(timeout=30)
        self.remembered = remembered
        self.wrong: str = ""

    def run(self) -> None:
        with self._http:
            try:
                while not self.wrong:
                    self._work()
            except httpx.TransportError:
                pass  # killed

    def _work(self) -> None:
        mine = self.remembered
        mine.begun += 1
        name = f"{mine.client}_{mine.begun}"
        numbers = f"SELECT x FROM UNNEST(GENERATE_ARRAY(1, {ROWS})) AS x"
        added = f"SELECT {mine.begun}, x FROM UNNEST(GENERATE_ARRAY(1, {ADDED})) AS x"
        self._job(f"t_{name}", f"CREATE TABLE d.t_{name} AS {numbers}")
        self._job(f"r_{name}", f"INSERT INTO d.log_{mine.client} (n, x) {added}")
        self._ask(f"INSERT INTO d.asked_{mine.client} (n) VALUES ({mine.begun})", name)
        self._put(f"new/{name}")
        self._put(f"again/{mine.client}")
        self._declare(f"e_{name}")

    def _job(self, job: str, text: str) -> None:
        configuration = {"query": {"query": text, "useLegacySql": False}}
        reference = {"projectId": "local-project", "jobId": job, "location": "US"}
        body = {"jobReference": reference, "configuration": configuration}
        if self._answered(self._http.post(f"{self._api}/jobs", json=body)):
            self.remembered.accepted.add(job)
        answer = self._answered(self._http.get(f"{self._api}/queries/{job}", params={"location": "US"}))
        if answer.get("jobComplete"):
            self.remembered.done.add(job)

    def _declare(self, dataset: str) -> None:
        answered = self.remembered.declared.setdefault(dataset, set())
        url = f"{self._api}/datasets"
        table = {"tableReference": {"tableId": "t"}, "schema": {"fields": [{"name": "x", "type": "INT64"}]}}
        self._answered(self._http.post(url, json={"datasetReference": {"datasetId": dataset}}))
        answered.add("made")
        self._answered(self._http.post(f"{url}/{dataset}/tables", json=table))
        answered.add("table")
        self._answered(self._http.patch(f"{url}/{dataset}", json={"labels": {"of": "client"}}))
        answered.add("labelled")

    def _ask(self, text: str, request: str) -> None:
        body = {"query": text, "useLegacySql": False, "requestId": request}
        answer = self._answered(self._http.post(f"{self._api}/queries", json=body))
        if answer.get("jobComplete"):
            self.remembered.accepted.add(answer["jobReference"]["jobId"])
            self.remembered.done.add(answer["jobReference"]["jobId"])
            self.remembered.asked.add(self.remembered.begun)

    def _put(self, name: str) -> None:
        content = self._random.randbytes(self._random.randrange(200_000))
        self.remembered.sent[name] = content
        answer = self._answered(
            self._http.post(self._upload, params={"uploadType": "media", "name": name}, content=content)
        )
        self.remembered.objects[name] = answer["generation"], content

    def _answered(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code != 200:
            self.wrong = response.text
        body: dict[str, Any] = response.json()
        return body


def prepare(cloud: RunningCloud, clients: int) -> None:
    """What the clients work on."""
    cloud.bigquery.create_dataset("d")
    cloud.storage.create_bucket("bkt")
    for client in range(clients):
        cloud.query(f"CREATE TABLE d.log_{client} (n INT64, x INT64)")
        cloud.query(f"CREATE TABLE d.asked_{client} (n INT64)")


def check(cloud: RunningCloud, remembered: list[Remembered], counted: set[str]) -> None:
    """Whether a server that came after a killed one holds what that had answered, and nothing half made. Rows of the
    tables in `counted` are not counted again; those of the others are, and they are added."""
    jobs = {job.job_id: job for job in cloud.bigquery.list_jobs(all_users=True)}
    tables = {table.table_id for table in cloud.bigquery.list_tables("d")}
    for mine in remembered:
        assert mine.accepted <= jobs.keys(), f"lost jobs: {mine.accepted - jobs.keys()}"
        for name in mine.accepted:
            error = jobs[name].error_result
            assert jobs[name].state == "DONE"
            assert error is None or (name not in mine.done and error["reason"] == "jobInternalError"), (name, error)
        well = {name for name in jobs if name[:2] in ("t_", "r_") and jobs[name].error_result is None}
        own = {name for name in well if name.split("_")[1] == str(mine.client)}
        made = {name for name in tables if name.startswith(f"t_{mine.client}_")}
        assert made == {name for name in own if name.startswith("t_")}, "one table for every job that succeeded"
        added = cloud.query(f"SELECT n, COUNT(*) AS rows_, SUM(x) AS total FROM d.log_{mine.client} GROUP BY n")
        inserted = {f"r_{mine.client}_{row.n}" for row in added}
        assert inserted == {name for name in own if name.startswith("r_")}
        assert {(row.rows_, row.total) for row in added} <= {(ADDED, ADDED * (ADDED + 1) // 2)}, "rows come together"
        rows = [row.n for row in cloud.query(f"SELECT n FROM d.asked_{mine.client}")]
        assert len(rows) == len(set(rows)) and mine.asked <= set(rows), f"lost or doubled: {mine.asked ^ set(rows)}"
    _check_rows(cloud, tables - counted)
    counted |= tables
    for mine in remembered:
        _check_objects(cloud, mine)
        _check_declared(cloud, mine)


def _check_rows(cloud: RunningCloud, tables: set[str]) -> None:
    """Each of these tables has all its rows."""
    names = sorted(name for name in tables if name.startswith("t_"))
    for start in range(0, len(names), 50):
        counts = (f"SELECT COUNT(*) AS n, SUM(x) AS total FROM d.{name}" for name in names[start : start + 50])
        found = {(row.n, row.total) for row in cloud.query(" UNION ALL ".join(counts))}
        assert found == {(ROWS, ROWS * (ROWS + 1) // 2)}


def _check_objects(cloud: RunningCloud, mine: Remembered) -> None:
    bucket = cloud.storage.bucket("bkt")
    for name, (generation, content) in list(mine.objects.items()):
        blob = bucket.get_blob(name)
        assert blob is not None, f"lost object {name}"
        held = blob.download_as_bytes()
        assert held in (content, mine.sent[name]), f"{name} is neither what was answered nor what was sent last"
        assert held != content or content == mine.sent[name] or str(blob.generation) == generation
        # An upload whose answer was lost may have been kept: from now on it is what the server has answered.
        mine.objects[name] = str(blob.generation), held
    mine.objects = {name: kept for name, kept in mine.objects.items() if name.startswith("again/")}


def _check_declared(cloud: RunningCloud, mine: Remembered) -> None:
    """Datasets that were answered are there with what was answered of them, and a table that is there can be read."""
    there = {item.dataset_id: item for item in cloud.bigquery.list_datasets()}
    for name, answered in mine.declared.items():
        assert "made" not in answered or name in there, f"lost dataset {name}"
        tables = list(cloud.bigquery.list_tables(name)) if name in there else []
        assert "table" not in answered or tables, f"lost the table of {name}"
        assert all(cloud.bigquery.get_table(table.reference).num_rows == 0 for table in tables)
        assert "labelled" not in answered or there[name].labels == {"of": "client"}
    mine.declared = {}
