"""A stand-in for Google's Pulumi provider: a resource provider plugin that answers as `gcp`.

It knows the resource types the program declares and turns them into the REST calls that Google's own provider makes, in
the same order, to the endpoints of the provider's configuration, which must be on loopback. Any other type, function or
argument is refused by name when the engine checks it.

    engine --gRPC--> servicer.py --> the type's module (dataset.py, …) --HTTP--> the local cloud

Facts (requests, replacement, defaults, identifiers): pulumi-gcp 10.2.0 and the Terraform provider it is built on
(terraform-provider-google-beta), observed over HTTP on 2026-11-22.
"""

from __future__ import annotations

VERSION = "10.2.0"
"""The release of pulumi-gcp that the plugin stands in for."""

UNSUPPORTED = "Unsupported by the stand-in gcp plugin"
"""How every refusal begins."""
