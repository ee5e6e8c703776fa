"""Preflight's findings for each response of Google Cloud: everything missing, with the command that fixes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imagesearch.checks.preflight import Report, evaluate
from imagesearch.checks.prerequisites import Observations, Requirements
from imagesearch.errors import NotReady, ServiceUnreachable
from imagesearch.gcp import permissions
from imagesearch.gcp.rest import Response
from imagesearch.pipeline.ownership import STACK

ME = "user:me@example.com"
REQUIRED = Requirements(
    project="my-project",
    location="US",
    dataset="bqml_tutorial",
    stack="image-search-dev",
    endpoint="multimodalembedding@001",
    buckets=("my-photos",),
    public=False,
    index=True,
)
EVERYTHING = [*permissions.on_project(first=True, index=True), permissions.ENABLE]
DISABLED = Response(403, {"error": {"message": "It is disabled.", "details": [{"reason": "SERVICE_DISABLED"}]}})
FORBIDDEN = Response(403, {"error": {"message": "Permission denied."}})


def enabled(*but: str) -> Response:
    names = [name for name in permissions.SERVICES if name not in but]
    return Response(200, {"services": [{"name": f"projects/1/services/{name}"} for name in names]})


def held(*but: str, of: Any = EVERYTHING) -> Response:
    return Response(200, {"permissions": [name for name in of if name not in but]})


READY = Observations(
    services=enabled(),
    project=held(),
    dataset=Response(404, {}),
    buckets={"my-photos": Response(200, {"location": "US"})},
    bucket_permissions={"my-photos": held(of=permissions.ON_BUCKET)},
    caller=ME,
)


def report(observed: Observations = READY, required: Requirements = REQUIRED, **changes: Any) -> Report:
    return evaluate(required, replace(observed, **changes))


def missing(found: Report) -> str:
    """Everything that is missing, in one text; there is something."""
    assert not found.ready
    with pytest.raises(NotReady) as refused:
        found.refuse()
    assert "Nothing was created or changed." in str(refused.value)
    return str(refused.value)


def test_a_project_with_everything_is_ready() -> None:
    found = report()
    assert found.ready, found
    found.refuse()


@pytest.mark.parametrize("permission", permissions.on_project(first=True, index=True))
def test_every_permission_that_is_missing_is_listed_with_the_role_that_has_it(permission: str) -> None:
    said = missing(report(project=held(permission)))
    role = permissions.on_project(first=True, index=True)[permission]
    assert f"{ME} lacks on the project my-project: {permission}\n" in said
    assert f"gcloud projects add-iam-policy-binding my-project --member={ME} --role={role}\n" in said


@pytest.mark.parametrize("permission", permissions.ON_BUCKET)
def test_every_permission_that_is_missing_on_the_bucket_is_listed(permission: str) -> None:
    lacking = {"my-photos": held(permission, of=permissions.ON_BUCKET)}
    said = missing(report(bucket_permissions=lacking))
    assert f"lacks on the bucket gs://my-photos: {permission};" in said
    assert (
        f"gcloud storage buckets add-iam-policy-binding gs://my-photos --member={ME} --role=roles/storage.admin" in said
    )


def test_everything_missing_is_in_one_report() -> None:
    said = missing(
        report(
            services=enabled("aiplatform.googleapis.com"),
            project=Response(200, {}),  # the service leaves an empty list out
            buckets={"my-photos": Response(404, {})},
            bucket_permissions={"my-photos": Response(404, {})},
        )
    )
    for permission in EVERYTHING:
        assert permission in said
    assert "gcloud services enable aiplatform.googleapis.com --project=my-project" in said
    assert "the bucket gs://my-photos cannot be read: there is no such bucket" in said


def test_an_api_that_the_caller_may_enable_is_not_missing() -> None:
    found = report(services=enabled("aiplatform.googleapis.com"))
    assert found.ready
    assert "`pulumi up` enables aiplatform.googleapis.com" in "\n".join(found.lines("ok"))


def test_permissions_that_cannot_be_asked_for_are_not_said_to_be_there() -> None:
    found = report(project=DISABLED, services=enabled("aiplatform.googleapis.com"))
    said = missing(found)
    assert "cloudresourcemanager.googleapis.com is not enabled in my-project" in said
    assert "the caller's permissions could not be checked" in said
    assert "gcloud services enable cloudresourcemanager.googleapis.com --project=my-project" in said
    assert "it could not be checked whether the caller has serviceusage.services.enable" in said
    assert not any("permissions on the project" in line for line in found.lines("ok"))


def test_a_service_that_does_not_answer_is_no_permission_and_no_success() -> None:
    silent = ServiceUnreachable("It does not answer.", "Check the network.")
    found = report(READY, services=silent, project=silent, dataset=silent, buckets={"my-photos": silent})
    assert missing(found).count("It does not answer.") == 1, "the same is said once"


def test_what_could_not_be_checked_is_no_success_though_it_stops_nothing() -> None:
    found = report(dataset=FORBIDDEN)
    found.refuse()
    assert not found.ready
    assert "Whether there is a dataset bqml_tutorial cannot be seen: Permission denied." in found.lines("unchecked")[0]


def test_a_bucket_elsewhere_is_named_with_both_places_and_where_the_dataset_could_go() -> None:
    said = missing(report(buckets={"my-photos": Response(200, {"location": "EUROPE-WEST1"})}))
    assert "gs://my-photos is in europe-west1, and dataset.location is US" in said
    assert "pulumi config set --path image-search:dataset.location 'europe-west1'" in said


def test_a_bucket_that_may_not_be_looked_at_is_missing() -> None:
    said = missing(report(buckets={"my-photos": FORBIDDEN}))
    assert "the bucket gs://my-photos cannot be read: Permission denied." in said


def test_a_bucket_said_to_be_public_that_is_not_is_missing() -> None:
    public = REQUIRED.model_copy(update={"public": True})
    said = missing(report(required=public, buckets={"my-photos": FORBIDDEN}, bucket_permissions={}))
    assert "images.public: the bucket gs://my-photos cannot be read by anyone" in said
    assert report(required=public, buckets={"my-photos": Response(200, {})}, bucket_permissions={}).ready


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ({"location": "EU"}, "dataset bqml_tutorial is in EU, not in US, and a dataset cannot be moved"),
        (
            {"location": "US", "labels": {"image-search-stack": "image-search-eu"}},
            "belongs to the stack image-search-eu",
        ),
    ],
)
def test_a_dataset_in_the_way_is_reported(dataset: dict[str, Any], words: str) -> None:
    assert words in missing(report(dataset=Response(200, dataset)))


def test_a_stack_that_is_there_needs_no_right_to_grant_or_enable() -> None:
    later = REQUIRED.model_copy(update={"first": False})
    needed = permissions.on_project(first=False, index=True)
    dataset = Response(200, {"location": "US", "labels": {STACK: "image-search-dev"}})
    found = report(required=later, project=held(of=needed), dataset=dataset, bucket_permissions={})
    assert found.ready
    assert not {name for name in needed if name.endswith("IamPolicy")}
    assert "lacks" in missing(report(required=later, project=held("bigquery.jobs.create", of=needed), dataset=dataset))


def test_a_stack_without_an_index_needs_no_right_to_make_one() -> None:
    without = permissions.on_project(first=True, index=False)
    assert report(required=REQUIRED.model_copy(update={"index": False}), project=held(of=without)).ready
    assert "bigquery.tables.createIndex" in missing(report(project=held(of=without)))


def test_where_the_credentials_do_not_tell_the_caller_the_shell_does() -> None:
    said = missing(report(caller="", project=held("bigquery.jobs.create")))
    assert '--member="user:$(gcloud config get-value account)" --role=roles/bigquery.studioAdmin' in said
