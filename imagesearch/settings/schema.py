"""The settings of a stack: every key, what it may be, and how keys must fit together.

Read from the stack config (components/settings.py) and checked before anything is created. An error names the key, what
is allowed and what was given. The table in docs/reference.md is kept equal to this file by a test.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticUseDefault

from imagesearch.errors import SettingsError
from imagesearch.gcp.locations import EUROPEAN_REGIONS, MULTI_REGIONS, OTHER_REGIONS, canonical, vertex_location
from imagesearch.settings.endpoints import ENDPOINTS, Endpoint

_BUCKET = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_MAX_TEXT = 1_000
NOTEBOOK = "met-image-analysis"


def _known_location(value: str) -> str:
    location = canonical(value)
    if location not in MULTI_REGIONS and location not in EUROPEAN_REGIONS | OTHER_REGIONS:
        known = ", ".join([*MULTI_REGIONS, *sorted(EUROPEAN_REGIONS | OTHER_REGIONS)])
        raise ValueError(f"no embedding endpoint is known to be served there; known are {known}")
    return location


def _bucket_uri(value: str) -> str:
    if not re.fullmatch(rf"gs://{_BUCKET}/[^\n\r]*", value):
        raise ValueError("it must be gs://bucket/path, as in gs://my-bucket/photos/*")
    if value.count("*") > 1:
        raise ValueError("BigQuery allows one * in a URI")
    return value


def _identifier(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,1024}", value):
        raise ValueError("it must be made of letters, digits and underscores, as BigQuery's identifiers are")
    return value


def _search_name(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", value):
        raise ValueError("it must be lower-case letters, digits, - and _, begin with a letter, and have at most 63")
    return value


def _notebook_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,62}", value):
        raise ValueError("it must be letters, digits, - and _, begin with a letter, and have at most 63")
    return value


def _region(value: str) -> str:
    region = value.lower()
    if not re.fullmatch(r"[a-z]+-[a-z]+[0-9]{1,2}", region):
        raise ValueError("it must be one region, as in us-central1: notebooks are kept in no multi-region")
    return region


Identifier = Annotated[str, AfterValidator(_identifier)]
LocationName = Annotated[str, AfterValidator(_known_location)]
SearchName = Annotated[str, AfterValidator(_search_name)]
SearchText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_TEXT)]
Uri = Annotated[str, AfterValidator(_bucket_uri)]


Distance = Literal["COSINE", "EUCLIDEAN", "DOT_PRODUCT"]


class _Section(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)


class Dataset(_Section):
    """The BigQuery dataset that everything is in."""

    id: Identifier = "bqml_tutorial"
    location: LocationName = "US"
    description: str = "BigQuery ML tutorial dataset."


class Selection(_Section):
    """Which of the objects of a bucket are embedded."""

    content_types: Annotated[list[str], Field(min_length=1)] = ["image/jpeg"]
    limit: Annotated[int, Field(ge=1)] | None = 10_000
    prune_to_limit: bool = False
    """Whether lowering `limit` deletes what was paid for."""


class Images(Selection):
    """Which objects are to be searchable, and where they are."""

    uris: Annotated[list[Uri], Field(min_length=1)] = ["gs://gcs-public-data--met/*"]
    public: bool = False
    """Whether anyone may read the bucket. Then no role is granted on it."""

    @property
    def buckets(self) -> list[str]:
        """The buckets named by `uris`, each once."""
        return sorted({uri.removeprefix("gs://").split("/", 1)[0] for uri in self.uris})


def _default_if_none(value: Any) -> Any:
    if value is None:
        raise PydanticUseDefault
    return value


def _default_dimension(values: dict[str, Any]) -> int:
    """The endpoint's; 0 for an endpoint that is not known, which is refused."""
    endpoint = ENDPOINTS.get(values["endpoint"])
    return endpoint.default_dimension if endpoint else 0


class Embedding(_Section):
    """How the images become vectors, and how long and how dearly that may go on."""

    endpoint: str = "multimodalembedding@001"
    dimension: Annotated[int, BeforeValidator(_default_if_none)] = Field(default_factory=_default_dimension)
    """Length of the vectors; the endpoint's default when not given."""
    wait: bool = True
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 5
    deadline_minutes: Annotated[float, Field(gt=0)] = 24 * 60
    budget_usd: Annotated[float, Field(ge=0)] = 10.0
    max_prune_fraction: Annotated[float, Field(ge=0, le=1)] = 0.3
    sync: Literal["onUp", "onChange"] = "onUp"

    @model_validator(mode="after")
    def _offered(self) -> Embedding:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"endpoint {self.endpoint!r} is not known; known are {', '.join(ENDPOINTS)}")
        dimensions = ENDPOINTS[self.endpoint].dimensions
        if self.dimension not in dimensions:
            offered = ", ".join(map(str, sorted(dimensions)))
            raise ValueError(f"dimension {self.dimension} is not offered by {self.endpoint}; it offers {offered}")
        return self

    @property
    def endpoint_facts(self) -> Endpoint:
        """What is known of the endpoint."""
        return ENDPOINTS[self.endpoint]


class Index(_Section):
    """The vector index over the embeddings."""

    type: Literal["IVF", "TREE_AH", "none"] = "IVF"
    distance: Distance = "COSINE"
    wait: bool = True
    min_recall: Annotated[float, Field(ge=0, le=1)] = 0.8


class Search(_Section):
    """A text to find images for."""

    name: SearchName
    text: SearchText
    top_k: Annotated[int, Field(ge=1, le=1_000)] = 3


class Notebook(_Section):
    """The notebook in BigQuery Studio."""

    enabled: bool = True
    name: Annotated[str, AfterValidator(_notebook_name)] | None = None
    region: Annotated[str, AfterValidator(_region)] | None = None


class Settings(_Section):
    """Everything that a stack's config may say."""

    dataset: Dataset = Dataset()
    images: Images = Images()
    embedding: Embedding = Embedding()
    index: Index = Index()
    searches: list[Search] = [
        Search(name="victorian-dress", text="pictures of white or cream colored dress from victorian era")
    ]

    notebook: Notebook = Notebook()

    @property
    def notebook_name(self) -> str:
        """The tutorial's name for the tutorial's dataset; for another, that dataset's name is in it, for notebooks are
        the project's."""
        name = self.notebook.name or NOTEBOOK
        return name if self.notebook.name or self.dataset.id == Dataset().id else f"{name}-{self.dataset.id}"[:63]

    @property
    def notebook_region(self) -> str:
        """Where the notebook is kept: the dataset's region, or the one that serves its multi-region."""
        return self.notebook.region or vertex_location(self.dataset.location)

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        served = self.embedding.endpoint_facts.locations
        if self.dataset.location not in served:
            raise ValueError(
                f"dataset.location {self.dataset.location} does not serve {self.embedding.endpoint}; "
                f"locations that do: {', '.join(sorted(served))}"
            )
        names = [search.name for search in self.searches]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"searches: the name {twice[0]!r} is used twice; names tell the results apart")
        return self


def parse(values: dict[str, Any], *, source: str = "the stack config") -> Settings:
    """Settings from `values`, sections as in the stack config. Raises SettingsError that names every wrong key."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        # Whoever has to mend the endpoint need not hear that its default dimension is not known.
        problems = "; ".join(_problem(item) for item in error.errors() if item["type"] != "default_factory_not_called")
        raise SettingsError(
            f"{source} is not valid: {problems}.",
            "Nothing was created or changed. docs/reference.md lists every setting and what it may be.",
        ) from None


_WANTED = {
    "string_too_short": "must not be empty",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "list_type": "must be a list",
    "model_type": "must be a section of keys",
    "missing": "is required",
}


def _problem(item: Any) -> str:
    """One error of pydantic's as `key: what is wrong (what was given)`."""
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
    if item["type"] == "extra_forbidden":
        return f"{key} is not a setting{_allowed(item['loc'])}"
    message = _WANTED.get(item["type"], item["msg"].removeprefix("Value error, "))
    if not key or item["type"] == "missing" or isinstance(item["input"], dict | BaseModel):
        return f"{key} {message}".strip() if item["type"] == "missing" else f"{key}: {message}".lstrip(": ")
    return f"{key}: {message} (it is {item['input']!r})"


def _allowed(location: tuple[int | str, ...]) -> str:
    """` (allowed here: …)` for an unknown key at `location`."""
    section: Any = Settings
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        field = next((f for f in section.model_fields.values() if f.alias == part), None)
        section = _model_in(field.annotation) if field else None
        if section is None:
            return ""
    return f" (allowed here: {', '.join(sorted(f.alias or '' for f in section.model_fields.values()))})"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, also inside a list or an optional."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    arguments = getattr(annotation, "__args__", ())
    return next((found for argument in arguments if (found := _model_in(argument))), None)
