"""Statements of the corpus with something wrong in them: always an answer, and never one that ZetaSQL would refuse."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import duckdb
import pytest

from localcloud.core.errors import ApiError
from localcloud.core.store import Store
from tests.sql.conftest import SmallCloud, Warehouse
from tests.sql.corpus import cases, tables
from tests.sql.reference import Reference

HERE = {"default_dataset": ("p", "d")}
WORDS = re.compile(r"r?b?'(?:[^'\\]|\\.)*'|\d+(?:\.\d+)?|[A-Za-z_]\w*|\s+|[<>!=|]+|.", re.DOTALL)
SEEDS = [case.text for case in cases() if case.is_query and not case.error and not case.parameters]


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Warehouse, Reference]]:
    store = Store()
    warehouse, reference = Warehouse(store, SmallCloud()), Reference()
    for table, query in tables().items():
        warehouse.run(f"CREATE TABLE {table} AS\n{query}", **HERE)
        reference.make(table, query)
    yield warehouse, reference
    store.close()


def _mutated(chance: random.Random) -> str:
    """A word left out, doubled, changed places, or replaced by another statement's."""
    words = WORDS.findall(chance.choice(SEEDS))
    places = [place for place, word in enumerate(words) if not word.isspace()]
    one, other = chance.choice(places), chance.choice(places)
    change = chance.randrange(4)
    if change == 0:
        del words[one]
    elif change == 1:
        words.insert(one, words[one] + " ")
    elif change == 2:
        words[one], words[other] = words[other], words[one]
    else:
        words[one] = chance.choice(WORDS.findall(chance.choice(SEEDS)))
    return "".join(words)


@pytest.mark.parametrize("seed", range(4))
def test_a_statement_with_a_mistake_is_refused_as_zetasql_refuses_it(
    both: tuple[Warehouse, Reference], seed: int
) -> None:
    warehouse, reference = both
    chance = random.Random(seed)
    taken = 0
    for _ in range(700):
        text = _mutated(chance)
        try:
            warehouse.run(text, **HERE)
        except ApiError as error:
            assert error.code in (400, 404, 409, 501), text
            continue
        taken += 1
        reference.takes(text)  # raises Refused, with the statement's mistake
    assert taken > 20


@pytest.mark.parametrize(
    "call",
    [
        "read_csv('/etc/passwd')", "read_text('/etc/passwd')", "read_blob('/etc/passwd')", "read_parquet('x')",
        "read_json('x')", "getenv('HOME')", "current_setting('threads')", "pragma_version()",
        "duckdb_settings()", "sniff_csv('x')", "parquet_scan('x')", "query('SELECT 1')", "query_table('x')",
    ],
)  # fmt: skip
def test_no_function_of_duckdb_reaches_files_or_settings(both: tuple[Warehouse, Reference], call: str) -> None:
    for text in (f"SELECT * FROM {call}", f"SELECT {call}", f"SELECT * FROM UNNEST([{call}])"):
        with pytest.raises(ApiError) as error:
            both[0].run(text, **HERE)
        assert error.value.code in (400, 501)
        assert call.partition("(")[0].lower() in error.value.message.lower()


@pytest.mark.parametrize(
    "statement",
    [
        "COPY people TO '/tmp/x'", "ATTACH '/tmp/x' AS y", "DETACH d", "INSTALL httpfs", "LOAD httpfs",
        "PRAGMA version", "SET threads = 1", "RESET threads", "EXPORT DATABASE '/tmp/x'", "IMPORT DATABASE 'x'",
        "CHECKPOINT",
        "VACUUM", "USE d", "SELECT * FROM glob('/*')", "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM `/etc/passwd`", "CALL pragma_version()",
    ],
)  # fmt: skip
def test_no_statement_of_duckdb_is_one_here(both: tuple[Warehouse, Reference], statement: str) -> None:
    with pytest.raises(ApiError) as error:
        both[0].run(statement, **HERE)
    assert error.value.code in (400, 404, 501)


def test_duckdb_itself_reaches_no_file(both: tuple[Warehouse, Reference], tmp_path: object) -> None:
    cursor = both[0].store.cursor()
    for statement in ("SELECT * FROM read_text('/etc/passwd')", f"COPY (SELECT 1) TO '{tmp_path}/x'", "INSTALL httpfs"):
        with pytest.raises(duckdb.Error, match=r"disabled by configuration|external access"):
            cursor.execute(statement)
    with pytest.raises(duckdb.Error):
        cursor.execute("SET enable_external_access = true")


def test_an_endless_recursion_ends(both: tuple[Warehouse, Reference]) -> None:
    with pytest.raises(ApiError, match="maximum number of iterations"):
        both[0].run("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT 1 FROM n) SELECT COUNT(*) AS c FROM n")
