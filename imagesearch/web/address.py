"""The address of a page is the question it answers, so that it can be shared. Parsed, checked, and written."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.datastructures import QueryParams

from imagesearch.errors import ImageSearchError
from imagesearch.pipeline.interactive_search import Question

TOP_K = 12
MOST = 100
"""Pictures on one page."""
_MANY = ("type",)


class BadAddress(ImageSearchError):
    """A parameter of the address is not what it may be."""


def _object(value: str) -> str:
    if value and not value.startswith("gs://"):
        raise ValueError("must begin with gs://")
    return value


_Uri = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_object)]


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = ""
    like: _Uri = ""
    top_k: Annotated[int, Field(ge=1, le=MOST)] = TOP_K
    distance: Literal["COSINE", "EUCLIDEAN", "DOT_PRODUCT"]
    type: Annotated[tuple[Annotated[str, StringConstraints(max_length=200)], ...], Field(max_length=50)] = ()
    folder: Annotated[_Uri, StringConstraints(strip_whitespace=True)] = ""


def parse(parameters: QueryParams, distance: str) -> Question:
    """The question of an address; what it leaves out is the default. Raises BadAddress, which names the parameter."""
    values: dict[str, Any] = {"distance": distance}
    for name in parameters:
        given = [value for value in parameters.getlist(name) if value]  # a form sends what was left empty too
        if len(given) > 1 and name not in _MANY:
            raise BadAddress(f"{name} is given {len(given)} times.", f"Give {name} once.")
        if given:
            values[name] = given if name in _MANY else given[0]
    try:
        asked = _Given.model_validate(values)
    except ValidationError as error:
        raise _refused(error) from None
    if asked.q and asked.like:
        raise BadAddress("q and like are both given.", "Search for a text (q) or for what is like a picture (like).")
    return Question(asked.q, asked.like, asked.top_k, asked.distance, tuple(sorted(set(asked.type))), asked.folder)


def write(question: Question, distance: str, **changes: str) -> str:
    """The address of a question, without what is the default; `changes` replace q and like."""
    text, like = changes.get("q", question.text), changes.get("like", question.like)
    pairs: list[tuple[str, str | int]] = [("q", text), ("like", like), ("folder", question.folder)]
    pairs += [("type", each) for each in question.content_types]
    if question.top_k != TOP_K:
        pairs.append(("top_k", question.top_k))
    if question.distance != distance:
        pairs.append(("distance", question.distance))
    return "/?" + urlencode([pair for pair in pairs if pair[1]], safe="/:")


def _refused(error: ValidationError) -> BadAddress:
    first = error.errors()[0]
    name, said = first["loc"][0], first["msg"].removeprefix("Value error, ")
    return BadAddress(
        f"{name}: {said}, not {str(first['input'])[:100]!r}.", f"Change {name} in the address, or search anew."
    )
