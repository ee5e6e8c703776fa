"""Where a process is killed: the steps of an `up` that takes a stack from nothing to search results, by their requests.

A seed chooses for every step which process is killed there, and whether the request has been handled by then.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

SEED = int(os.environ.get("FAULT_SEED") or "20261122")
VICTIMS = ("provider", "engine", "cloud")
ANYWHERE = 6
"""Points that are any request of a run, by its number."""
_REQUESTS = 60
"""Requests of such a run, about."""


@dataclass(frozen=True)
class Step:
    """A request of a run, or the embedding job itself (`job`)."""

    name: str
    method: str | None = None
    path: str = "."
    body: str = ""
    skip: int = 0
    job: bool = False


STEPS = (
    Step("look at the APIs", "GET", "^/serviceusage/"),
    Step("create the dataset", "POST", "/datasets$"),
    Step("create the connection", "POST", "/connections$"),
    Step("grant the project role", "POST", ":setIamPolicy$"),
    Step("grant a bucket role", "PUT", "/iam$"),
    Step("create the object table", "POST", "/tables$"),
    Step("create the model", "POST", "/queries$", r"REPLACE MODEL"),
    Step("label the model", "PATCH", "/models/"),
    Step("create the embeddings", "POST", "/queries$", r"CREATE TABLE IF NOT EXISTS [^ ]*met_image_embeddings`"),
    Step("create the failures", "POST", "/queries$", r"CREATE TABLE IF NOT EXISTS [^ ]*met_image_failures`"),
    Step("look for running jobs", "GET", "/jobs$"),
    Step("count the images", "POST", "/queries$", r"AS beyond_limit"),
    Step("select a batch", "POST", "/queries$", r"@batch_size"),
    Step("submit the batch", "POST", "/jobs$", r"imagesearch-embed"),
    Step("poll the job", "GET", "/jobs/imagesearch-embed"),
    Step("merge the batch", "POST", "/queries$", r"MERGE [^ ]*met_image_embeddings`"),
    Step("record failures", "POST", "/queries$", r"MERGE [^ ]*met_image_failures`"),
    Step("count what was paid", "PATCH", "/tables/met_image_embeddings$"),
    Step("drop the staging table", "DELETE", "_staging_"),
    Step("embed the searches", "POST", "/queries$", r"search_embedding`.*GENERATE_EMBEDDING"),
    Step("search", "POST", "/queries$", r"vector_search_results`.*VECTOR_SEARCH"),
    Step("create the notebook", "POST", "/repositories$"),
    Step("commit the notebook", "POST", ":commit$"),
)
JOB = Step("the embedding job", job=True)


@dataclass(frozen=True)
class Point:
    """Who is killed, where, and when: before the request (or the job's statement) is handled, or after."""

    victim: str
    step: Step
    when: str

    def __str__(self) -> str:
        return f"{self.victim} {self.when} {self.step.name}"

    @property
    def fault(self) -> dict[str, Any]:
        """What the local cloud is told: to end itself there, or to hold the request while another process is killed."""
        act = {"when": self.when, **({"kill": True} if self.victim == "cloud" else {"hold": True})}
        if self.step.job:
            return {"jobs": {"id": "imagesearch-embed", **act}}
        step = self.step
        request = {"path": step.path, "body": f"(?s){step.body}", "skip": step.skip}
        return {**request, **act, **({"method": step.method} if step.method else {})}


REPRESENTATIVES = (
    Point("provider", STEPS[13], "after"),
    Point("engine", STEPS[15], "before"),
    Point("cloud", JOB, "after"),
)
"""One a victim, for every run of the tests: after the job is submitted, before its rows are merged, and when its rows
are paid and not yet written."""


def chosen(seed: int) -> list[Point]:
    """Every step once, and some requests by their number."""
    dice = random.Random(seed)
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(len(STEPS))]
    dice.shuffle(victims)
    points = [
        Point(victim, step, dice.choice(("before", "after"))) for victim, step in zip(victims, STEPS, strict=True)
    ]
    points.append(Point("cloud", JOB, "before"))
    for number in range(ANYWHERE):
        skip = dice.randrange(_REQUESTS)
        step = Step(f"request {skip}", skip=skip)
        points.append(Point(VICTIMS[number % len(VICTIMS)], step, dice.choice(("before", "after"))))
    return [point for point in points if point not in REPRESENTATIVES]
