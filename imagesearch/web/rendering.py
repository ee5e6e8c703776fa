"""Renders the templates of the search page and of the gallery."""

from __future__ import annotations

from pathlib import Path

import jinja2

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(template: str, **values: object) -> str:
    """The HTML of templates/`template`.html.j2 with these values, escaped."""
    return _ENVIRONMENT.get_template(f"{template}.html.j2").render(**values)
