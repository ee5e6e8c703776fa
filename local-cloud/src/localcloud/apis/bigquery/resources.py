"""How a PATCH or a PUT changes a REST resource."""

from __future__ import annotations

from collections.abc import Collection

from localcloud.core.store import Document


def merged(resource: Document, patch: Document) -> Document:
    """JSON merge patch (RFC 7396): null removes, objects are merged, everything else replaces."""
    result = dict(resource)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            known = result.get(name)
            result[name] = merged(known if isinstance(known, dict) else {}, value)
        else:
            result[name] = value
    return result


def revised(
    resource: Document, body: Document, writable: Collection[str], *, partial: bool, keep: Collection[str] = ()
) -> Document:
    """The resource after an update with `body`: only `writable` fields change.

    PATCH (`partial`) merges. PUT replaces: writable fields that the body leaves out go, those in `keep` stay.
    """
    change = {name: value for name, value in body.items() if name in writable and name != "location"}
    if partial:
        return merged(resource, change)
    base = {name: value for name, value in resource.items() if name not in writable or name in keep}
    return merged({n: v for n, v in base.items() if n not in change}, change)
