"""OPTIONS (…) of DDL statements to fields of REST resources (S/data-definition-language)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from sqlglot import exp

from localcloud.core.errors import Unsupported, invalid_query
from localcloud.engine.check import Check

_STALENESS = re.compile(r"(\d+) (MINUTE|HOUR|DAY)", re.IGNORECASE)
_SECONDS = {"MINUTE": 60, "HOUR": 3600, "DAY": 86400}


def listed(properties: Any) -> dict[str, Any]:
    """Expressions by lower-case option name, of a sqlglot Properties node or None."""
    if properties is None:
        return {}
    return {prop.name.lower(): prop.args["value"] for prop in properties.expressions if type(prop) is exp.Property}


def value(check: Check, node: Any) -> Any:
    """The constant an option is set to: text, number, bool, list, list of pairs, or None."""
    if isinstance(node, (exp.Array, exp.Tuple)):
        return [value(check, item) for item in node.expressions]
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else float(node.name) if "." in node.name else int(node.name)
    return check.constant(node)


def resource_fields(check: Check, given: dict[str, Any]) -> dict[str, Any]:
    """description, labels and friendly_name as REST fields; an option set to NULL has the value None."""
    fields: dict[str, Any] = {}
    for name, node in given.items():
        if name in ("description", "friendly_name"):
            fields["friendlyName" if name == "friendly_name" else name] = value(check, node)
        elif name == "labels":
            fields["labels"] = labels(value(check, node) or [])
        else:
            raise Unsupported(f"the option {name}")
    return fields


def labels(pairs: list[Any]) -> dict[str, str]:
    """Labels from [('key', 'value'), …]. Raises ApiError for what is not a label."""
    found: dict[str, str] = {}
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise invalid_query("labels must be an array of pairs of strings")
        key, text = pair
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) or not re.fullmatch(r"[a-z0-9_-]{0,63}", text):
            raise invalid_query(f"Invalid label {key}: {text}; keys and values are lower-case letters, digits, _ and -")
        found[key] = text
    return found


def staleness(node: Any) -> str:
    """REST maxStaleness, `0-0 D H:M:S`, of INTERVAL n unit. Raises ApiError outside 0 or 30 minutes to 7 days."""
    text = f"{node.this.name} {node.args['unit'].name}" if isinstance(node, exp.Interval) else ""
    found = _STALENESS.fullmatch(text)
    if not found:
        raise Unsupported("max_staleness other than INTERVAL n MINUTE, HOUR or DAY")
    seconds = int(found[1]) * _SECONDS[found[2].upper()]
    if seconds and not 1800 <= seconds <= 7 * 86400:
        raise invalid_query("max_staleness must be 0 or between 30 minutes and 7 days")
    days, rest = divmod(seconds, 86400)
    return f"0-0 {days} {rest // 3600}:{rest % 3600 // 60}:{rest % 60}"


def only(given: Collection[str], known: Collection[str]) -> None:
    """Raises Unsupported for options that are not known."""
    for name in given:
        if name not in known:
            raise Unsupported(f"the option {name}")
