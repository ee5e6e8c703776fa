"""What a resource is to be: one model that is built from the settings, travels through the engine, and is read back.

A specification inherits the section of the settings that it is made of, so a setting has one name and one default. The
engine keeps names as text, brings whole numbers back as floats, and drops None; `from_properties` undoes all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from imagesearch.gcp.sql import Identifier

Name = Annotated[
    Identifier,
    BeforeValidator(lambda name: Identifier.parse(name) if isinstance(name, str) else name),
    PlainSerializer(lambda name: name.path, return_type=str),
]
"""A table, a model or a connection; a dotted path among properties."""


class Spec(BaseModel):
    """The base of every specification."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def inputs(cls) -> tuple[str, ...]:
        """The names of its properties."""
        return tuple(name for name, field in cls.model_fields.items() if not field.exclude)

    def to_properties(self) -> dict[str, Any]:
        """Its fields as plain values, names as dotted paths."""
        return self.model_dump()

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Self:
        """The specification among the properties of a resource, whatever else is among them.

        Raises pydantic.ValidationError for properties that are none of it.
        """
        dropped = {name: None for name, field in cls.model_fields.items() if NoneType in get_args(field.annotation)}
        known = {name: properties[name] for name in cls.model_fields if name in properties}
        return cls.model_validate({**dropped, **known}, strict=False)
