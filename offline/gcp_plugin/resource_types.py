"""The resource types that the plugin supports, and the package schema that describes them to the engine."""

from __future__ import annotations

from typing import Any

from offline.gcp_plugin import VERSION
from offline.gcp_plugin.connection import Connection
from offline.gcp_plugin.dataset import Dataset
from offline.gcp_plugin.iam import BucketMember, ConnectionMember, ProjectMember
from offline.gcp_plugin.properties import Property
from offline.gcp_plugin.repository import Repository
from offline.gcp_plugin.resource import ResourceType
from offline.gcp_plugin.service import Service
from offline.gcp_plugin.table import Table

RESOURCE_TYPES: dict[str, ResourceType] = {
    resource_type.token: resource_type
    for resource_type in (
        Service(),
        Dataset(),
        Connection(),
        ProjectMember(),
        BucketMember(),
        ConnectionMember(),
        Table(),
        Repository(),
    )
}
"""By type token."""


def schema() -> dict[str, Any]:
    """The Pulumi package schema of what is supported."""
    resources = {token: _resource_schema(resource_type) for token, resource_type in RESOURCE_TYPES.items()}
    return {"name": "gcp", "version": VERSION, "resources": resources}


def _resource_schema(resource_type: ResourceType) -> dict[str, Any]:
    arguments = {p.name: _type_schema(p) for p in resource_type.arguments}
    outputs = {p.name: _type_schema(p) for p in resource_type.outputs}
    return {
        "inputProperties": arguments,
        "requiredInputs": [p.name for p in resource_type.arguments if p.required],
        "properties": arguments | outputs,
        "required": [p.name for p in resource_type.outputs],
    }


def _type_schema(declaration: Property) -> dict[str, Any]:
    match declaration.kind:
        case "strings":
            return {"type": "array", "items": {"type": "string"}}
        case "labels":
            return {"type": "object", "additionalProperties": {"type": "string"}}
        case "objects":
            return {"type": "array", "items": {"$ref": "pulumi.json#/Any"}}
        case "object":
            return {"$ref": "pulumi.json#/Any"}
        case kind:
            return {"type": kind}
