"""Keeps a folder in step with a selection of pictures, and leaves every other file in it alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from localcloud.core.cache import write_atomically
from localcloud.images.progress import Report
from localcloud.images.selection import Changes, Picture, Selection, SourceError

Entry = dict[str, Any]


def manifest_of(folder: Path) -> Path:
    """The file beside `folder` that says what is in it and where it came from."""
    return folder.parent / f"{folder.name}.manifest.json"


def synchronise(selection: Selection, folder: Path, report: Report) -> Changes:
    """Copy what is new or changed, remove what came from here before and is no longer selected.

    A picture is unchanged when its size, its time of modification and its caption are. Raises SourceError when `folder`
    cannot be written or is inside the source.
    """
    if folder.resolve().is_relative_to(Path(selection.source)):
        raise SourceError(f"{folder} is inside the source {selection.source}; choose another folder")
    manifest = manifest_of(folder)
    before = {entry["name"]: entry for entry in _read(manifest).get("images", [])}
    changes = Changes()
    try:
        with report.steps("copying", len(selection.pictures)) as step:
            after = []
            for picture in selection.pictures:
                entry = _copy(picture, folder, before.get(picture.name), changes)
                after += [entry] if entry else []
                step()
        _remove(folder, [before[name] for name in before.keys() - {entry["name"] for entry in after}], changes)
        content = {"source": selection.source, "images": after}
        if changes.new or changes.changed or changes.removed or not manifest.exists():
            write_atomically(manifest, json.dumps(content, indent=1, ensure_ascii=False).encode())
    except OSError as error:
        raise SourceError(f"cannot write {folder}: {error.strerror or error}") from error
    return changes


def _read(manifest: Path) -> dict[str, Any]:
    if not manifest.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {manifest}: {error}; remove it, or put it right") from error
    return found


def _copy(picture: Picture, folder: Path, before: Entry | None, changes: Changes) -> Entry | None:
    """The picture's entry in the manifest, or None when a file of that name did not come from here."""
    target = folder / picture.name
    entry = {
        "name": picture.name,
        "caption": picture.caption,
        "size": picture.size,
        "modified": picture.modified,
    }
    present = target.exists()
    if present and before is not None and before == entry | {"sha256": before["sha256"]}:
        changes.unchanged += 1
        return before
    if present and (before is None or _sha256(target.read_bytes()) != before["sha256"]):
        changes.foreign += 1
        return None
    content = picture.file.read_bytes()
    write_atomically(target, content)
    changes.new += not present
    changes.changed += present
    return entry | {"sha256": _sha256(content)}


def _remove(folder: Path, entries: list[Entry], changes: Changes) -> None:
    for entry in entries:
        target = folder / entry["name"]
        if target.is_file() and _sha256(target.read_bytes()) == entry["sha256"]:
            target.unlink()
            changes.removed += 1


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
