"""The APIs that the pipeline uses. Enabled, and left enabled on destroy: others in the project may use them."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from components.settings import Stack
from imagesearch.gcp.permissions import services


class Apis(pulumi.ComponentResource):
    """Every API the pipeline uses, enabled in the project."""

    names: list[str]

    def __init__(self, name: str, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("image-search:index:Apis", name, None, opts)
        self.names = list(services(notebook=stack.settings.notebook.enabled))
        for service in self.names:
            gcp.projects.Service(
                service.split(".")[0],
                project=stack.project,
                service=service,
                disable_on_destroy=False,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"names": self.names})
