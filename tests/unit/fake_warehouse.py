"""A Warehouse with labels and canned rows that records its statements, for rules that need no SQL engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from imagesearch.gcp.bigquery import Parameter, QueryResult, Row, Warehouse
from imagesearch.gcp.sql import Identifier

Labels = dict[str, str]


@dataclass
class FakeWarehouse(Warehouse):
    """Rows are given by the header of the statement that asks for them."""

    labels: Labels
    tables_there: dict[str, Labels] = field(default_factory=dict)
    models_there: dict[str, Labels] = field(default_factory=dict)
    rows: dict[str, list[list[Row]]] = field(default_factory=dict)
    """By words of a statement's header: the rows of each time it is asked; the last ones go on."""
    asked: list[tuple[str, Sequence[Parameter]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    waited: bool = True

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> list[Row]:
        self.asked.append((sql, parameters))
        for words, answers in self.rows.items():
            if words in sql.splitlines()[0]:
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return []

    def query_with_job(self, sql: str, parameters: Sequence[Parameter] = ()) -> QueryResult:
        return QueryResult(self.query(sql, parameters), "a-job", 0.25, {})

    def run_once(
        self, sql: str, parameters: Sequence[Parameter] = (), *, key: str, consumed: Callable[[], bool], **_: Any
    ) -> None:
        self.asked.append((sql, parameters))
        self.keys.append(key)
        assert isinstance(consumed(), bool)

    def start_once(
        self, sql: str, parameters: Sequence[Parameter] = (), *, key: str, consumed: Callable[[], bool]
    ) -> Any:
        self.waited = False
        self.run_once(sql, parameters, key=key, consumed=consumed)

    def running(self, prefix: str) -> Iterator[Any]:
        return iter(())

    def tables(self, dataset: Identifier) -> list[Any]:
        return [
            SimpleNamespace(table_id=name.rsplit(".", 1)[-1], labels=labels)
            for name, labels in self.tables_there.items()
            if name.startswith(f"{dataset.path}.")
        ]

    def models(self, dataset: Identifier) -> list[Any]:
        return [
            SimpleNamespace(model_id=name.rsplit(".", 1)[-1], labels=labels)
            for name, labels in self.models_there.items()
            if name.startswith(f"{dataset.path}.")
        ]

    def table(self, name: Identifier) -> Any:
        return SimpleNamespace(labels=self.tables_there[name.path]) if name.path in self.tables_there else None

    def model(self, name: Identifier) -> Any:
        return SimpleNamespace(labels=self.models_there[name.path]) if name.path in self.models_there else None

    def label_table(self, name: Identifier, labels: Mapping[str, str]) -> None:
        self.tables_there[name.path] = {**self.tables_there.get(name.path, {}), **labels}

    def drop_table(self, name: Identifier) -> None:
        self.tables_there.pop(name.path, None)

    def drop_model(self, name: Identifier) -> None:
        self.models_there.pop(name.path, None)

    def ran(self, words: str) -> int:
        """How often a statement with these words in it ran."""
        return sum(words in sql for sql, _ in self.asked)
