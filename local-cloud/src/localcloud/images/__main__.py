"""`python -m localcloud.images`: put pictures into the local cloud, and keep them in step with where they come from.

    python -m localcloud.images                                 # the source used last, at first Tux Paint's stamps
    python -m localcloud.images ~/Pictures
    python -m localcloud.images gs://gcs-public-data--met/ --sample 300
    python -m localcloud.images tuxpaint --into /tmp/photos     # a folder instead of a bucket

Exit codes: 0 in step; 2 a mistake in the call or pictures that cannot be had, with one line that says which; 130 after
Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from localcloud.core.cache import write_atomically
from localcloud.core.home import DEFAULT_PROJECT, START, Home

try:  # the extra `images` may not be installed
    from localcloud.images import folder, into_bucket, into_folder, tuxpaint
    from localcloud.images.progress import Report
    from localcloud.images.selection import Selection, SourceError
except ModuleNotFoundError as missing:
    sys.exit(f"error: this needs {missing.name}; pip install 'image-search-localcloud[images]'")

_SAMPLE = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    report = Report()
    remembered = options.home / "images.json"
    try:
        endpoint = "" if options.into else _endpoint(options)
        source, sample = (options.source, _SAMPLE) if options.source else _recall(remembered)
        sample = options.sample or sample
        selection = _select(source, sample, report)
        if options.into:
            changes = into_folder.synchronise(selection, options.into, report)
        else:
            bucket = options.bucket.removeprefix("gs://").rstrip("/")
            changes = into_bucket.synchronise(selection, bucket, endpoint, options.project, report)
        write_atomically(remembered, json.dumps({"source": selection.source, "sample": sample}).encode())
    except (SourceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if selection.note:
        report.line(selection.note)
    what = f"{len(selection.pictures)} pictures of {selection.source} in {options.into or options.bucket}"
    print(f"{what}: {changes} ({time.monotonic() - started:.1f} s)")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud.images", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "source", nargs="?", default="", help="tuxpaint, a folder, or gs://bucket/prefix of a public one"
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--into", type=Path, metavar="FOLDER", help="copy the pictures into a folder")
    target.add_argument("--bucket", default="gs://demo-images", help="upload them into a bucket (%(default)s)")
    parser.add_argument("--endpoint", default="", help="the local cloud (the one that runs on HOME)")
    parser.add_argument("--project", default=DEFAULT_PROJECT, help="where a missing bucket is made (%(default)s)")
    parser.add_argument("--sample", type=_count, help=f"pictures of a public bucket ({_SAMPLE})")
    home = os.environ.get("LOCALCLOUD_HOME") or ".local"
    parser.add_argument("--home", type=Path, default=home, help="where the source is remembered (%(default)s)")
    return parser


def _endpoint(options: argparse.Namespace) -> str:
    """URL of the local cloud to upload to. Raises SourceError when none is named and none runs."""
    if options.endpoint:
        return str(options.endpoint)
    running = Home(options.home).running()
    if running is None:
        raise SourceError(f"no local cloud runs on {options.home}; start it: `{START}`")
    return running["url"]


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _recall(remembered: Path) -> tuple[str, int]:
    """The source used last and its sample; Tux Paint's stamps when there was none."""
    try:
        last = json.loads(remembered.read_text(encoding="utf-8"))
        return str(last["source"]), int(last["sample"])
    except FileNotFoundError:
        return tuxpaint.SOURCE, _SAMPLE
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"cannot read {remembered} ({error}); remove it, or name a source") from error


def _select(source: str, sample: int, report: Report) -> Selection:
    if source == tuxpaint.SOURCE:
        return tuxpaint.select(report)
    if source.startswith("gs://"):
        from localcloud.images import public_bucket  # Google's client takes longer to load than the rest to run

        return public_bucket.select(source, sample, report)
    return folder.select(Path(source))


if __name__ == "__main__":
    sys.exit(main())
