"""The analyzer against Google's own: signatures, rules, and statements at random with the types and rows they give."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zetasql.types as z
from zetasql.core.local_service import ZetaSqlLocalService

from localcloud.core.errors import ApiError, Unsupported
from localcloud.core.ports import Statement
from localcloud.core.store import Store
from localcloud.engine.table_schemas import analyze
from localcloud.googlesql import grammar
from localcloud.googlesql.analysis import unsupported
from localcloud.googlesql.analysis.signatures import Argument, functions
from localcloud.googlesql.types import Type
from tests.sql.conftest import SmallCloud, Warehouse
from tests.sql.corpus import tables
from tests.sql.random_statements import TABLES, Statements
from tests.sql.reference import Reference, Refused

HERE = {"default_dataset": ("p", "d")}
_SAME, _NARROWER = (
    [line for line in part.splitlines() if line[:1].isalpha() and not line.startswith("S/")]
    for part in Path(__file__)
    .with_name("rules.sql")
    .read_text()
    .split("\n\n-- Narrower than ZetaSQL: BigQuery's documentation. ")
)
#: GoogleSQL functions that BigQuery documents and the open-source ZetaSQL does not have.
_BIGQUERYS_OWN = {"CONTAINS_SUBSTR"}
#: Other names for what ZetaSQL has under one.
_ALIASES = {
    "CEILING": "CEIL", "POWER": "POW", "CHARACTER_LENGTH": "CHAR_LENGTH", "SUBSTRING": "SUBSTR",
    "STDDEV": "STDDEV_SAMP", "VARIANCE": "VAR_SAMP",
}  # fmt: skip


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Warehouse, Reference]]:
    store = Store()
    warehouse, reference = Warehouse(store, SmallCloud()), Reference()
    for table, query in (tables() | TABLES).items():
        warehouse.run(f"CREATE TABLE {table} AS\n{query}", **HERE)
        reference.make(table, query)
    yield warehouse, reference
    store.close()


# Signatures


def test_no_function_is_both_supported_and_refused_as_unsupported() -> None:
    assert {name for name in functions() if unsupported.is_unsupported(name)} == set()


def test_every_signature_is_one_of_zetasqls() -> None:
    known = _zetasqls()
    for function in functions().values():
        name = _ALIASES.get(function.name, function.name)
        if function.name in _BIGQUERYS_OWN or name == "$IS_NULL":
            continue
        for signature in function.signatures:
            arguments = [_spelled(one) for one in signature.arguments]
            least = sum(not one.endswith("?") for one in arguments)
            for count in range(least, len(arguments) + 1):
                ours = ([one.rstrip("?") for one in arguments[:count]], _spelled(signature.result))
                assert any(_agree(ours, theirs) for theirs in known[name]), (function.name, ours, known[name])


def _zetasqls() -> dict[str, list[tuple[tuple[str, ...], str]]]:
    language = z.LanguageOptions.maximum_features()
    language.product_mode = z.ProductMode.PRODUCT_EXTERNAL
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for function in ZetaSqlLocalService.get_instance().get_builtin_functions(language_options=language).function:
        for one in function.signature:
            arguments = tuple(_theirs(argument) for argument in one.argument)
            found.setdefault(".".join(function.name_path).upper(), []).append((arguments, _theirs(one.return_type)))
    return found


def _spelled(argument: Argument) -> str:
    """An argument as the comparison spells it: type, `?` for optional, `*` for repeated; T for whatever agrees."""
    if argument.part:
        kind = "PART"
    elif argument.kind is not None:
        kind = argument.kind.sql()
    else:
        kind = "ARRAY" if argument.array else "T" if argument.template else "ANY"
    return kind + "?" * argument.optional + "*" * argument.repeated


def _theirs(argument: Any) -> str:
    kinds = {"ARG_TYPE_ANY_1": "T", "ARG_TYPE_ANY_2": "T", "ARG_ARRAY_TYPE_ANY_1": "ARRAY", "ARG_TYPE_ARBITRARY": "ANY"}
    kind = _type(argument.type) if argument.kind.name == "ARG_TYPE_FIXED" else kinds.get(argument.kind.name, "OTHER")
    cardinality = argument.options.cardinality.name
    return kind + "?" * (cardinality == "OPTIONAL") + "*" * (cardinality == "REPEATED")


def _type(kind: Any) -> str:
    name = kind.type_kind.name.removeprefix("TYPE_")
    if name == "ARRAY":
        return f"ARRAY<{_type(kind.array_type.element_type)}>"
    return {"DOUBLE": "FLOAT64", "ENUM": "PART"}.get(name, name)


def _agree(ours: tuple[list[str], str], theirs: tuple[tuple[str, ...], str]) -> bool:
    """Whether ours is theirs, or theirs with fewer of the arguments that may be left out or repeated."""
    given, wanted = ours[0], list(theirs[0])
    if wanted and wanted[-1].endswith("*"):
        last = wanted.pop()
        wanted += [last.rstrip("*")] * (len(given) - len(wanted) - given[-1:].count(last)) + [last]
    rest = wanted[len(given) :]
    same = given == [one.rstrip("?") for one in wanted[: len(given)]]
    return same and ours[1] == theirs[1] and all(one.endswith(("?", "*")) for one in rest)


# Rules


@pytest.mark.parametrize("text", _SAME)
def test_a_rule_is_zetasqls(both: tuple[Warehouse, Reference], text: str) -> None:
    ours, theirs = _refusal(both[0], text), _refused(both[1], text)
    assert (ours is None) == (theirs is None), (ours, theirs)


@pytest.mark.parametrize("text", _NARROWER)
def test_a_rule_of_bigquerys_documentation_is_kept(both: tuple[Warehouse, Reference], text: str) -> None:
    assert _refusal(both[0], text) is not None
    assert _refused(both[1], text) is None


def test_most_refusals_are_in_zetasqls_words(both: tuple[Warehouse, Reference]) -> None:
    pairs = [(_refusal(both[0], text), _refused(both[1], text)) for text in _SAME]
    refused = [(_first(ours), _first(theirs)) for ours, theirs in pairs if ours and theirs]
    other = [pair for pair in refused if not pair[0].startswith(pair[1]) and not pair[1].startswith(pair[0])]
    assert len(refused) > 100
    assert len(other) / len(refused) < 0.2, other


def _refusal(warehouse: Warehouse, text: str) -> str | None:
    """What the analyzer says of it; None when it takes it."""
    statement = Statement(text, "p", "US", "user:you@example.com", default_dataset=("p", "d"))
    try:
        analyze(grammar.read(text), statement, warehouse.store)
    except Unsupported:
        raise
    except ApiError as error:
        return error.message
    return None


def _refused(reference: Reference, text: str) -> str | None:
    try:
        reference.takes(text)
    except Refused as refusal:
        return str(refusal)
    return None


def _first(message: str) -> str:
    line = message.split("\n")[0].removeprefix("[INVALID_ARGUMENT] ")
    line = re.sub(r" at \[\d+:\d+\]$", "", line)
    return re.sub(r"(\.? Supported signature|; Did you mean).*", "", line).rstrip(".")


# At random


@pytest.mark.parametrize("seed", range(3))
def test_what_is_taken_is_taken_by_zetasql_with_the_same_types_and_rows(
    both: tuple[Warehouse, Reference], seed: int
) -> None:
    assert _checked(both, Statements(seed, careless=0.04), 150) > 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_what_is_taken_of_very_many_is_taken_by_zetasql_with_the_same_types_and_rows(
    both: tuple[Warehouse, Reference], seed: int
) -> None:
    assert _checked(both, Statements(seed, careless=0.08), 250) > 20


def _checked(both: tuple[Warehouse, Reference], statements: Statements, count: int) -> int:
    """How many of the statements gave the same rows."""
    warehouse, reference = both
    same = 0
    for _ in range(count):
        text = statements.one()
        try:
            outcome = warehouse.run(text, **HERE)
        except ApiError as error:
            assert error.code in (400, 501), (error, text)
            continue
        same += _agrees(warehouse, reference, text, outcome)
    return same


def _agrees(warehouse: Warehouse, reference: Reference, text: str, outcome: Any) -> bool:
    """Whether there are rows to compare; they are the same then, and their columns of the same types."""
    analyzed = reference.analyze(text)  # raises Refused, with the statement, when ZetaSQL does not take it
    wanted = [_type(column.column.type) for column in analyzed.output_column_list]
    fields = outcome.schema["fields"]
    kinds = [Type(_SQL.get(field["type"], field["type"]), array=field["mode"] == "REPEATED") for field in fields]
    assert [kind.sql().replace("STRUCT<>", "STRUCT") for kind in kinds] == [_float(kind) for kind in wanted], text
    try:
        given = reference.rows(text)
    except Refused as refusal:
        # What is looked at first is promised nowhere: NULLIF(NULL, 1 / 0) may be an error and may not.
        assert re.search("UNIMPLEMENTED|OUT_OF_RANGE|UNKNOWN", str(refusal)), (refusal, text)
        return False
    assert outcome.result_table is not None
    found = [_comparable(row) for row in warehouse.rows(text, **HERE)]
    assert sorted(map(repr, found)) == sorted(map(repr, map(_comparable, given))), text
    return True


_SQL = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def _float(kind: str) -> str:
    """ZetaSQL takes a bare NULL for a 32-bit number, which BigQuery does not have."""
    return re.sub(r"\bFLOAT\b", "FLOAT64", kind)


def _comparable(value: Any) -> Any:
    """Numbers to 12 digits; a NULL array is an empty one."""
    if isinstance(value, (list, tuple)):
        return [_comparable(item) for item in value] or None
    try:
        return f"{float(value):.12g}" if isinstance(value, str) else value
    except ValueError:
        return value
