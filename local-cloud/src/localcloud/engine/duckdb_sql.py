"""Parts of DuckDB's syntax, made of others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlglot import exp


def from_template(template: str, **parts: Any) -> Any:
    """A DuckDB expression with `:name` replaced by the parts."""
    return exp.replace_placeholders(_template(template), **parts)


def call(function: str, *arguments: Any) -> Any:
    """DuckDB's function of this name."""
    return exp.Anonymous(this=function, expressions=list(arguments))


def cast(node: Any, kind: str) -> Any:
    """The node as one of DuckDB's types."""
    return exp.Cast(this=node, to=exp.DataType.build(kind, dialect="duckdb"))


@lru_cache(maxsize=256)
def _template(text: str) -> Any:
    """Read once, and copied wherever it is filled."""
    return exp.maybe_parse(text)
