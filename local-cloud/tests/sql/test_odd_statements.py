"""Whatever is sent, the answer is an answer: a result, or an error in BigQuery's shape. Never a crash."""

from __future__ import annotations

from pathlib import Path

from localcloud.core.errors import ApiError
from tests.sql.conftest import SmallCloud, Warehouse

ODD = Path(__file__).with_name("odd_statements.sql").read_text().splitlines()


def test_no_statement_ends_in_anything_but_an_answer(warehouse: Warehouse, cloud: SmallCloud) -> None:
    cloud.add("a.jpg")
    warehouse.run("CREATE TABLE d.t (a INT64, s STRING, v ARRAY<FLOAT64>, r STRUCT<x INT64, y STRING>)")
    warehouse.run("INSERT d.t (a, s, v, r) VALUES (1, 'x', [1.0], STRUCT(1, 'q'))")
    warehouse.run(
        "CREATE EXTERNAL TABLE d.o WITH CONNECTION us.c"
        " OPTIONS (object_metadata = 'SIMPLE', uris = ['gs://demo-images/*'])"
    )
    warehouse.run("CREATE MODEL d.m REMOTE WITH CONNECTION us.c OPTIONS (ENDPOINT = 'multimodalembedding@001')")
    codes = []
    for statement in ODD:
        try:
            outcome = warehouse.run(statement)
            if outcome.result_table:
                warehouse.engine.rows(outcome.result_table, outcome.schema, 0, 10)
        except ApiError as error:
            codes.append(error.code)
    assert set(codes) <= {400, 404, 409, 501}
    assert len(codes) > len(ODD) // 2
