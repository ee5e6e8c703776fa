"""The connection that an object table or a remote model uses."""

from __future__ import annotations

from typing import NamedTuple


class Connection(NamedTuple):
    """Its full name."""

    project: str
    location: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Connection:
        """From either form that REST knows: `project.location.name`, `projects/…/locations/…/connections/…`."""
        if text.startswith("projects/"):
            parts = text.split("/")
            return cls(parts[1], parts[3], parts[5])
        return cls(*text.rsplit(".", 2))
