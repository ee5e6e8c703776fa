"""Orphans: what a killed run created and the state does not know. Removed, so that the resource can be created again.

An engine or provider that dies between a request and its answer leaves something in the cloud that the next `pulumi up`
does not know and cannot create: 409 Already Exists. What then carries this stack's mark and holds nothing is removed,
and created again. Anything else stays, and so does the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pulumi

from components.settings import Stack, provider_config
from imagesearch.errors import ImageSearchError
from imagesearch.gcp.bigquery import Target, Warehouse


def recreate_orphan(
    name: str, stack: Stack, remove: Callable[[Warehouse], bool], *others: pulumi.ErrorHook
) -> pulumi.ResourceHookBinding:
    """Hooks for the resource `name`. `remove` removes what is in its place, if it is ours, and says whether it did.

    `others` are asked beside this one: the creation is tried again when any of them says so.
    """

    async def remove_orphan(args: pulumi.ErrorHookArgs) -> bool:
        if len(args.errors) != 1 or "already exists" not in args.errors[0].lower():
            return False
        try:
            return await asyncio.to_thread(lambda: remove(_warehouse(stack)))
        except ImageSearchError as error:
            pulumi.log.warn(str(error))
            return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name}-orphan", remove_orphan), *others])


def _warehouse(stack: Stack) -> Warehouse:
    return Warehouse(Target.of(provider_config, stack.project, stack.location), labels=stack.labels)
