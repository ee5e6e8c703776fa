"""The embedding endpoint: for SQL, over REST, its quota, its failures and its account book."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from googleapiclient.errors import HttpError

from localcloud.apis.connections.connections import DEFAULT
from localcloud.core import clock
from localcloud.core.errors import ApiError, Unsupported
from localcloud.core.ledger import Ledger, totals
from localcloud.core.ports import Embedding, ImageInput
from localcloud.core.quotas import rows_per_job
from tests.services.conftest import PROJECT, Running

MODEL = "multimodalembedding@001"
JPG = b"\xff\xd8\xff picture"


@pytest.fixture
def member(cloud: Running) -> str:
    """A connection's member that may use the endpoint and read buckets."""
    cloud.enable()
    found = cloud.connection()
    cloud.grant("roles/aiplatform.user", found)
    cloud.grant("roles/storage.objectViewer", found)
    return found


def embed(
    cloud: Running,
    member: str,
    inputs: list[str | ImageInput],
    location: str = "US",
    model: str = MODEL,
    size: int = 512,
) -> list[Embedding]:
    return cloud.services.embed(member, PROJECT, location, model, inputs, size, threading.Event())


def picture(name: str) -> ImageInput:
    return ImageInput(f"gs://demo-images/{name}")


def test_a_connection_without_the_role_is_told_which_role_it_needs(cloud: Running) -> None:
    cloud.enable()
    member = cloud.connection()
    with pytest.raises(ApiError) as refused:
        cloud.services.check_endpoint(member, PROJECT, "US", MODEL)
    assert (refused.value.code, refused.value.reason) == (400, "invalidQuery")
    assert refused.value.message == (
        f"{member.removeprefix('serviceAccount:')} does not have the permission to access or use the endpoint. Please "
        "grant the Vertex AI user role to the service account following "
        "https://cloud.google.com/bigquery/docs/generate-text-tutorial#grant-permissions. If issue persists, contact "
        "bqml-feedback@google.com for help."
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        "text-embedding-005",
        "text-multilingual-embedding-002",
        "gemini-embedding-001",
        "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models/m@1",
    ],
)
def test_an_endpoint_that_google_has_is_unsupported_and_not_unknown(cloud: Running, member: str, endpoint: str) -> None:
    with pytest.raises(Unsupported, match=re.escape(f"the endpoint {endpoint!r}")):
        cloud.services.check_endpoint(member, PROJECT, "US", endpoint)


@pytest.mark.parametrize(("endpoint", "location"), [("nothing@001", "US"), ("gemini-embedding-2-preview", "EU")])
def test_an_endpoint_that_is_not_served_there_is_unknown(
    cloud: Running, member: str, endpoint: str, location: str
) -> None:
    with pytest.raises(
        ApiError, match=f"Not found: Publisher model projects/.*/models/{endpoint} was not found"
    ) as unknown:
        cloud.services.check_endpoint(member, PROJECT, location, endpoint)
    assert unknown.value.code == 400


def test_without_the_api_nothing_is_embedded(cloud: Running) -> None:
    with pytest.raises(ApiError, match="Vertex AI API has not been used in project"):
        cloud.services.check_endpoint("user:you@example.com", PROJECT, "US", MODEL)


def test_rows_come_back_in_order_with_unit_vectors(cloud: Running, member: str) -> None:
    for n in range(5):
        cloud.upload(f"{n}.jpg", JPG + bytes([n]))
    inputs: list[str | ImageInput] = [picture("3.jpg"), "a castle", picture("0.jpg")]
    answers = embed(cloud, member, inputs)
    assert [a.status for a in answers] == ["", "", ""]
    for answer, alone in zip(answers, (embed(cloud, member, [i])[0] for i in inputs), strict=True):
        assert answer.vector is not None and alone.vector is not None
        assert answer.vector.shape == (512,)
        assert np.linalg.norm(answer.vector) == pytest.approx(1)
        assert (answer.vector == alone.vector).all()


def test_the_second_endpoint_offers_its_own_dimensions(cloud: Running, member: str) -> None:
    (answer,) = embed(cloud, member, ["a castle"], model="gemini-embedding-2-preview", size=3072)
    assert answer.vector is not None and answer.vector.shape == (3072,)
    with pytest.raises(ApiError, match="Invalid output_dimensionality 512"):
        embed(cloud, member, ["a castle"], model="gemini-embedding-2-preview", size=512)


def test_the_second_endpoint_takes_jpeg_and_png_only(cloud: Running, member: str) -> None:
    cloud.upload("a.jpg", JPG, content_type="image/jpeg")
    cloud.upload("a.gif", b"GIF8 picture", content_type="image/gif")
    good, bad = embed(cloud, member, [picture("a.jpg"), picture("a.gif")], model="gemini-embedding-2-preview", size=768)
    assert good.vector is not None and good.vector.shape == (768,)
    assert bad.status == "INVALID_ARGUMENT: gemini-embedding-2-preview does not take image/gif."
    (first,) = embed(cloud, member, [picture("a.gif")])
    assert first.status == "", "the other one takes it"


def test_the_second_endpoint_has_a_quota_of_its_own(cloud: Running, member: str) -> None:
    cloud.context.settings.enforce_quota = True
    cloud.context.clock.speed = 0
    before = cloud.context.clock.time()
    embed(cloud, member, ["t"] * 4000, model="gemini-embedding-2-preview", size=768)
    assert cloud.context.clock.time() - before == pytest.approx(60, abs=5), "4,000 a minute"


@pytest.mark.parametrize(("location", "readable"), [("EU", True), ("europe-west4", True), ("US", False)])
def test_a_bucket_is_read_from_where_it_is(cloud: Running, location: str, readable: bool) -> None:
    cloud.storage().create_bucket("europes", location="EU")
    if readable:
        cloud.services.check_colocated("europes", location)
        return
    with pytest.raises(ApiError, match="Cannot read and write in different locations: source: eu, destination: us"):
        cloud.services.check_colocated("europes", location)


def test_what_can_never_be_embedded_fails_for_good(cloud: Running, member: str) -> None:
    blob = cloud.upload("text.jpg", b"no picture")
    cloud.upload("changed.jpg", JPG)
    cloud.storage().create_bucket("empty-bucket")
    answers = embed(
        cloud,
        member,
        [
            picture("text.jpg"),
            picture("gone.jpg"),
            ImageInput("gs://demo-images/changed.jpg", generation=blob.generation),
            ImageInput("gs://nowhere/a.jpg"),
        ],
    )
    assert [a.vector for a in answers] == [None] * 4
    assert [a.status.partition(":")[0] for a in answers] == ["INVALID_ARGUMENT", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]


def test_a_bucket_the_connection_may_not_read_fails_its_rows(cloud: Running) -> None:
    cloud.enable()
    member = cloud.connection()
    cloud.grant("roles/aiplatform.user", member)
    cloud.upload("a.jpg", JPG)
    (answer,) = embed(cloud, member, [picture("a.jpg")])
    assert answer.status.startswith("PERMISSION_DENIED: bqcx-")
    with pytest.raises(ApiError, match="Permission denied while globbing file pattern") as refused:
        cloud.services.list_objects(member, "demo-images", "")
    assert (refused.value.code, refused.value.reason) == (403, "accessDenied")


def test_row_faults_fail_the_rows_they_name_and_charge_nothing(cloud: Running, member: str) -> None:
    cloud.upload("a.jpg", JPG)
    cloud.upload("b.jpg", JPG)
    cloud.context.faults.add({"rows": {"uris": ["gs://demo-images/a.jpg"], "times": 1}})
    failed, embedded = embed(cloud, member, [picture("a.jpg"), picture("b.jpg")])
    assert failed.status.startswith("A retryable error occurred: ") and embedded.status == ""
    assert cloud.services.ledger.totals()["per_object"] == {"gs://demo-images/b.jpg": 1}
    (again,) = embed(cloud, member, [picture("a.jpg")])
    assert again.status == ""


def test_the_quota_of_the_location_sets_the_pace_for_all(cloud: Running, member: str) -> None:
    cloud.context.settings.enforce_quota = True
    cloud.context.clock.speed = 0
    before = cloud.context.clock.time()
    threads = [threading.Thread(target=embed, args=(cloud, member, ["t"] * 300)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cloud.context.clock.time() - before >= 60, "600 requests take a minute at 600 per minute"
    before = cloud.context.clock.time()
    embed(cloud, member, ["t"] * 600, location="europe-west1")
    assert cloud.context.clock.time() - before == pytest.approx(300, abs=5)


def test_without_the_quota_nothing_waits(cloud: Running, member: str) -> None:
    before = cloud.context.clock.time()
    embed(cloud, member, ["t"] * 1200)
    assert cloud.context.clock.time() - before < 10


def test_a_cancelled_job_stops_and_pays_for_nothing_more(cloud: Running, member: str) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(ApiError, match="Job execution was cancelled") as stopped:
        cloud.services.embed(member, PROJECT, "US", MODEL, ["t"] * 10, 512, cancelled)
    assert stopped.value.reason == "stopped"
    assert cloud.services.ledger.totals()["requests"] == 0


def test_rows_per_job_are_those_of_the_contract() -> None:
    assert rows_per_job(MODEL, "US") == 216_000
    assert rows_per_job(MODEL, "europe-west4") == 43_200
    assert rows_per_job("gemini-embedding-2-preview", "us-central1") == 1_440_000


def test_the_ledger_survives_the_sudden_end_of_its_process(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from localcloud.core.ledger import Ledger\n"
        "Ledger(Path(sys.argv[1])).record(3, 1, ['gs://b/a.jpg'])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    paid = {"requests": 3, "paid": 2, "texts": 1, "per_object": {"gs://b/a.jpg": 1}}
    assert totals(tmp_path) == paid
    book = Ledger(tmp_path)
    book.record(1, 0, ["gs://b/a.jpg"])
    assert book.totals() == totals(tmp_path) == paid | {"requests": 4, "paid": 3, "per_object": {"gs://b/a.jpg": 2}}


def predict(cloud: Running, instance: dict, dimension: int = 128, model: str = MODEL) -> dict:
    models = cloud.discovery("aiplatform", "v1").projects().locations().publishers().models()
    endpoint = f"projects/{PROJECT}/locations/us-central1/publishers/google/models/{model}"
    body = {"instances": [instance], "parameters": {"dimension": dimension}}
    return models.predict(endpoint=endpoint, body=body).execute()


def test_rest_answers_image_and_text_in_one_prediction(cloud: Running, member: str) -> None:
    cloud.upload("a.jpg", JPG)
    answer = predict(cloud, {"text": "a castle", "image": {"gcsUri": "gs://demo-images/a.jpg"}})
    (prediction,) = answer["predictions"]
    assert {key: len(vector) for key, vector in prediction.items()} == {"textEmbedding": 128, "imageEmbedding": 128}
    inline = predict(cloud, {"image": {"bytesBase64Encoded": base64.b64encode(JPG).decode()}})
    assert inline["predictions"][0]["imageEmbedding"] == prediction["imageEmbedding"]


@pytest.mark.parametrize(
    ("instance", "dimension", "said"),
    [
        ({}, 128, "An instance needs an image or a text"),
        ({"text": "t"}, 100, "Invalid dimension 100"),
        ({"image": {"bytesBase64Encoded": "AAAA"}}, 128, "Invalid image"),
        ({"video": {"gcsUri": "gs://b/v"}}, 128, "Unsupported by the local cloud"),
    ],
)
def test_rest_refuses_what_is_no_instance(
    cloud: Running, member: str, instance: dict, dimension: int, said: str
) -> None:
    with pytest.raises(HttpError, match=said):
        predict(cloud, instance, dimension)


def test_rest_answers_429_above_the_quota(cloud: Running, member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.context.settings.enforce_quota = True
    cloud.context.clock.speed = 0
    now = time.time()
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: now))  # two requests a second come back
    path = f"/aiplatform/v1/projects/{PROJECT}/locations/europe-west1/publishers/google/models/{MODEL}:predict"
    codes = [cloud.http.post(path, json={"instances": [{"text": "t"}]}).status_code for _ in range(120)]
    assert codes == [200] * 120
    while codes[-1] == 200:  # every half second of the wall gives one more
        codes.append(cloud.http.post(path, json={"instances": [{"text": "t"}]}).status_code)
        assert len(codes) < 240
    assert codes[-1] == 429
    cloud.context.clock.advance(60)
    assert cloud.http.post(path, json={"instances": [{"text": "t"}]}).status_code == 200


def test_default_connections_need_their_api(cloud: Running) -> None:
    with pytest.raises(ApiError, match="BigQuery Connection API has not been used"):
        cloud.services.connection_member(PROJECT, "US", DEFAULT)
