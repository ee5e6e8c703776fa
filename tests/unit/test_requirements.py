"""The versions pinned for this repository satisfy the requirements of the local cloud's package."""

from __future__ import annotations

import tomllib

from packaging.requirements import Requirement

from tests.checkout import CHECKOUT


def test_the_versions_tested_here_are_within_what_the_local_cloud_asks_for() -> None:
    project = tomllib.loads((CHECKOUT / "local-cloud/pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    pinned = dict(
        line.split("#")[0].strip().split("==")
        for file in ("requirements.txt", "requirements-dev.txt")
        for line in (CHECKOUT / file).read_text().splitlines()
        if "==" in line
    )
    for asked in map(Requirement, [*project["dependencies"], *extras]):
        if asked.name in pinned:
            assert asked.specifier.contains(pinned[asked.name]), f"{asked}, but {pinned[asked.name]} is tested"
