"""One run of the test: its names, its bucket, its stack, and what it may cost.

Everything carries the run's name, so that whatever is left of a run that was killed can be told from all else:

    stack, bucket   imgsearch-test-<id>           bucket label    image-search-test = <id>
    dataset         imgsearch_test_<id>           dataset label   image-search-stack = image-search-imgsearch-test-<id>
    connection      imgsearch_test_<id>_images    description     Made by image-search for the stack …
    notebook        …imgsearch_test_<id>          label           as the dataset's
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from google.cloud import storage

from imagesearch.settings import prices
from tests.e2e.pictures import pictures
from tests.e2e.stack import CHECKOUT, PROGRAM
from tests.e2e.steps import Scene
from tests.gcp.place import Place

PREFIX = "imgsearch-test-"
LABEL = "image-search-test"
ACCOUNT = "service-account"
"""Object of the bucket that names the connection's service account, in case the connection goes before its grants."""
PICTURES = "pictures/"
ENDPOINT = "multimodalembedding@001"
LIMIT = 24
"""images.limit of the run: it has 14 objects at most, and none is embedded more than twice."""
TEXTS = 100
"""Texts that its searches embed in all its updates, at most."""
SEARCHES = [
    {"name": "musical-instrument", "text": "musical instrument", "topK": 3},
    {"name": "yellow-flower", "text": "a yellow flower", "topK": 3},
    {"name": "green-vegetable", "text": "green vegetable", "topK": 3},
]


def estimate() -> float:
    """Dollars that a run's embeddings cost at most; a text is reckoned as an image, which costs more."""
    return prices.estimate(ENDPOINT, 2 * LIMIT + TEXTS)


def budget() -> float:
    """What a run may cost, in dollars: GCP_BUDGET_USD."""
    return float(os.environ.get("GCP_BUDGET_USD") or 0.05)


def over_budget() -> str:
    """Why a run must not begin; empty when it may."""
    if estimate() <= budget():
        return ""
    return f"nothing was run: a run may cost ${estimate():.4f}, and GCP_BUDGET_USD is {budget():g}. Raise that."


def location() -> str:
    """Where a run on Google Cloud has its dataset and its bucket: GCP_LOCATION."""
    return os.environ.get("GCP_LOCATION") or "US"


@dataclass(frozen=True)
class Trial:
    """A run, in a folder of its own. Also a Program of tests/e2e/steps.py."""

    place: Place
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    timeout: float = 3600.0
    """Seconds that one command may take: a grant alone may need ten minutes on Google Cloud."""

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.id}"

    @property
    def dataset(self) -> str:
        return self.name.replace("-", "_")

    @cached_property
    def bucket(self) -> storage.Bucket:
        return self.place.storage.bucket(self.name)

    @property
    def scene(self) -> Scene:
        return Scene(self, self.bucket, self.place.bigquery, f"{self.place.project}.{self.dataset}", PICTURES)

    def settings(self) -> dict[str, Any]:
        """The stack's config."""
        return {
            "gcp:project": self.place.project,
            **self.place.config,
            "image-search:dataset": {"id": self.dataset, "location": self.place.location},
            "image-search:images": {"uris": [f"gs://{self.name}/{PICTURES}*"], "limit": LIMIT},
            "image-search:embedding": {
                "endpoint": ENDPOINT,
                "budgetUsd": min(budget(), prices.estimate(ENDPOINT, LIMIT)),
                "deadlineMinutes": 30,
            },
            "image-search:searches": SEARCHES,
        }

    def make_bucket(self) -> None:
        """The bucket with the photos, and nobody's but this run's."""
        bucket = self.place.storage.bucket(self.name)
        bucket.labels = {LABEL: self.id}
        bucket.iam_configuration.uniform_bucket_level_access_enabled = True
        self.place.storage.create_bucket(bucket, location=self.place.location)
        for name, (data, caption) in pictures().items():
            self.scene.put(name, data, caption)

    def make_stack(self) -> None:
        """The program with this run's config, and a stack whose state is in the run's folder."""
        (self.folder / "state").mkdir(parents=True)
        for name in PROGRAM:
            (self.folder / name).symlink_to(CHECKOUT / name)
        (self.folder / f"Pulumi.{self.name}.yaml").write_text(yaml.safe_dump({"config": self.settings()}))
        self.pulumi("stack", "init", self.name, stack=False)

    def note_account(self) -> None:
        """Keep the service account's name where the sweeper finds it when the connection is gone."""
        self.bucket.blob(ACCOUNT).upload_from_string(self.outputs()["service_account"])

    @cached_property
    def environment(self) -> Mapping[str, str]:
        mine = {
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",  # of a state that ends with the run
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_STACK": self.name,
            "GOOGLE_CLOUD_PROJECT": self.place.project,
        }
        return {**os.environ, "PATH": _path(), **self.place.environment, **mine}

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{shlex.join(command)} → {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def pulumi(self, *arguments: str, check: bool = True, stack: bool = True) -> subprocess.CompletedProcess[str]:
        chosen = ["--stack", self.name] if stack else []
        return self.run("pulumi", *arguments, *chosen, "--non-interactive", check=check)

    def up(self, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.pulumi("up", "--yes", "--skip-preview", *flags, check=check)

    def outputs(self) -> dict[str, Any]:
        return dict(json.loads(self.run(".venv/bin/python", "-m", "imagesearch", "status", "--json").stdout))

    def exports(self) -> dict[str, Any]:
        """The stack's outputs as the last `up` left them."""
        return dict(json.loads(self.pulumi("stack", "output", "--json").stdout))

    def resources(self) -> list[dict[str, Any]]:
        state = json.loads(self.pulumi("stack", "export").stdout)
        return list(state["deployment"].get("resources", []))


def _path() -> str:
    """PATH with the Pulumi CLI of `make setup` and the program's Python in front."""
    found = subprocess.run(
        [CHECKOUT / ".venv/bin/python", "-m", "offline.pulumi_cli", "path"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return os.pathsep.join(filter(None, [str(CHECKOUT / ".venv/bin"), found, os.environ["PATH"]]))
