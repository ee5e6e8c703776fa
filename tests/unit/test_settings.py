"""The settings: an error names every wrong key, what is allowed and what was given."""

from __future__ import annotations

from typing import Any

import pytest

from imagesearch.errors import SettingsError
from imagesearch.settings.schema import Settings, parse
from tests.inventory.stack_files import STACK_FILES, StackFile


def _refusal(**values: Any) -> str:
    with pytest.raises(SettingsError) as refusal:
        parse(values, source="Pulumi.dev.yaml")
    assert "Nothing was created or changed" in refusal.value.remedy
    assert "\n" not in refusal.value.what
    return refusal.value.what


def test_the_defaults_are_the_tutorials() -> None:
    settings = parse({})
    assert settings.dataset.id == "bqml_tutorial"
    assert settings.dataset.location == "US"
    assert settings.images.uris == ["gs://gcs-public-data--met/*"]
    assert settings.images.content_types == ["image/jpeg"]
    assert settings.images.limit == 10_000
    assert settings.embedding.endpoint == "multimodalembedding@001"
    assert settings.embedding.dimension == 1408
    assert (settings.index.type, settings.index.distance) == ("IVF", "COSINE")
    (search,) = settings.searches
    assert search.text == "pictures of white or cream colored dress from victorian era"
    assert search.top_k == 3


@pytest.mark.parametrize("stack", STACK_FILES, ids=[file.stack for file in STACK_FILES])
def test_the_stack_files_of_the_repository_are_valid(stack: StackFile) -> None:
    assert stack.settings.searches


def test_there_are_stack_files() -> None:
    assert {"dev", "local"} <= {file.stack for file in STACK_FILES}


SECTIONS = {
    "": {"dataset", "embedding", "images", "index", "notebook", "searches"},
    "dataset": {"id", "location", "description"},
    "images": {"uris", "contentTypes", "limit", "public"},
    "embedding": {"endpoint", "dimension", "wait", "maxAttempts", "deadlineMinutes", "budgetUsd", "maxPruneFraction"},
    "index": {"type", "distance", "wait", "minRecall"},
    "notebook": {"enabled", "name", "region"},
    "searches": {"name", "text", "topK"},
}


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_is_named_with_the_keys_that_are_allowed_there(section: str) -> None:
    wrong: Any = {"colour": "red"}
    if section == "searches":
        wrong = [{"name": "castle", "text": "castle", **wrong}]
    said = _refusal(**({section: wrong} if section else wrong))
    key = {"": "colour", "searches": "searches[0].colour"}.get(section, f"{section}.colour")
    assert f"{key} is not a setting (allowed here: " in said
    allowed = said.split("allowed here: ")[1].split(")")[0].split(", ")
    assert set(allowed) >= SECTIONS[section]


@pytest.mark.parametrize(
    ("values", "key", "wanted", "given"),
    [
        ({"dataset": "bqml_tutorial"}, "dataset", "a section of keys", "'bqml_tutorial'"),
        ({"images": {"uris": "gs://b/*"}}, "images.uris", "must be a list", "'gs://b/*'"),
        ({"images": {"limit": "many"}}, "images.limit", "must be a whole number", "'many'"),
        ({"images": {"limit": 1.5}}, "images.limit", "must be a whole number", "1.5"),
        ({"images": {"limit": True}}, "images.limit", "must be a whole number", "True"),
        ({"images": {"limit": 0}}, "images.limit", "greater than or equal to 1", "0"),
        ({"images": {"uris": []}}, "images.uris", "at least 1 item", "[]"),
        ({"images": {"public": "yes"}}, "images.public", "must be true or false", "'yes'"),
        ({"embedding": {"wait": 1}}, "embedding.wait", "must be true or false", "1"),
        ({"embedding": {"maxAttempts": 0}}, "embedding.maxAttempts", "greater than or equal to 1", "0"),
        ({"embedding": {"maxPruneFraction": 2}}, "embedding.maxPruneFraction", "less than or equal to 1", "2"),
        ({"embedding": {"budgetUsd": -1}}, "embedding.budgetUsd", "greater than or equal to 0", "-1"),
        ({"embedding": {"deadlineMinutes": 0}}, "embedding.deadlineMinutes", "greater than 0", "0"),
        ({"embedding": {"sync": "never"}}, "embedding.sync", "'onUp' or 'onChange'", "'never'"),
        ({"index": {"type": "HNSW"}}, "index.type", "'IVF', 'TREE_AH' or 'none'", "'HNSW'"),
        ({"index": {"distance": "cosine"}}, "index.distance", "'COSINE', 'EUCLIDEAN' or 'DOT_PRODUCT'", "'cosine'"),
        ({"index": {"minRecall": 80}}, "index.minRecall", "less than or equal to 1", "80"),
        ({"notebook": {"enabled": "no"}}, "notebook.enabled", "must be true or false", "'no'"),
        ({"notebook": {"name": "my notebook"}}, "notebook.name", "letters, digits, - and _", "'my notebook'"),
        ({"notebook": {"name": "n" * 64}}, "notebook.name", "at most 63", "n"),
        ({"notebook": {"name": "../x"}}, "notebook.name", "letters, digits, - and _", "'../x'"),
        ({"notebook": {"region": "US"}}, "notebook.region", "one region, as in us-central1", "'US'"),
        ({"notebook": {"region": "us-central1/x"}}, "notebook.region", "one region", "'us-central1/x'"),
        ({"searches": {"castle": "castle"}}, "searches", "must be a list", ""),
        ({"searches": [{"name": "a", "text": "t", "topK": 0}]}, "searches[0].topK", "greater than or equal to 1", "0"),
        ({"searches": [{"name": "a", "text": 7}]}, "searches[0].text", "must be text", "7"),
        ({"searches": [{"name": "a", "text": "x" * 1001}]}, "searches[0].text", "at most 1000", "x"),
        ({"dataset": {"id": "bqml-tutorial"}}, "dataset.id", "letters, digits and underscores", "'bqml-tutorial'"),
        ({"dataset": {"id": "x` --"}}, "dataset.id", "letters, digits and underscores", "x` --"),
        ({"dataset": {"id": "tabelle\n"}}, "dataset.id", "letters, digits and underscores", "tabelle"),
        ({"dataset": {"id": ""}}, "dataset.id", "letters, digits and underscores", "''"),
        ({"dataset": {"location": "Atlantis"}}, "dataset.location", "known are US, EU, ", "'Atlantis'"),
        ({"dataset": {"location": "us-east7"}}, "dataset.location", "known are US, EU, ", "'us-east7'"),
        ({"images": {"uris": ["s3://b/*"]}}, "images.uris[0]", "gs://bucket/path", "'s3://b/*'"),
        ({"images": {"uris": ["gs://b/*", "gs://bucket"]}}, "images.uris[1]", "gs://bucket/path", "'gs://bucket'"),
        ({"images": {"uris": ["gs://bucket/*/x/*"]}}, "images.uris[0]", "one *", "gs://bucket/*/x/*"),
        ({"images": {"uris": ["gs://Bucket/*"]}}, "images.uris[0]", "gs://bucket/path", "'gs://Bucket/*'"),
        ({"searches": [{"name": "Ein Schloss", "text": "t"}]}, "searches[0].name", "lower-case", "'Ein Schloss'"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed_and_what_was_given(
    values: dict[str, Any], key: str, wanted: str, given: str
) -> None:
    said = _refusal(**values)
    assert f"{key}: " in said
    assert wanted in said
    assert given in said


def test_a_search_without_a_text_is_named() -> None:
    assert "searches[0].text is required" in _refusal(searches=[{"name": "castle"}])


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_search_is_named(text: str) -> None:
    assert "searches[0].text: must not be empty" in _refusal(searches=[{"name": "castle", "text": text}])


def test_a_search_that_is_named_twice_is_named() -> None:
    castle = {"name": "castle", "text": "castle"}
    assert "'castle' is used twice" in _refusal(searches=[castle, {**castle, "text": "a castle"}])


def test_a_dimension_that_the_endpoint_does_not_offer_is_named_with_those_it_offers() -> None:
    said = _refusal(embedding={"dimension": 768})
    assert "dimension 768 is not offered by multimodalembedding@001; it offers 128, 256, 512, 1408" in said


def test_an_endpoint_that_is_not_known_is_named_with_those_that_are() -> None:
    said = _refusal(embedding={"endpoint": "multimodalembedding@002"})
    assert "'multimodalembedding@002' is not known" in said
    assert "multimodalembedding@001, gemini-embedding-2-preview" in said


@pytest.mark.parametrize("location", ["EU", "europe-west4", "asia-east1"])
def test_a_region_without_the_endpoint_is_named_with_those_that_have_it(location: str) -> None:
    said = _refusal(dataset={"location": location}, embedding={"endpoint": "gemini-embedding-2-preview"})
    assert f"dataset.location {location} does not serve gemini-embedding-2-preview" in said
    assert "locations that do: US, us-central1" in said


def test_several_problems_are_reported_at_once() -> None:
    said = _refusal(
        dataset={"id": "bqml-tutorial", "location": "Atlantis"},
        images={"limit": "many"},
        searches=[{"name": "castle", "text": ""}],
        embeddings={},
    )
    for key in ("dataset.id", "dataset.location", "images.limit", "searches[0].text", "embeddings is not a setting"):
        assert key in said


def test_the_message_names_the_file() -> None:
    assert _refusal(colour="red").startswith("Pulumi.dev.yaml is not valid: ")


@pytest.mark.parametrize(("written", "meant"), [("us", "US"), ("eu", "EU"), ("US-CENTRAL1", "us-central1")])
def test_a_location_is_taken_as_bigquery_spells_it(written: str, meant: str) -> None:
    assert parse({"dataset": {"location": written}}).dataset.location == meant


def test_no_limit_means_every_image() -> None:
    assert parse({"images": {"limit": None}}).images.limit is None


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().dataset.id = "other"


def test_a_bucket_that_is_named_twice_is_one_bucket() -> None:
    settings = parse({"images": {"uris": ["gs://photos/a/*", "gs://photos/b/*", "gs://art/*"]}})
    assert settings.images.buckets == ["art", "photos"]


@pytest.mark.parametrize(
    ("values", "name", "region"),
    [
        ({}, "met-image-analysis", "us-central1"),
        ({"dataset": {"location": "EU"}}, "met-image-analysis", "europe-west4"),
        ({"dataset": {"id": "stamps", "location": "us-east4"}}, "met-image-analysis-stamps", "us-east4"),
        ({"dataset": {"id": "d" * 80}}, f"met-image-analysis-{'d' * 44}", "us-central1"),
        ({"dataset": {"id": "stamps"}, "notebook": {"name": "mine", "region": "Us-West1"}}, "mine", "us-west1"),
    ],
)
def test_a_notebook_is_named_after_the_dataset_and_kept_near_it(values: dict[str, Any], name: str, region: str) -> None:
    settings = parse(values)
    assert (settings.notebook_name, settings.notebook_region) == (name, region)
