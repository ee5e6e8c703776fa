"""The main job step by step, on whichever cloud a scene is of: the local one in tests/e2e, Google's in tests/gcp.

Each step leaves what the next one expects. What only the local cloud can tell (its ledger) is asserted beside the step.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Any, Protocol

from google.cloud import bigquery, storage

from tests.e2e.pictures import pictures

TABLES = {"met_images", "met_image_embeddings", "met_image_failures", "search_embedding", "vector_search_results"}
INSTRUMENTS = {f"stamp_{name}.jpg" for name in ("violin", "cello", "guitar_classical", "drumkit")}


class Program(Protocol):
    """A stack and the commands that people give it."""

    def up(self, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]: ...
    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]: ...
    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]: ...
    def outputs(self) -> dict[str, Any]: ...
    def exports(self) -> dict[str, Any]: ...
    def resources(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Scene:
    """A stack whose images are a dozen photos (tests/e2e/pictures.py) in a bucket, and clients that look on."""

    program: Program
    bucket: storage.Bucket
    warehouse: bigquery.Client
    dataset: str
    """project.dataset"""
    prefix: str = ""
    """Of the photos' names in the bucket."""

    def uri(self, name: str) -> str:
        return f"gs://{self.bucket.name}/{self.prefix}{name}"

    def put(self, name: str, data: bytes, caption: str = "") -> None:
        blob = self.bucket.blob(f"{self.prefix}{name}")
        blob.metadata = {"caption": caption} if caption else {}
        blob.upload_from_string(data, content_type="image/jpeg")

    def remove(self, name: str) -> None:
        self.bucket.blob(f"{self.prefix}{name}").delete()

    def counts(self, *names: str) -> tuple[Any, ...]:
        return counts(self.program.exports(), *names)

    def tables(self) -> set[str]:
        return {table.table_id for table in self.warehouse.list_tables(self.dataset)}

    def rows(self, statement: str) -> list[bigquery.Row]:
        return list(self.warehouse.query_and_wait(statement))

    def embedded_at(self) -> dict[str, Any]:
        """When each image was embedded, by uri: it changes when an image is paid for again."""
        rows = self.rows(f"SELECT uri, embedded_at FROM `{self.dataset}.met_image_embeddings`")
        return {row.uri: row.embedded_at for row in rows}

    def jobs_that_paid(self) -> set[str]:
        """Ids of the jobs that embedded images of this dataset."""
        created = self.warehouse.get_dataset(self.dataset).created
        jobs = self.warehouse.list_jobs(min_creation_time=created, all_users=False)
        staging = f"`{self.dataset}.met_image_embeddings_staging_"
        return {job.job_id for job in jobs if job.job_id.startswith("imagesearch-embed_") and staging in job.query}


def counts(outputs: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Some of a stack's outputs."""
    return tuple(outputs[name] for name in names)


def one_up_makes_everything(scene: Scene) -> str:
    """An empty project becomes search results. What `up` said."""
    told = scene.program.up().stdout
    outputs = scene.program.outputs()
    assert counts(outputs, "objects", "embedded", "set_aside", "pending") == (12, 12, 0, 0)
    assert counts(outputs, "stale", "paid", "paid_usd") == (0, 12, 0.0012)
    assert outputs["index"]["status"] == "skipped", "BigQuery builds no index below 5,000 rows"
    assert "5,000" in outputs["index"]["reason"]
    first = {name: hits[0]["uri"] for name, hits in outputs["searches"].items()}
    assert first["green-vegetable"] == scene.uri("stamp_lettuce.jpg")
    assert first["yellow-flower"] == scene.uri("stamp_yellow-flower.jpg")
    instruments = {hit["uri"].rsplit("/", 1)[-1] for hit in outputs["searches"]["musical-instrument"]}
    assert instruments <= INSTRUMENTS
    distances = [hit["distance"] for hit in outputs["searches"]["yellow-flower"]]
    assert len(distances) == 3 and distances == sorted(distances)
    return told


def it_is_what_the_tutorial_makes(scene: Scene) -> None:
    assert scene.tables() == TABLES, "and no staging table is left"
    assert [model.model_id for model in scene.warehouse.list_models(scene.dataset)] == ["multimodal_embedding_model"]
    assert scene.warehouse.get_dataset(scene.dataset).description == "BigQuery ML tutorial dataset."
    statement = f"SELECT gcs_uri FROM `{scene.dataset}.vector_search_results` WHERE search = 'green-vegetable'"
    assert scene.rows(f"{statement} ORDER BY distance")[0].gcs_uri == scene.uri("stamp_lettuce.jpg")


def a_second_up_changes_nothing(scene: Scene) -> None:
    paid = scene.jobs_that_paid()
    assert paid, "the first up embedded something"
    scene.program.up("--expect-no-changes")
    assert scene.jobs_that_paid() == paid


def a_refresh_finds_no_drift(scene: Scene) -> None:
    scene.program.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    scene.program.up("--expect-no-changes")


def a_new_picture_costs_one_embedding(scene: Scene) -> None:
    before, jobs = scene.embedded_at(), scene.jobs_that_paid()
    scene.put("new-dog.jpg", pictures()["stamp_dog.jpg"][0])
    scene.program.up()
    after = scene.embedded_at()
    assert {uri for uri in after if after[uri] != before.get(uri)} == {scene.uri("new-dog.jpg")}
    assert len(scene.jobs_that_paid() - jobs) == 1
    assert scene.counts("objects", "embedded", "added") == (13, 13, 1)


def changed_and_deleted_pictures_converge_in_one_up(scene: Scene) -> None:
    before = scene.embedded_at()
    scene.put("stamp_rose.jpg", pictures()["stamp_lettuce.jpg"][0], "not a rose any more")
    scene.remove("new-dog.jpg")
    scene.program.up()
    outputs = scene.program.exports()
    assert counts(outputs, "objects", "embedded", "updated", "deleted") == (12, 12, 1, 1)
    after = scene.embedded_at()
    assert {uri for uri in after if after[uri] != before[uri]} == {scene.uri("stamp_rose.jpg")}
    found = {hit["uri"] for hit in outputs["searches"]["green-vegetable"][:2]}
    assert found == {scene.uri("stamp_lettuce.jpg"), scene.uri("stamp_rose.jpg")}


def what_is_no_picture_is_set_aside(scene: Scene) -> str:
    """The status that the service gave it."""
    scene.put("broken.jpg", b"this is no picture")
    scene.program.up()
    assert scene.counts("objects", "embedded", "set_aside", "pending") == (13, 12, 1, 0)
    (failure,) = scene.rows(f"SELECT uri, status, kind FROM `{scene.dataset}.met_image_failures`")
    assert (failure.uri, failure.kind) == (scene.uri("broken.jpg"), "permanent")
    scene.program.up("--expect-no-changes")
    return str(failure.status)


def a_dropped_table_comes_back(scene: Scene) -> None:
    before = scene.embedded_at()
    scene.warehouse.delete_table(f"{scene.dataset}.vector_search_results")
    scene.program.up("--refresh")
    results = scene.rows(f"SELECT gcs_uri FROM `{scene.dataset}.vector_search_results`")
    assert len(results) == sum(query["top_k"] for query in scene.program.exports()["queries"])
    assert scene.embedded_at() == before, "no image is paid for again"


def an_ad_hoc_search_writes_nothing(scene: Scene) -> None:
    before = scene.tables()
    done = scene.program.run(".venv/bin/python", "-m", "imagesearch", "search", "a guitar", "--top-k", "1")
    assert "stamp_guitar_classical.jpg" in done.stdout
    assert scene.tables() == before


def a_foreign_table_stops_destroy_by_name(scene: Scene) -> None:
    scene.rows(f"CREATE TABLE `{scene.dataset}.holiday_plans` AS SELECT 'Bodiam' AS place")
    try:
        refused = scene.program.pulumi("destroy", "--yes", "--skip-preview", check=False)
        assert refused.returncode != 0
        assert "holiday_plans" in refused.stdout + refused.stderr
        assert "Traceback" not in refused.stdout + refused.stderr
        assert scene.tables() == {"holiday_plans"}
    finally:
        scene.warehouse.delete_table(f"{scene.dataset}.holiday_plans")


def destroy_leaves_nothing(scene: Scene) -> None:
    scene.program.pulumi("destroy", "--yes", "--skip-preview")
    assert [each["type"] for each in scene.program.resources() if each["type"] != "pulumi:pulumi:Stack"] == []
    assert scene.dataset.split(".")[1] not in {each.dataset_id for each in scene.warehouse.list_datasets()}
    assert len(list(scene.bucket.list_blobs(prefix=scene.prefix))) >= 12, "the pictures are not ours"
