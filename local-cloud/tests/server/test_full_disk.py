"""A full disk is an error in the services' shape, and what was answered before it stays. A small tmpfs is the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import Forbidden, GoogleAPICallError

from tests.conftest import running_cloud

MEBIBYTE = 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """200 MiB of their own; skipped where this user may not mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def rows(count: int) -> str:
    """A table of `count` rows of 256 bytes that hardly compress."""
    hashes = ", ".join(f"TO_HEX(SHA256(CONCAT('{salt}', CAST(x AS STRING))))" for salt in "abcd")
    return f"SELECT x, CONCAT({hashes}) AS text FROM UNNEST(GENERATE_ARRAY(1, {count})) AS x"


def test_a_full_disk_refuses_work_and_keeps_what_was_answered(disk: Path) -> None:
    filler = disk / "filler"
    with running_cloud(disk / "home") as cloud:
        cloud.bigquery.create_dataset("d")
        cloud.query(f"CREATE TABLE d.kept AS {rows(1000)}")
        bucket = cloud.storage.create_bucket("bkt")
        bucket.blob("kept").upload_from_string(b"kept")
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - 50 * MEBIBYTE))
        with pytest.raises(Forbidden, match=r"Quota exceeded: the disk of the local cloud is full: .* Free some space"):
            cloud.query(f"CREATE TABLE d.more AS {rows(1000)}")
        with pytest.raises(Forbidden, match="disk of the local cloud is full"):
            bucket.blob("more").upload_from_string(b"more")
        assert [table.table_id for table in cloud.bigquery.list_tables("d")] == ["kept"]
        bucket.blob("kept").delete()
        filler.unlink()
        cloud.query(f"CREATE TABLE d.more AS {rows(1000)}")
        assert [blob.name for blob in cloud.storage.list_blobs("bkt")] == []


@pytest.mark.slow
def test_a_statement_that_fills_the_disk_fails_and_nothing_answered_is_lost(disk: Path) -> None:
    filler = disk / "filler"
    with running_cloud(disk / "home") as cloud:
        cloud.bigquery.create_dataset("d")
        cloud.query(f"CREATE TABLE d.kept AS {rows(1000)}")
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - 66 * MEBIBYTE))
        job = cloud.bigquery.query(f"CREATE TABLE d.huge AS {rows(700_000)}", job_id="huge", job_retry=None)
        with pytest.raises((GoogleAPICallError, OSError), match="disk of the local cloud is full"):
            job.result(retry=None, job_retry=None, timeout=60)
        filler.unlink()
    with running_cloud(disk / "home") as cloud:
        assert [table.table_id for table in cloud.bigquery.list_tables("d")] == ["kept"]
        assert cloud.query("SELECT COUNT(*) AS n FROM d.kept")[0].n == 1000
        assert cloud.bigquery.get_job("huge").error_result is not None, "an honest job"
