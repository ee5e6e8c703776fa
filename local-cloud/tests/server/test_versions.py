"""A home that this version cannot read is refused by name, and left as it is."""

from __future__ import annotations

from pathlib import Path

import duckdb

from localcloud.core.store import Store
from tests.server.test_cli import localcloud


def test_a_home_of_an_older_version_is_refused_by_name(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.duckdb")
    with store.transaction() as change:
        change.put("meta", "schema", {"version": 0})
    store.close()
    refused = localcloud("serve", "--detach", "--embedder", "hash", "--port", "0", home=tmp_path)
    assert refused.returncode == 1
    assert f"{tmp_path / 'state.duckdb'} was written by another version of the local cloud (layout 0" in refused.stderr
    assert "take another --home" in refused.stderr and "Traceback" not in refused.stderr
    with duckdb.connect(str(tmp_path / "state.duckdb"), read_only=True) as kept:
        assert kept.execute("SELECT body FROM localcloud.documents WHERE name = 'schema'").fetchall() == [
            ('{"version":0}',)
        ]


def test_a_file_that_is_no_state_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "state.duckdb").write_bytes(b"something else" * 1000)
    refused = localcloud("serve", "--detach", "--embedder", "hash", "--port", "0", home=tmp_path)
    assert refused.returncode == 1
    assert f"state.duckdb cannot be read by DuckDB {duckdb.__version__}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_second_server_on_a_home_ends_at_once_and_harms_nothing(tmp_path: Path) -> None:
    started = localcloud("serve", "--detach", "--embedder", "hash", "--port", "0", home=tmp_path)
    assert started.returncode == 0, started.stderr
    before = (tmp_path / "server.json").read_text()
    hidden = tmp_path / "server.json"
    hidden.rename(tmp_path / "elsewhere")  # as if it were just starting: nothing but the lock says that it is there
    second = localcloud("serve", "--embedder", "hash", "--port", "0", home=tmp_path)
    (tmp_path / "elsewhere").rename(hidden)
    assert (second.returncode, f"another local cloud is starting on {tmp_path}" in second.stderr) == (1, True)
    assert (tmp_path / "server.json").read_text() == before
    assert localcloud("stop", home=tmp_path).returncode == 0
