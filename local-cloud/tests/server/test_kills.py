"""SIGKILL at any moment, under load: nothing half made, nothing lost that was answered. With `-m slow`: 200 times."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest

from tests.conftest import running_cloud
from tests.server.load import Client, Remembered, check, prepare

CLIENTS = 3


def kill_under_load(home: Path, kills: int, seed: int) -> int:
    """Kill as often as that, check after each; how many jobs were answered as done in between."""
    moments = random.Random(seed)
    remembered = [Remembered(client) for client in range(CLIENTS)]
    counted = set[str]()
    with running_cloud(home) as cloud:
        prepare(cloud, CLIENTS)
    for kill in range(kills):
        with running_cloud(home) as cloud:
            check(cloud, remembered, counted)
            clients = [Client(cloud, mine, seed + kill) for mine in remembered]
            for client in clients:
                client.start()
            threading.Event().wait(moments.uniform(0.02, 0.6))  # the moment is the point: any may come
            cloud.kill()
            for client in clients:
                client.join(30)
                assert not client.is_alive() and not client.wrong, client.wrong
    with running_cloud(home) as cloud:
        check(cloud, remembered, set())  # at the end every table's rows, however old
    return sum(len(mine.done) for mine in remembered)


def seed() -> int:
    return int(os.environ.get("FAULT_SEED") or 20261122)


def test_kills_under_load_lose_nothing_that_was_answered(tmp_path: Path) -> None:
    assert kill_under_load(tmp_path / "home", 6, seed()) > 6, "there was load"


@pytest.mark.slow
def test_two_hundred_kills_under_load_lose_nothing_that_was_answered(tmp_path: Path) -> None:
    done = kill_under_load(tmp_path / "home", 200, seed() + 1)
    print(f"200 kills, {done} jobs answered as done, none lost")
    assert done > 200
