"""docs/faults.md names every fault, control route and setting, and its examples are accepted."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from localcloud.core.clock import Clock
from localcloud.core.faults import JOB_REASONS, Faults, JobFault, RequestFault, RowFault
from localcloud.core.store import Store
from localcloud.http.context import Context, Settings
from localcloud.server import control
from tests.conftest import PROJECT_FOLDER, RunningCloud
from tests.server.test_cli import localcloud

PAGE = (PROJECT_FOLDER / "docs" / "faults.md").read_text()
EXAMPLES: list[dict[str, Any]] = [json.loads(found) for found in re.findall(r"^\| `(\{.*?\})` \|", PAGE, re.MULTILINE)]


@pytest.mark.parametrize("example", EXAMPLES, ids=json.dumps)
def test_every_example_of_a_fault_is_one(example: dict[str, Any]) -> None:
    faults = Faults()
    faults.add(example)
    assert sum(len(plan) for plan in faults.describe().values()) == 1


def test_every_field_of_every_fault_stands_in_an_example() -> None:
    told = {"request": set[str](), "jobs": set[str](), "rows": set[str]()}
    for example in EXAMPLES:
        kind = next((name for name in ("jobs", "rows") if name in example), "request")
        told[kind] |= set(example.get(kind, example))
    for kind, fault in (("request", RequestFault), ("jobs", JobFault), ("rows", RowFault)):
        assert {field.name for field in fields(fault)} - {"seen"} == told[kind]
    assert any(reason in PAGE for reason in JOB_REASONS)


def test_every_control_route_is_described_with_a_body_that_it_takes(cloud: RunningCloud, tmp_path: Path) -> None:
    context = Context(tmp_path, Store(), Clock(), "http://127.0.0.1:1")
    routes = [control.health(context, str), *control.routes(context, dict, str, dict)]
    context.store.close()
    served = {f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}}
    rows = re.findall(r"^\| `((?:GET|POST|DELETE) /[^`]+)` \| (.*?) \|", PAGE, re.MULTILINE)
    assert {request for request, _ in rows} == served
    for request, bodies in rows:
        method, path = request.split()
        for body in re.findall(r"`(\{.*?\})`", bodies) or ["{}"]:
            if path.startswith("/control/"):
                cloud.control(
                    path.removeprefix("/control/"), json.loads(body) if method == "POST" else None, method=method
                )


def test_every_setting_is_described_with_what_it_usually_is() -> None:
    described = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
    for setting in fields(Settings):
        default = setting.default
        usual = {"False": "off", "None": "the quota"}.get(str(default), str(default).removesuffix(".0"))
        assert described[setting.name].removesuffix(" s") == usual


def test_the_command_sets_shows_and_clears_the_plan(cloud: RunningCloud) -> None:
    cloud.changed = True
    fault = {"rows": {"rate": 0.3, "seed": 7}}
    assert localcloud("fault", json.dumps(fault), home=cloud.home).returncode == 0
    shown = json.loads(localcloud("fault", home=cloud.home).stdout)
    assert [(row["rate"], row["seed"]) for row in shown["rows"]] == [(0.3, 7)]
    assert json.loads(localcloud("fault", "--clear", home=cloud.home).stdout)["rows"] == []
    for wrong, why in (('{"path": "("}', "path is no regular expression"), ("{", "is no JSON")):
        refused = localcloud("fault", wrong, home=cloud.home)
        assert (refused.returncode, why in refused.stderr) == (1, True), refused.stderr
        assert "Traceback" not in refused.stderr
