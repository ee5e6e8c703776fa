"""How much is embedded, what it may cost, and who waits for it. With the real engine; the tests build on each other, in
this order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import bigquery

from tests.e2e.generated import DATASET, control, counts, fill, outputs_of, refused, running, said
from tests.e2e.stack import Stack

COUNTS = ("objects", "target", "embedded", "pending", "complete")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory, images={"limit": 4}, embedding={"budgetUsd": 0.00005, "dimension": 128}) as made:
        yield made


def paid(stack: Stack) -> dict[str, int]:
    per_object: dict[str, int] = stack.ledger()["per_object"]
    return per_object


def test_work_over_the_budget_is_refused_before_the_first_paid_row(stack: Stack) -> None:
    failure = refused(stack.up(check=False))
    assert "Embedding 4 images costs about $0.0004, over embedding.budgetUsd = 5e-05; nothing was paid" in failure
    assert stack.ledger()["paid"] == 0


def test_a_run_that_does_not_wait_is_taken_up_by_converge_and_by_up(stack: Stack) -> None:
    stack.set(embedding={"budgetUsd": 10, "wait": False})
    control(stack, "settings", {"enforce_quota": True})  # four images of 600 a minute: 0.4 s
    stack.up()
    outputs = outputs_of(stack)
    assert counts(outputs, "target", "complete") == (4, False)
    converge = (".venv/bin/python", "-m", "imagesearch", "converge")
    codes = [3]
    while codes[-1] == 3 and len(codes) < 20:
        codes.append(stack.run(*converge, check=False).returncode)
    assert codes[-1] == 0
    stack.up()
    assert counts(outputs_of(stack), *COUNTS) == (6, 4, 4, 0, True)
    assert sorted(paid(stack).values()) == [1, 1, 1, 1]
    assert stack.run(*converge).returncode == 0
    assert len(outputs_of(stack)["searches"]["anything"]) == 3


def test_raising_the_limit_embeds_only_the_difference_and_preview_tells_the_price(stack: Stack) -> None:
    control(stack, "settings", {"enforce_quota": False})
    fill(stack, ["00.jpg"])  # first in uri order, and still it pushes none out
    stack.set(embedding={"wait": True}, images={"limit": 6})
    plan = said(stack.pulumi("preview"))
    assert (
        "embed 2 new and 0 changed images: about $0.0002, at least 1 minute at US's quota of 600 a "
        "minute, 1 job or more"
    ) in plan
    assert sum(paid(stack).values()) == 4
    stack.up()
    assert counts(outputs_of(stack), *COUNTS) == (7, 6, 6, 0, True)
    assert sorted(paid(stack)) == [f"gs://demo-images/{name}.jpg" for name in ("0", "00", "1", "2", "3", "4")]
    assert set(paid(stack).values()) == {1}


@pytest.mark.slow  # tests/warehouse/test_limits.py has it without the engine
def test_lowering_the_limit_deletes_nothing_unless_it_is_asked_to(stack: Stack, warehouse: bigquery.Client) -> None:
    stack.set(images={"limit": 2})
    stack.up()
    assert warehouse.get_table(f"{DATASET}.met_image_embeddings_multimodalembedding_001_128").num_rows == 6
    stack.set(images={"limit": 2, "pruneToLimit": True})
    stack.up()
    assert counts(outputs_of(stack), *COUNTS) == (7, 2, 2, 0, True)
    assert outputs_of(stack)["deleted"] == 4
    assert warehouse.get_table(f"{DATASET}.met_image_embeddings_multimodalembedding_001_128").num_rows == 2
    stack.up("--expect-no-changes")
    assert set(paid(stack).values()) == {1}
