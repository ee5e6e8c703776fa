"""`python -m imagesearch` on a stack whose embeddings a fixture made: what it prints and what it writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagesearch.cli.commands import main
from imagesearch.stacks import stack
from imagesearch.stacks.stack import Stack
from tests.warehouse.conftest import Pipeline

BROKEN = {"status": "INVALID_ARGUMENT: no picture", "times": 1}


@pytest.fixture
def brought_up(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The pipeline as the outputs of a stack describe it; `main` reads these."""
    properties = pipeline.spec.to_properties()
    missing = pipeline.spec.table.path.replace(".table", ".missing")
    outputs: dict[str, Any] = {
        "project": pipeline.cloud.project,
        "location": "US",
        "dataset": pipeline.spec.table.parts[1],
        "labels": pipeline.warehouse.labels,
        "connection": "projects/p/locations/us/connections/c",
        "endpoint": properties["endpoint"],
        "dimension": 128.0,
        "distance": "COSINE",
        **dict.fromkeys(("objects", "target", "embedded", "set_aside", "pending"), 0),
        **dict.fromkeys(("added", "updated", "deleted"), 7.0),
        "convergence": properties,
        "object_table": properties["object_table"],
        "model": properties["model"],
        "embeddings_table": properties["table"],
        "failures_table": properties["failures"],
        "search_embeddings_table": missing,
        "results_table": missing,
        "index": {"name": "met_images_index", "status": "active", "reason": "", "coverage": 100, "recall": 0.97},
        "queries": [{"name": "anything", "text": "anything at all", "top_k": 1}],
        "searches": {"anything": [{"uri": "gs://b/a.jpg", "distance": 0.5}]},
    }
    config = {"gcp:bigQueryCustomEndpoint": f"{pipeline.cloud.url}/bigquery/v2/", "gcp:accessToken": "local"}
    monkeypatch.setattr(stack, "read", lambda _: Stack(outputs, config))
    return pipeline


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command printed as its answer."""
    assert main(list(arguments)) == code
    return capsys.readouterr().out


def status(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer(capsys, "status", "--json"))
    return found


def breaking(pipeline: Pipeline, *names: str) -> None:
    """Each of these images fails for good the next time it is embedded."""
    uris = [f"gs://{pipeline.bucket.name}/{name}" for name in names]
    pipeline.cloud.control("faults", {"rows": {"uris": uris, **BROKEN}})
    pipeline.put(*names)


def test_status_tells_how_it_is_now_and_what_the_last_up_did(
    brought_up: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    brought_up.put("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    breaking(brought_up, "bad.jpg")
    brought_up.converge()
    brought_up.put("a.jpg", "new.jpg")
    brought_up.bucket.blob("b.jpg").delete()
    seen = status(capsys)
    counts = {name: seen[name] for name in ("objects", "target", "embedded", "set_aside", "pending", "stale")}
    assert counts == {"objects": 5, "target": 5, "embedded": 2, "set_aside": 1, "pending": 2, "stale": 2}
    assert (seen["paid"], seen["paid_usd"]) == (sum(brought_up.paid().values()), 0.0004)
    assert (seen["endpoint"], seen["dimension"]) == ("multimodalembedding@001", 128)
    assert seen["index"]["status"] == "skipped" and seen["index"]["recall"] is None, "there is no index any more"
    assert set(seen["index"]) == {"name", "status", "reason", "coverage", "recall"}
    assert seen["searches"] == {"anything": [{"uri": "gs://b/a.jpg", "distance": 0.5, "caption": None}]}
    assert seen["added"] == 7


def test_the_table_says_what_is_not_as_it_should_be_and_what_to_do(
    brought_up: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    breaking(brought_up, "bad.jpg")
    brought_up.put("a.jpg")
    brought_up.converge()
    brought_up.put("a.jpg")
    said = " ".join(answer(capsys, "status").split())
    assert "2 images in the bucket: 0 embedded, 1 set aside, 1 pending, 1 stale" in said
    assert "1 image paid for so far, about $0.0001. `pulumi up` brings the embeddings up to date" in said
    assert "`python -m imagesearch failures` says why images are set aside." in said


def test_looking_and_searching_write_nothing_into_the_dataset(
    brought_up: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    brought_up.put("a.jpg", "b.jpg")
    brought_up.converge()
    dataset = brought_up.spec.table.parts[1]
    client = brought_up.cloud.bigquery
    before = {item.table_id: client.get_table(item).etag for item in client.list_tables(dataset)}
    models = [model.etag for model in client.list_models(dataset)]
    known = {job.job_id for job in client.list_jobs()}
    found = json.loads(answer(capsys, "search", "a castle", "--top-k", "1", "--json"))
    assert len(found) == 1 and set(found[0]) == {"uri", "distance", "caption"}
    status(capsys)
    answer(capsys, "failures")
    assert {item.table_id: client.get_table(item).etag for item in client.list_tables(dataset)} == before
    assert [model.etag for model in client.list_models(dataset)] == models
    jobs = [job for job in client.list_jobs() if job.job_id not in known]
    assert len(jobs) >= 3
    assert {job.statement_type for job in jobs} == {"SELECT"}
    written = {job.destination.dataset_id for job in jobs if job.destination}
    assert all(name.startswith("_") for name in written), "answers go into a hidden dataset, if anywhere"


def test_retry_says_what_the_next_run_does_and_costs_and_does_nothing_yet(
    brought_up: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    breaking(brought_up, "x.jpg", "y.jpg")
    brought_up.put("good.jpg")
    assert brought_up.converge().counts.set_aside == 2
    said = " ".join(answer(capsys, "retry").split())
    assert "2 images are no longer set aside" in said and "INVALID_ARGUMENT: no picture" in said
    assert "embed 2 new and 0 changed images: about $0.0002" in said
    assert brought_up.paid() == {"good.jpg": 1}
    run = brought_up.converge()
    assert (run.counts.embedded, run.counts.set_aside, run.complete) == (3, 0, True)
    assert brought_up.paid() == {"good.jpg": 1, "x.jpg": 1, "y.jpg": 1}
    assert "No image is set aside." in answer(capsys, "retry")


def test_retry_now_embeds_only_what_was_chosen(brought_up: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    breaking(brought_up, "x.jpg", "y.jpg")
    brought_up.converge()
    assert "1 of 2 embedded, 1 set aside, 0 pending" in answer(
        capsys, "retry", "--now", f"gs://{brought_up.bucket.name}/x.jpg"
    )
    assert "2 of 2 embedded" in answer(capsys, "retry", "--now", "--status", "INVALID_ARG")


@pytest.mark.parametrize("choice", [("gs://b/never-seen.jpg",), ("--status", "NOT_FOUND")])
def test_retry_of_what_is_not_set_aside_fails_and_forgets_nothing(
    brought_up: Pipeline, capsys: pytest.CaptureFixture[str], choice: tuple[str, ...]
) -> None:
    breaking(brought_up, "x.jpg")
    brought_up.converge()
    assert main(["retry", *choice]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: No image that is set aside ") and choice[-1] in said
    assert status(capsys)["set_aside"] == 1


def test_images_that_fail_retryably_are_not_set_aside_and_keep_their_attempts(
    brought_up: Pipeline, capsys: pytest.CaptureFixture[str], no_pauses: None
) -> None:
    brought_up.put("a.jpg")
    brought_up.cloud.control("faults", {"rows": {"rate": 1.0}})
    assert main(["converge"]) == 1
    assert "No image is set aside." in answer(capsys, "retry")
    (row,) = json.loads(answer(capsys, "failures", "--json"))
    assert (row["kind"], row["attempts"]) == ("retryable", 3)


def test_converge_answers_with_the_counts_and_tells_progress_beside_it(
    brought_up: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    brought_up.put("a.jpg", "b.jpg")
    assert main(["converge"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("2 of 2 embedded, 0 set aside, 0 pending.") and out.count("\n") == 1
    assert "2 of 2 images embedded" in err and "\x1b" not in err and "\r" not in err
