"""Another endpoint or dimension: searches answer from the old vectors until the new are complete, whatever happens on
the way. With the real engine; the tests build on each other, in this order."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import bigquery

from offline.tests.pulumi_cli.waiting import until
from tests.e2e.generated import DATASET, HALF_FAIL, NAMES, control, counts, outputs_of, refused, running, said
from tests.e2e.stack import CHECKOUT, Stack

TUTORIAL = {"endpoint": "multimodalembedding@001", "dimension": 1408, "maxAttempts": 1}
GEMINI = {"endpoint": "gemini-embedding-2-preview", "dimension": 3072}
OLD = ("met_image_embeddings", "met_image_failures")
NEW = tuple(f"{name}_gemini_embedding_2_preview_3072" for name in OLD)
NEW_MODEL = "multimodal_embedding_model_gemini_embedding_2_preview"
ALWAYS = {"met_images", "search_embedding", "vector_search_results"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory, embedding=TUTORIAL) as made:
        yield made


def tables(warehouse: bigquery.Client) -> set[str]:
    return {table.table_id for table in warehouse.list_tables(DATASET)}


def models(warehouse: bigquery.Client) -> set[str]:
    return {model.model_id for model in warehouse.list_models(DATASET)}


def rows(warehouse: bigquery.Client, table: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in warehouse.query_and_wait(f"SELECT * FROM `{DATASET}.{table}`"))


def fail_half_way(stack: Stack) -> None:
    """An `up` that ends with half of the images embedded."""
    control(stack, "faults", HALF_FAIL)
    failure = refused(stack.up(check=False))
    control(stack, "faults", method="DELETE")
    assert "3 of 6 are embedded" in failure and "3 pending" in failure


def search(stack: Stack) -> str:
    return stack.run(".venv/bin/python", "-m", "imagesearch", "search", "a castle").stdout


def test_half_way_to_another_endpoint_both_sets_are_there_and_searches_answer_from_the_old(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    stack.up()
    results, answer = rows(warehouse, "vector_search_results"), search(stack)
    stack.set(embedding=GEMINI)
    fail_half_way(stack)
    assert rows(warehouse, "vector_search_results") == results
    assert search(stack) == answer and ".jpg" in answer
    assert tables(warehouse) == {*ALWAYS, *OLD, *NEW}
    assert len(models(warehouse)) == 2
    assert [warehouse.get_table(f"{DATASET}.{table}").num_rows for table in (OLD[0], NEW[0])] == [6, 3]


def test_putting_the_old_endpoint_back_costs_nothing_and_loses_nothing(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    before, kept = stack.ledger(), rows(warehouse, OLD[0])
    stack.set(embedding=TUTORIAL)
    stack.up()
    assert rows(warehouse, OLD[0]) == kept
    assert tables(warehouse) == {*ALWAYS, *OLD}
    assert models(warehouse) == {"multimodal_embedding_model"}
    stack.up("--expect-no-changes")
    assert stack.ledger() == before


def kill_half_way(stack: Stack) -> None:
    """An `up` whose engine is killed when a batch is embedded and paid for, and not yet merged."""
    control(stack, "faults", {"path": "/queries", "body": "MERGE", "hold": True, "seconds": 60})
    command = [str(CHECKOUT / "local"), "pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        command, cwd=stack.folder, env=stack.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as engine:
        until(lambda: held(stack), 60)
        engine.kill()
    until(lambda: not held(stack), 60)  # the provider has noticed, and is gone
    control(stack, "faults", method="DELETE")
    stack.pulumi("cancel", "--yes")


def held(stack: Stack) -> bool:
    return bool(control(stack, "state", method="GET")["faults"]["held"])


def test_killed_half_way_searches_go_on_answering_from_the_old_and_nothing_is_paid_twice(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    results, answer, paid = rows(warehouse, "vector_search_results"), search(stack), images_paid(stack)
    stack.set(embedding=GEMINI)
    kill_half_way(stack)
    assert rows(warehouse, "vector_search_results") == results
    assert search(stack) == answer
    assert images_paid(stack) == paid + len(NAMES)
    stack.up()
    assert images_paid(stack) == paid + len(NAMES), "what the killed run had paid for was merged"


def test_once_the_new_vectors_are_complete_the_old_ones_and_their_model_go(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    assert counts(outputs_of(stack), "embedded", "pending", "complete", "dimension") == (6, 0, True, 3072)
    assert tables(warehouse) == {*ALWAYS, *NEW}
    assert models(warehouse) == {NEW_MODEL}
    assert len(rows(warehouse, "vector_search_results")) == 3
    stack.up("--expect-no-changes")


def test_a_run_that_does_not_wait_moves_the_searches_only_when_the_new_vectors_are_complete(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    """The way back, too: the old vectors are gone by now, so every image is paid for again."""
    paid = images_paid(stack)
    stack.set(embedding={**TUTORIAL, "wait": False})
    told = said(stack.up())
    order = ["model created", "embeddings created", "index created", "searches updated", "deleting original"]
    assert sorted(order, key=told.index) == order
    assert "multimodalembedding@001 retires on 2027-04-01" in told or "was retired on 2027-04-01" in told
    assert "searches answer from the old vectors until these are complete" in told
    assert counts(outputs_of(stack), "embedded", "complete", "dimension") == (6, True, 1408)
    assert images_paid(stack) == paid + len(NAMES)
    assert tables(warehouse) == {*ALWAYS, *OLD}
    stack.up("--expect-no-changes")


def images_paid(stack: Stack) -> int:
    return sum(stack.ledger()["per_object"].values())


@pytest.mark.slow
def test_an_up_after_one_that_failed_half_way_to_another_dimension_pays_only_for_what_was_missing(
    stack: Stack, warehouse: bigquery.Client
) -> None:
    other = {name.replace("3072", "768") for name in NEW}
    stack.set(embedding={**GEMINI, "wait": True})
    stack.up()
    before = images_paid(stack)
    stack.set(embedding={"dimension": 768})
    fail_half_way(stack)
    stack.pulumi("refresh", "--yes", "--skip-preview")
    assert tables(warehouse) == {*ALWAYS, *NEW, *other}, "a refresh takes nothing away"
    stack.up()
    assert images_paid(stack) == before + len(NAMES)
    assert tables(warehouse) == {*ALWAYS, *other}, "only now the old tables went"
    assert models(warehouse) == {NEW_MODEL}
    stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    stack.up("--expect-no-changes")
