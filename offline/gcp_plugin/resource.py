"""What every resource type has in common: its declaration, and the path from arguments to state.

A type states its arguments and outputs and says how to insert, fetch, change and remove one resource over REST. The
rest is here: defaults, identifiers, labels, what is kept in state only, resources that were only partly created.
"""

from __future__ import annotations

from typing import ClassVar

from offline.gcp_plugin import properties
from offline.gcp_plugin.configuration import ATTRIBUTION_LABEL, Configuration
from offline.gcp_plugin.properties import UNKNOWN, Change, Failure, Properties, Property
from offline.gcp_plugin.rest import Cloud, Document, ProviderError, RequestFailed

PROJECT = Property("project", replaces=True)
LABELS = Property("labels", "labels")
EFFECTIVE_LABELS = Property("effectiveLabels", "labels", computed=True)
PULUMI_LABELS = Property("pulumiLabels", "labels", computed=True)


def deletion_policy(*further: str) -> Property:
    """What deleting does: DELETE does it, PREVENT refuses, ABANDON only forgets."""
    return Property(
        "deletionPolicy", default="DELETE", state_only=True, choices=("DELETE", *further, "PREVENT", "ABANDON")
    )


class PartlyCreated(ProviderError):
    """The service made the resource and then something failed: it is `identifier`, as far as known `state`."""

    def __init__(self, identifier: str, state: Properties, reason: str) -> None:
        super().__init__(reason)
        self.identifier = identifier
        self.state = state


class ResourceType:
    """One resource type. State is the arguments with what the service reported."""

    token: ClassVar[str]
    title: ClassVar[str]
    """As errors name it: "Error creating Dataset: …"."""
    endpoints: ClassVar[tuple[str, ...]]
    """The provider's endpoint settings it needs."""
    arguments: ClassVar[tuple[Property, ...]]
    outputs: ClassVar[tuple[Property, ...]] = ()
    stable: ClassVar[tuple[str, ...]] = ()
    """Outputs that an update does not change."""
    identifiers: ClassVar[tuple[str, ...]] = ()
    """Forms of an identifier that `pulumi import` takes; the first is the one in the state."""
    delete_before_replace: ClassVar[bool] = False

    # What a type defines.

    def insert(self, cloud: Cloud, arguments: Properties) -> Properties:
        """Make it. Returns the state as far as known."""
        raise NotImplementedError

    def fetch(self, cloud: Cloud, known: Properties) -> Properties | None:
        """The outputs and arguments as the service has them; None when it is gone. `known` names the resource."""
        raise NotImplementedError

    def change(self, cloud: Cloud, state: Properties, arguments: Properties, changed: set[str]) -> None:
        """Change what `changed` names (top-level arguments)."""
        raise NotImplementedError

    def remove(self, cloud: Cloud, state: Properties) -> None:
        """Delete it. Raises RequestFailed 404 when it is gone."""
        raise NotImplementedError

    # What the engine asks for.

    def check(
        self, configuration: Configuration, name: str, olds: Properties, news: Properties, seed: bytes
    ) -> tuple[Properties, list[Failure]]:
        """The arguments with defaults, and what is wrong with them. `name` and `seed` make names that are left out."""
        missing = [e for e in self.endpoints if e not in configuration.endpoints]
        failures = [Failure("", f"gcp:{endpoint} is not set: {self.token} needs it") for endpoint in missing]
        filled = self.fill(configuration, name, olds, {n: v for n, v in news.items() if not n.startswith("__")}, seed)
        checked, wrong = properties.check(self.arguments, filled)
        return checked, failures + wrong

    def fill(
        self, configuration: Configuration, name: str, olds: Properties, news: Properties, seed: bytes
    ) -> Properties:
        """The arguments with what the provider's configuration and the resource's name add."""
        takes_project = any(argument.name == "project" for argument in self.arguments)
        if takes_project and configuration.project and not news.get("project"):
            return {**news, "project": configuration.project}
        return news

    def diff(
        self, configuration: Configuration, state: Properties, olds: Properties, news: Properties
    ) -> dict[str, Change]:
        """What differs between the old arguments and the new."""
        found = properties.changes(self.arguments, olds, news)
        if LABELS in self.arguments and "labels" not in found and "pulumiLabels" in state:
            wanted = managed_labels(configuration, news, state)
            if wanted != state["pulumiLabels"] and UNKNOWN not in wanted.values():
                found["pulumiLabels"] = Change("UPDATE", replaces=False)
        return found

    def identifier(self, state: Properties) -> str:
        """The resource's identifier in the state."""
        return self.identifiers[0].format_map(state)

    def parse(self, configuration: Configuration, identifier: str) -> Properties:
        """The arguments that an identifier names. Raises ProviderError when its form is not known."""
        parts = identifier.split("/")
        for form in self.identifiers:
            names = form.split("/")
            if len(names) == len(parts) and all(
                n == p or (n[0] == "{" and p) for n, p in zip(names, parts, strict=True)
            ):
                reported = {n.strip("{}"): p for n, p in zip(names, parts, strict=True) if n[0] == "{"}
                return self.fill(configuration, "", reported, reported, b"")
        forms = ", ".join(form.replace("{", "{{").replace("}", "}}") for form in self.identifiers)
        raise ProviderError(f"Import id {identifier!r} doesn't match any of the accepted formats: [{forms}]")

    def create(self, cloud: Cloud, arguments: Properties) -> Properties:
        """Make it and read it back. Raises PartlyCreated when it was made and cannot be read."""
        try:
            known = self.insert(cloud, arguments)
        except RequestFailed as error:
            raise ProviderError(f"Error creating {self.title}: {error}") from error
        try:
            state = self.read(cloud, known)
        except ProviderError as error:
            raise PartlyCreated(self.identifier(known), known, str(error)) from error
        if state is None:
            raise ProviderError(f"{self.title} {self.identifier(known)!r} was made and is gone")
        return state

    def read(self, cloud: Cloud, known: Properties) -> Properties | None:
        """The state as the service has it now; None when the resource is gone."""
        try:
            reported = self.fetch(cloud, known)
        except RequestFailed as error:
            if error.code == 404:
                return None
            raise ProviderError(f"Error when reading or editing {self.title}: {error}") from error
        if reported is None:
            return None
        for argument in self.arguments:
            if argument.state_only:
                reported[argument.name] = known.get(argument.name, argument.default)
        return {name: value for name, value in reported.items() if value is not None}

    def update(self, cloud: Cloud, state: Properties, olds: Properties, news: Properties) -> Properties:
        """Change it and read it back. A change of what is in the state only sends nothing."""
        differing = {path.split(".")[0] for path in self.diff(cloud.configuration, state, olds, news)}
        changed = differing - {argument.name for argument in self.arguments if argument.state_only}
        if changed:
            try:
                self.change(cloud, state, news, changed)
            except RequestFailed as error:
                raise ProviderError(f"Error updating {self.title} {self.identifier(state)!r}: {error}") from error
        kept = {name: value for name, value in state.items() if not self.is_argument(name)}
        known = kept | news
        if LABELS in self.arguments:
            known["pulumiLabels"] = managed_labels(cloud.configuration, news, state)
        updated = self.read(cloud, known)
        if updated is None:
            raise ProviderError(f"{self.title} {self.identifier(state)!r} is gone")
        return updated

    def delete(self, cloud: Cloud, state: Properties) -> None:
        """Delete it, as its deletion policy says. One that is gone already is deleted."""
        policy = state.get("deletionPolicy")
        if policy == "ABANDON":
            return
        if policy == "PREVENT":
            raise ProviderError(
                f"cannot destroy {self.title} {self.identifier(state)!r} without setting deletionPolicy to DELETE and "
                "running `pulumi up`"
            )
        try:
            self.remove(cloud, state)
        except RequestFailed as error:
            if error.code != 404:
                raise ProviderError(f"Error when reading or editing {self.title}: {error}") from error

    def expected_state(self, configuration: Configuration, state: Properties, arguments: Properties) -> Properties:
        """The state that a preview expects: what the service will report is unknown."""
        reported: Properties = {output.name: UNKNOWN for output in self.outputs}
        reported |= {name: state[name] for name in self.stable if name in state}
        if LABELS in self.arguments:
            reported["pulumiLabels"] = managed_labels(configuration, arguments, state or None)
        return reported | arguments

    def is_named_by(self, known: Properties) -> bool:
        """Whether `known` says which resource is meant."""
        return all(argument.name in known for argument in self.arguments if argument.required or argument is PROJECT)

    def is_argument(self, name: str) -> bool:
        """Whether `name` is an argument."""
        return any(argument.name == name for argument in self.arguments)


def managed_labels(configuration: Configuration, arguments: Properties, state: Properties | None) -> dict[str, str]:
    """The labels that the program and the provider set. Attribution is added on create and kept where it is."""
    present = None if state is None else (state.get("effectiveLabels") or {})
    attribution = {k: v for k, v in configuration.attribution_labels.items() if present is None or k in present}
    return {**configuration.default_labels, **attribution, **(arguments.get("labels") or {})}


def effective_labels(configuration: Configuration, arguments: Properties, state: Properties) -> dict[str, str]:
    """All labels to send on an update: the managed ones, and those that others put on the resource."""
    managed_before = state.get("pulumiLabels") or {}
    foreign = {k: v for k, v in (state.get("effectiveLabels") or {}).items() if k not in managed_before}
    return foreign | managed_labels(configuration, arguments, state)


def label_outputs(answer: Document, known: Properties) -> Properties:
    """The three label outputs. `labels` and `pulumiLabels` show only labels that the program and the provider set."""
    all_labels = answer.get("labels") or {}
    if "pulumiLabels" in known:
        configured = set(known.get("labels") or {})
        managed = configured | set(known["pulumiLabels"]) | {ATTRIBUTION_LABEL}
    else:  # an import: which labels the program sets is not known yet
        configured, managed = set(all_labels) - {ATTRIBUTION_LABEL}, set(all_labels)
    return {
        "labels": {name: value for name, value in all_labels.items() if name in configured},
        "pulumiLabels": {name: value for name, value in all_labels.items() if name in managed},
        "effectiveLabels": all_labels,
    }
