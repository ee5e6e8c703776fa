"""Requests made from Google's discovery documents, many of them a little wrong: strategies for hypothesis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from localcloud.http.discovery.documents import PREFIXES, Method, document, methods
from tests.all_routes import routes

JUNK_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "..", "../../etc/passwd", "%2e%2e", "a/b", "\x00", "`; DROP", "*", "-1", "1e999", "é" * 300]),
)
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), JUNK_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(JUNK_TEXT, inner, max_size=2)),
    max_leaves=3,
)
KNOWN = {
    "v1id1": ["local-project"],
    "v1id": ["projects"],
    "v1beta1id1": ["local-project"],
    "v1beta1id": ["projects"],
    "project": ["local-project"],
    "dataset": ["made"],
    "table": ["t"],
    "bucket": ["photos"],
    "object": ["a.jpg"],
    "location": ["us"],
    "connection": ["c"],
    "repositor": ["r"],
    "model": ["m"],
    "job": ["j"],
    "service": ["bigquery.googleapis.com"],
    "publisher": ["google"],
}
"""Names of what is there, by a word of the parameter that takes them: with others most requests end at 404."""
_DEEPEST = 4


@dataclass(frozen=True)
class Call:
    """One request."""

    verb: str
    path: str
    parameters: list[tuple[str, str]]
    body: Any


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call of a method that some API of this server has, with parameters and a body by its schema, or nearly."""
    prefix, method = draw(st.sampled_from(draw(st.sampled_from(_by_api()))))
    path = prefix + "".join(draw(_segment(part)) for part in method["parts"])
    named = [name for name, each in method["parameters"].items() if each.get("required")]
    optional = sorted(set(method["parameters"]) - set(named))
    named += draw(st.lists(st.sampled_from(optional), max_size=3, unique=True)) if optional else []
    parameters = [(name, draw(_parameter(name, method["parameters"][name]))) for name in named]
    body = draw(_value(method["api"], method["request"], 0)) if method["request"] else None
    return Call(method["verb"], path, parameters, body)


def _segment(part: tuple[str, bool]) -> st.SearchStrategy[str]:
    text, is_name = part
    if not is_name:
        return st.just(text)
    names = _names(text)
    junk = JUNK_TEXT.map(lambda value: quote(value, safe="") or "x")
    return st.one_of(st.sampled_from(names), st.sampled_from(names), st.sampled_from(names), junk)


def _names(parameter: str) -> list[str]:
    """What a parameter of this name may be."""
    return next((known for word, known in KNOWN.items() if word in parameter.lower()), ["x"])


def _parameter(name: str, spec: dict[str, Any]) -> st.SearchStrategy[str]:
    good = {"integer": st.integers(0, 5).map(str), "boolean": st.sampled_from(["true", "false"])}.get(
        spec.get("type", ""), _segment((name, True))
    )
    if "enum" in spec:
        good = st.sampled_from(spec["enum"])
    return st.one_of(good, good, JUNK_TEXT)


def _value(api: str, spec: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    """A value by a schema, and now and then another."""
    if "$ref" in spec:
        spec = document(api)["schemas"][spec["$ref"]]
    good = _by_schema(api, spec, depth)
    return st.integers(0, 11).flatmap(lambda dice: JUNK if dice == 0 else good)


def _by_schema(api: str, spec: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    kind = spec.get("type", "any")
    if kind == "array":
        return st.lists(st.deferred(lambda: _value(api, spec["items"], depth + 1)), max_size=2)
    if kind == "object":
        return _members(api, spec, depth)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "integer": st.integers(-1, 10),
        "number": st.floats(allow_nan=False),
        "string": st.sampled_from([*spec.get("enum", ()), "made", "t", "local-project", "SELECT 1", "7", "x"]),
    }
    return simple.get(kind, JUNK)


def _members(api: str, spec: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    known: dict[str, Any] = {name: each for name, each in spec.get("properties", {}).items() if depth < _DEEPEST}
    if not known:
        return st.dictionaries(st.sampled_from(["a", "b", "Ü"]), JUNK_TEXT, max_size=2)
    likely = [name for name in known if "Reference" in name or name in ("query", "configuration", "policy", "labels")]
    names = st.lists(st.sampled_from([*known, *likely * 3]), max_size=4, unique=True)
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: _value(api, known[name], depth + 1) for name in chosen})
    )


def _methods(prefix: str, api: str) -> list[tuple[str, dict[str, Any]]]:
    """An API's methods as (what all of its paths begin with, what a call is made of)."""
    base = prefix if document(api)["servicePath"] else prefix.rsplit("/", 2)[0] + "/"
    return [
        (
            base,
            {
                "api": api,
                "verb": method.spec["httpMethod"],
                "parts": method.parts,
                "parameters": method.own_parameters,
                "request": method.spec.get("request"),
            },
        )
        for method in methods(api)
        if _served(
            method.spec["httpMethod"], base + "".join(_names(text)[0] if name else text for text, name in method.parts)
        )
    ]


def _likely(method: Method) -> str:
    """Its path with names of what is there."""
    return "".join(_names(text)[0] if is_name else text for text, is_name in method.parts)


def _served(verb: str, path: str) -> bool:
    """Whether there is a route; without one the answer is always the same."""
    return any(verb in (route.methods or ()) and route.path_regex.match(path) for route in routes())


@cache
def _by_api() -> list[list[tuple[str, dict[str, Any]]]]:
    """Every method by API, so that one with many methods does not hide the others. Takes a second."""
    return [_methods(prefix, api) for prefix, api in PREFIXES.items()]
