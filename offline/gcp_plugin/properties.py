"""Arguments and outputs of resource types: their declaration, and checking and comparing against it.

Values are what JSON can say, in Pulumi's spelling (camelCase). A value that is not known yet, in a preview, is UNKNOWN.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from offline.gcp_plugin import UNSUPPORTED

Properties = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a value that is known only after the update."""

_KINDS: dict[str, type[Any]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "strings": list,
    "labels": dict,
    "object": dict,
    "objects": list,
}


@dataclass(frozen=True)
class Property:
    """One argument or output."""

    name: str
    kind: str = "string"
    """string, boolean, integer, strings and objects (lists), labels (string to string), object (with `fields`)."""
    required: bool = False
    default: Any = None
    replaces: bool = False
    """A change makes a new resource."""
    state_only: bool = False
    """Steers the provider and is never sent."""
    computed: bool = False
    """Set by the service, never an argument."""
    choices: tuple[str, ...] = ()
    fields: tuple[Property, ...] = ()
    same: Callable[[Any, Any], bool] = operator.eq
    """Whether two spellings mean the same."""


class Failure(NamedTuple):
    """What is wrong with the argument at `path`."""

    path: str
    reason: str


class Change(NamedTuple):
    """How one property differs: `kind` is ADD, DELETE or UPDATE."""

    kind: str
    replaces: bool


def check(declared: Iterable[Property], given: Properties, path: str = "") -> tuple[Properties, list[Failure]]:
    """The arguments with defaults filled in, and what is wrong with them."""
    arguments = {p.name: p for p in declared if not p.computed}
    failures = [
        Failure(path + name, f"{UNSUPPORTED}: argument '{path}{name}'") for name in given if name not in arguments
    ]
    checked: Properties = {}
    for argument in arguments.values():
        value = given.get(argument.name)
        if value is None:
            value = argument.default
        if value is None:
            if argument.required:
                failures.append(Failure(path + argument.name, f"Missing required property '{path}{argument.name}'"))
            continue
        checked[argument.name], wrong = _check_value(argument, value, path + argument.name)
        failures += wrong
    return checked, failures


def _check_value(argument: Property, value: Any, path: str) -> tuple[Any, list[Failure]]:
    if value == UNKNOWN:
        return value, []
    if type(value) is not _KINDS[argument.kind]:
        return value, [Failure(path, f"'{path}' must be {_article(argument.kind)}, not {value!r}")]
    if argument.choices and value not in argument.choices:
        return value, [Failure(path, f"'{path}' must be one of {', '.join(argument.choices)}, not {value!r}")]
    if argument.kind == "object":
        return check(argument.fields, value, path + ".")
    members = value if argument.kind == "strings" else value.values() if argument.kind == "labels" else ()
    if not all(isinstance(member, str) for member in members):
        return value, [Failure(path, f"'{path}' must hold strings only")]
    return value, []


def _article(kind: str) -> str:
    return {"strings": "a list of strings", "labels": "a map of strings", "integer": "an integer"}.get(
        kind, f"an {kind}" if kind == "object" else f"a {kind}"
    )


def changes(declared: Iterable[Property], olds: Properties, news: Properties, path: str = "") -> dict[str, Change]:
    """What differs, by property path. Names that are not declared count too: the service may have reported them."""
    known = {p.name: p for p in declared}
    found: dict[str, Change] = {}
    for name in [*known, *(n for n in {**olds, **news} if n not in known)]:
        declaration = known.get(name, Property(name))
        old, new = olds.get(name), news.get(name)
        if declaration.kind == "object" and isinstance(old, dict) and isinstance(new, dict):
            found |= changes(declaration.fields, old, new, f"{path}{name}.")
        elif not _same(declaration, old, new):
            kind = "ADD" if is_empty(old) else "DELETE" if is_empty(new) else "UPDATE"
            found[path + name] = Change(kind, declaration.replaces)
    return found


def _same(declaration: Property, old: Any, new: Any) -> bool:
    if is_empty(old) or is_empty(new):
        return is_empty(old) and is_empty(new)
    if UNKNOWN in (old, new):
        return False
    return bool(old == new or declaration.same(old, new))


def is_empty(value: Any) -> bool:
    """Whether the provider takes a value for left out: None, "", [], {}."""
    return value is None or value in ("", [], {})


def given(declared: Iterable[Property], state: Properties, previous: Properties) -> Properties:
    """The arguments that would make `state`: as spelled in `previous` where that means the same."""
    known = {p.name: p for p in declared}
    arguments: Properties = {}
    for name, value in state.items():
        declaration = known.get(name, Property(name))
        if declaration.computed:
            continue
        before = previous.get(name)
        if declaration.kind == "object" and isinstance(value, dict):
            arguments[name] = given(declaration.fields, value, before if isinstance(before, dict) else {})
        elif before is not None and _same(declaration, before, value):
            arguments[name] = before
        elif not is_empty(value):
            arguments[name] = value
    return arguments
