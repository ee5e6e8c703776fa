"""Take away what runs of the test that were killed have left in a project, and nothing that does not bear their marks.

    python -m tests.gcp.sweep PROJECT [--location US]             list it
    python -m tests.gcp.sweep PROJECT [--location US] --remove    list it, then remove it

A thing is a run's when its name and its mark (label, or description) both say so, and of the same run;
tests/gcp/trial.py has the marks. In a run's dataset only what carries the stack's labels goes, and the dataset only
when it is empty then. Grants are a run's when they are of the service account of its connection. APIs that were enabled
stay enabled. A run that is going on is listed like one that was killed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from requests import HTTPError, RequestException

from imagesearch.gcp.locations import vertex_location
from imagesearch.pipeline.ownership import MANAGED_BY, STACK
from tests.gcp.place import Place, google_cloud
from tests.gcp.trial import ACCOUNT, LABEL, PREFIX

_RUN = re.compile(rf"image-search-{PREFIX}([0-9a-f]{{8}})")
_MARK = re.compile(rf"Made by image-search for the stack {_RUN.pattern}\.")
_ACCOUNT = re.compile(r"bqcx-[\w-]+@gcp-sa-bigquery-condel\.iam\.gserviceaccount\.com")


@dataclass(frozen=True)
class Leftover:
    """Something that a run made."""

    kind: str
    name: str
    run: str
    remove: Callable[[], object]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def leftovers(place: Place, run: str = "") -> list[Leftover]:
    """What is there of one run, or of any, in the order in which it can be removed."""
    connections = [(id_, connection) for id_, connection in _connections(place) if run in ("", id_)]
    buckets = [(id_, bucket) for id_, bucket in _buckets(place) if run in ("", id_)]
    accounts = {connection["cloudResource"]["serviceAccountId"]: id_ for id_, connection in connections}
    accounts |= {account: id_ for id_, bucket in buckets if (account := _noted(bucket))}
    return [
        *_grants(place, accounts),
        *(item for item in (*_notebooks(place), *_datasets(place)) if run in ("", item.run)),
        *(_connection(place, id_, connection) for id_, connection in connections),
        *(Leftover("bucket", bucket.name, id_, partial(bucket.delete, force=True)) for id_, bucket in buckets),
    ]


def sweep(place: Place, run: str = "", say: Callable[[str], None] = print) -> list[str]:
    """Remove what is there of one run, or of any. What could not be removed, each with the reason."""
    stayed = []
    for item in leftovers(place, run):
        try:
            item.remove()
            say(f"removed {item}")
        except (GoogleAPICallError, RequestException, NotEmpty, ValueError) as error:
            stayed.append(f"{item} ({' '.join(str(error).split())})")
    return stayed


class NotEmpty(Exception):
    """A dataset of a run holds what the run did not make."""


def _datasets(place: Place) -> Iterator[Leftover]:
    for item in place.bigquery.list_datasets(filter=f"labels.{MANAGED_BY[0]}:{MANAGED_BY[1]}"):
        found = _RUN.fullmatch(item.labels.get(STACK, ""))
        if found and item.dataset_id == f"{PREFIX}{found[1]}".replace("-", "_"):
            remove = _Dataset(place, item.dataset_id, item.labels[STACK])
            yield Leftover("dataset", f"{place.project}.{item.dataset_id}", found[1], remove)


@dataclass(frozen=True)
class _Dataset:
    """Removes a run's dataset with the tables and models that carry the stack's label."""

    place: Place
    dataset: str
    stack: str

    def __call__(self) -> None:
        client, name = self.place.bigquery, f"{self.place.project}.{self.dataset}"
        for table in client.list_tables(name):
            if self._mine(table.labels):
                client.delete_table(table.reference, not_found_ok=True)
        for model in client.list_models(name):
            unlabelled = not model.labels and model.model_id == "multimodal_embedding_model"  # killed in between
            if self._mine(model.labels) or unlabelled:
                client.delete_model(model.reference, not_found_ok=True)
        if left := [table.table_id for table in client.list_tables(name)] + _models(client, name):
            raise NotEmpty(f"it holds {', '.join(sorted(left))}, which the test did not make")
        client.delete_dataset(name, not_found_ok=True)

    def _mine(self, labels: dict[str, str]) -> bool:
        return labels.get(MANAGED_BY[0]) == MANAGED_BY[1] and labels.get(STACK) == self.stack


def _models(client: bigquery.Client, dataset: str) -> list[str]:
    return [model.model_id for model in client.list_models(dataset)]


def _connections(place: Place) -> Iterator[tuple[str, dict[str, Any]]]:
    path = f"projects/{place.project}/locations/{place.location.lower()}/connections?pageSize=1000"
    for connection in _listed(place, "bigqueryConnectionCustomEndpoint", path).get("connections", []):
        mark = _MARK.fullmatch(connection.get("description", ""))
        name = connection["name"].rsplit("/", 1)[-1]
        if mark and name == f"{PREFIX}{mark[1]}_images".replace("-", "_"):
            yield mark[1], connection


def _notebooks(place: Place) -> Iterator[Leftover]:
    """A stack's notebook is a repository with its labels, in the region that serves the location."""
    path = f"projects/{place.project}/locations/{vertex_location(place.location)}/repositories?pageSize=1000"
    for repository in _listed(place, "dataformCustomEndpoint", path).get("repositories", []):
        found = _RUN.fullmatch(repository.get("labels", {}).get(STACK, ""))
        if found and repository["name"].endswith(f"{PREFIX}{found[1]}".replace("-", "_")):
            remove = partial(place.ask, "DELETE", "dataformCustomEndpoint", f"{repository['name']}?force=true")
            yield Leftover("notebook", repository["name"].rsplit("/", 1)[-1], found[1], remove)


def _listed(place: Place, setting: str, path: str) -> dict[str, Any]:
    """What a service lists; nothing where it is not enabled, for then there is nothing."""
    try:
        return place.ask("GET", setting, path)
    except HTTPError as error:
        if "SERVICE_DISABLED" in error.response.text:
            return {}
        raise


def _connection(place: Place, run: str, connection: dict[str, Any]) -> Leftover:
    remove = partial(place.ask, "DELETE", "bigqueryConnectionCustomEndpoint", connection["name"])
    return Leftover("connection", connection["name"].rsplit("/", 1)[-1], run, remove)


def _buckets(place: Place) -> Iterator[tuple[str, Any]]:
    for bucket in place.storage.list_buckets(prefix=PREFIX):
        if (run := bucket.labels.get(LABEL, "")) and bucket.name == f"{PREFIX}{run}":
            yield run, bucket


def _noted(bucket: Any) -> str:
    """The service account that the run noted in its bucket."""
    try:
        noted = str(bucket.blob(ACCOUNT).download_as_text())
    except NotFound:
        return ""
    return noted if _ACCOUNT.fullmatch(noted) else ""  # of nobody else


def _grants(place: Place, accounts: dict[str, str]) -> Iterator[Leftover]:
    if not accounts:
        return
    policy = place.ask("POST", "resourceManagerCustomEndpoint", f"projects/{place.project}:getIamPolicy", _POLICY)
    for role, member in bound(policy, accounts):
        account = account_of(member)
        yield Leftover("grant", f"{role} to {member}", accounts[account], partial(_revoke, place, account))


_POLICY = {"options": {"requestedPolicyVersion": 3}}


def _revoke(place: Place, account: str) -> None:
    """Take every binding of the account out of the project's policy: read, modify, write under the etag."""
    path = f"projects/{place.project}"
    policy = place.ask("POST", "resourceManagerCustomEndpoint", f"{path}:getIamPolicy", _POLICY)
    place.ask("POST", "resourceManagerCustomEndpoint", f"{path}:setIamPolicy", {"policy": without(policy, account)})


def bound(policy: dict[str, Any], accounts: Iterable[str]) -> list[tuple[str, str]]:
    """Role and member of every binding of these service accounts, also of those that are deleted since."""
    wanted = set(accounts)
    return [
        (binding["role"], member)
        for binding in policy.get("bindings", [])
        for member in binding.get("members", [])
        if account_of(member) in wanted
    ]


def without(policy: dict[str, Any], account: str) -> dict[str, Any]:
    """The policy without the bindings of a service account, all else as it is."""
    bindings = []
    for binding in policy.get("bindings", []):
        members = [member for member in binding.get("members", []) if account_of(member) != account]
        if members:
            bindings.append({**binding, "members": members})
    return {**policy, "bindings": bindings}


def account_of(member: str) -> str:
    """The e-mail of a service account; deleted ones are `deleted:serviceAccount:EMAIL?uid=…`. Empty for others."""
    found = re.fullmatch(r"(?:deleted:)?serviceAccount:([^?]+)(?:\?uid=\d+)?", member)
    return found[1] if found else ""


def main(arguments: list[str] | None = None, at: Callable[[str, str], Place] = google_cloud) -> int:
    """The command. The exit code: 0 done, 1 something stayed or could not be asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.gcp.sweep", description=__doc__.splitlines()[0])
    parser.add_argument("project")
    parser.add_argument("--location", default="US", help="where the test ran (default US)")
    parser.add_argument("--remove", action="store_true", help="remove what is listed")
    options = parser.parse_args(arguments)
    try:
        place = at(options.project, options.location)
        found = leftovers(place)
        print("\n".join(map(str, found)) or f"Nothing of the test is left in {options.project}.")
        stayed = sweep(place) if options.remove else []
    except (GoogleAuthError, GoogleAPICallError, RequestException) as error:
        print(f"error: {options.project} could not be asked: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    if found and not options.remove:
        print("Nothing was removed. To remove this, add --remove.")
    for item in stayed:
        print(f"stays: {item}", file=sys.stderr)
    return 1 if stayed else 0


if __name__ == "__main__":
    sys.exit(main())
