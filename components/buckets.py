"""The buckets that hold the images: somebody else's, only looked at, and before anything is created."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from components.settings import Stack
from imagesearch.errors import SettingsError
from imagesearch.locations import canonical, colocated


def check(stack: Stack) -> None:
    """End the program with one message when a bucket does not exist, or is where the dataset cannot read it.

    A public bucket is not ours to look at, and is not checked.
    """
    images = stack.settings.images
    for bucket in [] if images.public else images.buckets:
        try:
            location = gcp.storage.get_bucket(name=bucket).location
        except Exception as error:  # the SDK raises nothing narrower for a data source that fails
            raise pulumi.RunError(_unreadable(bucket, str(error))) from None
        if not colocated(location, stack.location):
            raise pulumi.RunError(
                str(
                    SettingsError(
                        f"images.uris: the bucket gs://{bucket} is in {canonical(location)}, and dataset.location is "
                        f"{stack.location}; BigQuery reads objects only where the dataset is.",
                        "Nothing was created or changed. Choose another dataset.location, or copy the images.",
                    )
                )
            )


def _unreadable(bucket: str, reason: str) -> str:
    reason = " ".join(reason.split())
    if "404" in reason or "notFound" in reason:
        reason = "there is no such bucket"
    return str(
        SettingsError(
            f"images.uris: the bucket gs://{bucket} cannot be read: {reason}.",
            "Nothing was created or changed. Correct images.uris, or set images.public for a public bucket.",
        )
    )
