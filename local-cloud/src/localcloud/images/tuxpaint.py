"""The demo's own pictures: photos among the stamps of Tux Paint, each with a line of English that says what it shows.

They come from Debian's package `tuxpaint-stamps-default` (GPL-2; 161 MB to download, most of it sounds), which apt
downloads and verifies without root and without installing it. The photos are kept in the user's cache.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from localcloud.core.cache import cache_folder, move_into_place
from localcloud.images.apt import download
from localcloud.images.progress import Report
from localcloud.images.selection import Picture, Selection, SourceError

PACKAGE = "tuxpaint-stamps-default"
SOURCE = "tuxpaint"
#: Goes into the name of the cache: raise it when other photos are chosen or they are made in another way.
_VERSION = 1
_STAMPS = "./usr/share/tuxpaint/stamps/"
_LONGEST_SIDE = 640
_JPEG_QUALITY = 90

#: Parts of paths under which stamps are drawings, signs or mirrored copies.
_NO_PHOTOS = ("cartoon/", "symbols/", "roadsigns/", "flags/", "seasonal/easter/", "_mirror")
#: Other stamps that are drawings, by file name without suffix; among trees such names are photos.
_DRAWINGS = """
hedgehog button blue_fedora feathered_hat green_fedora propeller_hat sombrero tophat t_baseballcap t_glove t_jacket
t_pants t_poloshirt t_scarf t_shirt t_sock t_tshirt pizza tooth lightningbolt eye Santa bow candy_cane hard_candy
lamp santahat star stocking tree xmas_tp_bulb bluebird bunny-egg bunny-head bunny butterfly chick-hatched
chick-in-egg chick wrapped_chocolate_easter_egg wrapped_chocolate_easter_egg_2 bat_left blackcat ghost skull spider
dreydl-gimmel dreydl-hay dreydl-nun dreydl-shin dreydl holiday_candle menorah confetti fireworks fireworks2
party-hat party-horn-in party-horn-out inukshuk-outline sedan_police jackolantern_mean 0_sun echidna explosion fire
"""
#: Photos that are in the package twice.
_COPIES = ("military/fireman240a", "fireman200b")


@dataclass(frozen=True)
class _File:
    content: bytes
    modified: int
    """Seconds since the epoch."""


def select(report: Report) -> Selection:
    """The photos, from the cache or else from Debian. Raises SourceError without apt or without a way to its mirror."""
    folder = kept()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{SOURCE}-") as work:
            package = download(PACKAGE, Path(work), report)
            move_into_place(_make(package, Path(work) / "photos", report), folder)
    captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    return Selection(SOURCE, [Picture.of_file(folder / name, name, caption) for name, caption in captions.items()])


def kept() -> Path:
    """Where the photos are, once they are made."""
    return cache_folder() / f"{SOURCE}-{_VERSION}"


def _make(package: Path, folder: Path, report: Report) -> Path:
    """Photos and their captions.json in a new folder."""
    folder.mkdir()
    stamps = _stamps(package, report)
    captions: dict[str, str] = {}
    chosen = [path for path in sorted(stamps) if _is_photo(path) and _text_beside(path) in stamps]
    with report.steps("making JPGs", len(chosen)) as step:
        for path in chosen:
            stem = path.rpartition("/")[2].removesuffix(".png")
            name = f"stamp_{stem}.jpg" if f"stamp_{stem}.jpg" not in captions else f"stamp_{stem}_b.jpg"
            _write_jpeg(stamps[path], folder / name)
            text = stamps[_text_beside(path)].content.decode("utf-8")
            captions[name] = text.partition("\n")[0].strip()
            step()
    (folder / "captions.json").write_text(json.dumps(dict(sorted(captions.items())), indent=1, ensure_ascii=False))
    return folder


def _text_beside(path: str) -> str:
    return path.removesuffix(".png") + ".txt"


def _is_photo(path: str) -> bool:
    stem = path.rpartition("/")[2].removesuffix(".png")
    if not path.endswith(".png") or any(part in path for part in _NO_PHOTOS):
        return False
    return (stem not in _DRAWINGS.split() or "/trees/" in path) and not any(copy in path for copy in _COPIES)


def _stamps(package: Path, report: Report) -> dict[str, _File]:
    """PNG and text files of the package, by path below the folder of stamps."""
    found: dict[str, _File] = {}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking:
        try:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive, report.steps("unpacking", None) as step:
                for member in archive:
                    content = archive.extractfile(member) if member.name.endswith((".png", ".txt")) else None
                    if content is not None:
                        found[member.name.removeprefix(_STAMPS)] = _File(content.read(), int(member.mtime))
                        step()
        except tarfile.TarError as error:
            raise SourceError(f"{package.name} cannot be unpacked: {error}") from error
    return found


def _write_jpeg(stamp: _File, file: Path) -> None:
    """Flattened on white, at most 640 pixels a side, and as old as the stamp: unchanged when it is made again."""
    layer = Image.open(io.BytesIO(stamp.content)).convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    white.alpha_composite(layer)
    photo = white.convert("RGB")
    photo.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    photo.save(file, quality=_JPEG_QUALITY)
    os.utime(file, (stamp.modified, stamp.modified))
