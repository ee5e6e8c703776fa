"""Which signature of a function fits the arguments it is called with (S/functions-all, "function signatures").

Each argument has the type that the signature wants, or coerces to it; the signature of the least cost wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.googlesql.analysis.coercion import OF_ANY_TYPE, castable, common, cost
from localcloud.googlesql.analysis.signatures import PARTS, Argument, Function, Signature
from localcloud.googlesql.analysis.values import Value, array_of
from localcloud.googlesql.types import Type

_CAST = 1000
"""The cost of an argument that is cast."""


@dataclass(frozen=True)
class Part:
    """An argument that is a part of dates: DAY, WEEK(MONDAY), …"""

    name: str


Given = Value | Part


@dataclass(frozen=True)
class Match:
    """The signature that was taken. `kinds`: what each argument becomes; None for parts and where anything goes."""

    signature: Signature
    kinds: tuple[Type | None, ...]
    result: Type


def match(function: Function, given: Sequence[Given]) -> Match | None:
    """The signature that fits best, or None."""
    best: tuple[int, Match] | None = None
    for signature in function.signatures:
        found = _fit(signature, given)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    return best[1] if best else None


def counts(function: Function, number: int) -> bool:
    """Whether one of its signatures takes so many arguments."""
    return any(_spread(signature, number) is not None for signature in function.signatures)


def arguments_of(signature: Signature, number: int) -> tuple[Argument, ...]:
    """The signature's arguments for a call with so many."""
    return _spread(signature, number) or ()


def _fit(signature: Signature, given: Sequence[Given]) -> tuple[int, Match] | None:
    arguments = _spread(signature, len(given))
    if arguments is None:
        return None
    template = _template(arguments, given)
    total, kinds = 0, list[Type | None]()
    for argument, value in zip(arguments, given, strict=True):
        kind = _kind(argument, template)
        if isinstance(value, Part) or argument.part:
            if not (isinstance(value, Part) and argument.part and value.name in PARTS[argument.part]):
                return None
            kinds.append(None)
            continue
        kinds.append(kind)
        if kind is None:
            if argument.template:
                return None
            continue
        one = cost(value, kind)
        if one is None and argument.cast and value.kind.kind != "BYTES" and castable(value, kind):
            one = _CAST
        if one is None:
            return None
        total += one
    result = _kind(signature.result, template)
    return (total, Match(signature, tuple(kinds), result)) if result is not None else None


def _spread(signature: Signature, number: int) -> tuple[Argument, ...] | None:
    """One argument for each that is given, or None when there are too many or too few."""
    arguments = signature.arguments
    if arguments and arguments[-1].repeated:
        arguments = arguments[:-1] + arguments[-1:] * (number - len(arguments) + 1)
    least = sum(1 for argument in arguments if not argument.optional)
    return arguments[:number] if least <= number <= len(arguments) else None


def _template(arguments: Sequence[Argument], given: Sequence[Given]) -> Type | None:
    """The type of T."""
    alone = [v for a, v in zip(arguments, given, strict=True) if a.template and not a.array and isinstance(v, Value)]
    arrays = [v for a, v in zip(arguments, given, strict=True) if a.template and a.array and isinstance(v, Value)]
    if arrays:
        kind = common(arrays)
        if kind is None or not (kind.array or all(v.form in OF_ANY_TYPE for v in arrays)):
            return None
        return common([Value(kind.element), *alone]) if alone else kind.element
    return common(alone)


def _kind(argument: Argument, template: Type | None) -> Type | None:
    if not argument.template:
        return argument.kind
    if template is None or (argument.array and template.array):
        return None
    return array_of(template) if argument.array else template
