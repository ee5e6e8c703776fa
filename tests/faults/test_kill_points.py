"""Death anywhere: whoever is killed wherever in an `up`, the next plain `up` finishes, and nothing is paid twice.

Only a job that died with the local cloud after it had paid, and before it had written, is paid again: at most one job's
rows. With the real engine.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.faults.conftest import Note
from tests.faults.killing import IMAGES, NAMES, Subject
from tests.faults.points import REPRESENTATIVES, SEED, Point, chosen

POINTS = [
    *(pytest.param(point, id=str(point)) for point in REPRESENTATIVES),
    *(pytest.param(point, id=str(point), marks=pytest.mark.slow) for point in chosen(SEED)),
]


@pytest.mark.parametrize("point", POINTS)
def test_the_next_up_finishes_what_a_killed_one_began(point: Point, subject: Subject, note: Note) -> None:
    subject.new_pictures()
    before, began = subject.ledger()["per_object"], datetime.now(UTC)
    code = subject.broken_up(point)
    locked = subject.unlock()
    subject.plain_up()
    paid = {uri: n - before.get(uri, 0) for uri, n in subject.ledger()["per_object"].items()}
    lost_jobs = subject.lost_jobs(began)
    stored = subject.stored()
    assert subject.staging_tables() == []
    subject.plain_up("--expect-no-changes")
    subject.pulumi("destroy", "--yes", "--skip-preview")
    twice = sum(paid.values()) - IMAGES
    then = "went on by itself" if code == 0 else "was killed, left a lock" if locked else "failed"
    note(str(point), then, len(set(NAMES) & set(stored)), IMAGES, twice)
    assert stored == NAMES, "every image once"
    assert set(paid.values()) <= {1, 2} and twice <= lost_jobs * IMAGES and lost_jobs <= 1
    assert point.victim == "cloud" or twice == 0, "a job survives those who wait for it"
    assert locked == (point.victim == "engine")
    assert subject.remains() == {}
    subject.clean = True
