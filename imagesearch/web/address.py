"""A page's address, which contains the whole question, so that it can be shared: parsed and checked, or written."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.datastructures import QueryParams

from imagesearch.errors import ImageSearchError
from imagesearch.pipeline.interactive_search import Question

TOP_K = 12
MAX_PICTURES = 100
"""Pictures on one page."""
_REPEATABLE = ("type",)
"""Parameters that may be given more than once."""


class BadAddress(ImageSearchError):
    """A parameter of the address has a value that is not allowed."""


def _object_uri(value: str) -> str:
    if value and not value.startswith("gs://"):
        raise ValueError("must begin with gs://")
    return value


_Uri = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_object_uri)]


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = ""
    like: _Uri = ""
    top_k: Annotated[int, Field(ge=1, le=MAX_PICTURES)] = TOP_K
    distance: Literal["COSINE", "EUCLIDEAN", "DOT_PRODUCT"]
    type: Annotated[tuple[Annotated[str, StringConstraints(max_length=200)], ...], Field(max_length=50)] = ()
    folder: Annotated[_Uri, StringConstraints(strip_whitespace=True)] = ""


def parse(parameters: QueryParams, distance: str) -> Question:
    """The question of an address; a missing parameter has its default. Raises BadAddress, which names the parameter."""
    values: dict[str, Any] = {"distance": distance}
    for name in parameters:
        given = [value for value in parameters.getlist(name) if value]  # a form sends empty fields too
        if len(given) > 1 and name not in _REPEATABLE:
            raise BadAddress(f"{name} is given {len(given)} times.", f"Give {name} once.")
        if given:
            values[name] = given if name in _REPEATABLE else given[0]
    try:
        valid = _Parameters.model_validate(values)
    except ValidationError as error:
        raise _bad_address(error) from None
    if valid.q and valid.like:
        raise BadAddress("q and like are both given.", "Search for a text (q) or for pictures like another one (like).")
    return Question(valid.q, valid.like, valid.top_k, valid.distance, tuple(sorted(set(valid.type))), valid.folder)


def write(question: Question, distance: str, **changes: str) -> str:
    """The address of a question, without parameters that have their default; `changes` replace q and like."""
    text, like = changes.get("q", question.text), changes.get("like", question.like)
    pairs: list[tuple[str, str | int]] = [("q", text), ("like", like), ("folder", question.folder)]
    pairs += [("type", each) for each in question.content_types]
    if question.top_k != TOP_K:
        pairs.append(("top_k", question.top_k))
    if question.distance != distance:
        pairs.append(("distance", question.distance))
    return "/?" + urlencode([pair for pair in pairs if pair[1]], safe="/:")


def _bad_address(error: ValidationError) -> BadAddress:
    first = error.errors()[0]
    name, problem = first["loc"][0], first["msg"].removeprefix("Value error, ")
    return BadAddress(
        f"{name}: {problem}, not {str(first['input'])[:100]!r}.", f"Change {name} in the address, or search again."
    )
