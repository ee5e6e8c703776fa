"""Preflight: the first thing that `pulumi up` and `pulumi preview` do, and what everything else depends on.

It runs in `check`, which the engine calls in a preview too, and before a resource is created or changed: so whatever is
missing is reported at once and nothing is created. A stack that exists needs less: it grants and enables nothing any
more.
"""

from __future__ import annotations

import pulumi
from pulumi.dynamic import CheckResult, ConfigureRequest, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from components.dynamic import Properties, Provider, hidden, say
from components.settings import Stack
from imagesearch.checks import preflight
from imagesearch.checks.prerequisites import Requirements, requirements
from imagesearch.gcp import clients, rest
from imagesearch.pipeline import plan


class PreflightProvider(Provider):
    """A check of everything that the stack needs. Creates nothing."""

    replacing = ()
    _client: rest.Client

    def configure(self, req: ConfigureRequest) -> None:
        super().configure(req)
        self._client = rest.Client.of(req.config.get)

    def check(self, olds: Properties, news: Properties) -> CheckResult:
        first = _changed(olds, news)
        report = preflight.run(self._client, Requirements.from_properties({**news, "first": first}))
        report.refuse()
        clients.load()  # while the engine starts the gcp plugin
        for line in report.lines("unchecked") if first else ():
            say(line)
        if not olds:
            say(str(news["plan"]))
        return CheckResult(news, [])

    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        return DiffResult(changes=_changed(olds, news))

    def create(self, props: Properties) -> CreateResult:
        return CreateResult("preflight", props)

    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        return UpdateResult(news)

    def read(self, id_: str, props: Properties) -> ReadResult:
        return ReadResult(id_, props)


class Preflight(Resource, module="bigquery", name="Preflight"):
    """See PreflightProvider. Warns of an endpoint that retires."""

    def __init__(self, name: str, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = stack.settings
        if notice := plan.retirement(settings.embedding.endpoint_facts):
            pulumi.warn(notice)
        required = requirements(settings, stack.project, stack.labels)
        properties = {**required.to_properties(), "plan": plan.upper_bound(settings)}
        super().__init__(PreflightProvider(), name, properties, hidden(opts))


def _changed(olds: Properties, news: Properties) -> bool:
    """Whether the stack needs something else than at the last check."""
    return any(olds.get(name) != news.get(name) for name in Requirements.inputs())
