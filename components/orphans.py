"""What a killed run made before the state knew of it: taken away, so that it is made anew.

An engine or provider that dies between a request and its answer leaves something in the cloud that the next `pulumi up`
does not know and cannot create: 409 Already Exists. What then carries this stack's mark and holds nothing is removed,
and created again. Anything else stays, and so does the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pulumi

from components.settings import Stack
from imagesearch.errors import ImageSearchError
from imagesearch.gcp.bigquery import Target, Warehouse


def made_anew(
    name: str, stack: Stack, remove: Callable[[Warehouse], bool], *others: pulumi.ErrorHook
) -> pulumi.ResourceHookBinding:
    """Hooks for the resource `name`. `remove` takes away what stands in its place, if it is ours, and says whether.

    `others` are asked beside this one: the resource is tried again when any of them says so.
    """

    async def again(args: pulumi.ErrorHookArgs) -> bool:
        if len(args.errors) != 1 or "already exists" not in args.errors[0].lower():
            return False
        try:
            return await asyncio.to_thread(lambda: remove(_warehouse(stack)))
        except ImageSearchError as error:
            pulumi.log.warn(str(error))
            return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"{name}-left-behind", again), *others])


def _warehouse(stack: Stack) -> Warehouse:
    config = pulumi.Config("gcp")
    endpoint, token = config.get("bigQueryCustomEndpoint") or "", config.get("accessToken") or ""
    return Warehouse(Target(stack.project, stack.location, endpoint, token), labels=stack.labels)
