"""The connection through which BigQuery reaches the bucket and the endpoint, and the roles of its service account.

A named connection, not CONNECTION DEFAULT: that one grants roles by itself, outside any state file
(docs/bigquery-contract.md#08-connection-default).
"""

from __future__ import annotations

import asyncio

import pulumi
import pulumi_gcp as gcp

from components.orphans import recreate_orphan
from components.settings import Stack, provider_config
from imagesearch.gcp import connections
from imagesearch.gcp.bigquery import Warehouse
from imagesearch.gcp.sql import Identifier, connection_name
from imagesearch.pipeline.ownership import STACK

BUCKET_ROLES = ("roles/storage.objectViewer", "roles/storage.legacyBucketReader")
GRANT_ATTEMPTS = 40
"""With the waits of _RETRY_WAIT about ten minutes: a new service account can take that long to exist for IAM."""
_RETRY_WAIT = 15.0


class Connection(pulumi.ComponentResource):
    """A cloud-resource connection whose service account may read the bucket and call the endpoint."""

    name: pulumi.Output[str]
    """projects/…/locations/…/connections/…"""
    service_account: pulumi.Output[str]
    path: Identifier
    """The connection as SQL names it."""
    grants: list[pulumi.Resource]

    def __init__(self, name: str, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("image-search:index:Connection", name, None, opts)
        connection_id = f"{stack.settings.dataset.id}_images"
        connection = gcp.bigquery.Connection(
            name,
            project=stack.project,
            connection_id=connection_id,
            location=stack.location,
            cloud_resource={},
            description=_mark(stack),
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=recreate_orphan(name, stack, lambda warehouse: _drop(warehouse, connection_id, _mark(stack))),
            ),
        )
        self.name = connection.name
        self.path = connection_name(stack.project, stack.location, connection_id)
        self.service_account = connection.cloud_resource.service_account_id
        self.grants = self._grants(stack, pulumi.Output.concat("serviceAccount:", self.service_account))
        self.register_outputs({"name": self.name, "serviceAccount": self.service_account})

    def _grants(self, stack: Stack, member: pulumi.Output[str]) -> list[pulumi.Resource]:
        """The roles that the pipeline needs: to call the endpoint, and to read a bucket that is not public."""
        options = pulumi.ResourceOptions(
            parent=self,
            hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("grant-not-yet", _retry_until_account_exists)]),
        )
        grants: list[pulumi.Resource] = [
            gcp.projects.IAMMember(
                "vertex-user", project=stack.project, role="roles/aiplatform.user", member=member, opts=options
            )
        ]
        images = stack.settings.images
        for bucket in [] if images.public else images.buckets:
            grants += [
                gcp.storage.BucketIAMMember(
                    f"{bucket}-{role.rsplit('.', 1)[-1]}", bucket=bucket, role=role, member=member, opts=options
                )
                for role in BUCKET_ROLES
            ]
        return grants


def _mark(stack: Stack) -> str:
    """Says whose a connection is: connections carry no labels."""
    return f"Made by image-search for the stack {stack.labels[STACK]}."


def _drop(warehouse: Warehouse, connection_id: str, mark: str) -> bool:
    endpoint = provider_config("gcp:bigqueryConnectionCustomEndpoint") or ""
    return connections.drop(warehouse.target, endpoint, connection_id, mark)


async def _retry_until_account_exists(args: pulumi.ErrorHookArgs) -> bool:
    """Grant again while the service account does not exist yet, or someone else changed the policy at the same time."""
    newest = args.errors[0] if args.errors else ""
    return await _with_backoff(args, "does not exist" in newest or "concurrent policy changes" in newest)


async def retry_until_grant_acts(args: pulumi.ErrorHookArgs) -> bool:
    """Try again while the service account is refused: its grants are made, and do not act yet."""
    newest = args.errors[0] if args.errors else ""
    return await _with_backoff(args, "gcp-sa-bigquery-condel" in newest and "does not have" in newest)


async def _with_backoff(args: pulumi.ErrorHookArgs, temporary: bool) -> bool:
    if not temporary or len(args.errors) >= GRANT_ATTEMPTS:
        return False
    await asyncio.sleep(min(0.5 * 2 ** len(args.errors), _RETRY_WAIT))
    return True
