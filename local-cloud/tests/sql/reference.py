"""Google's own analyzer and reference evaluator (ZetaSQL, from PyPI) over tables of ours.

Called by its messages: the package's classes above them lose TIMESTAMP values and send the whole catalog every time.
"""

from __future__ import annotations

import base64
import re
import struct as struct_module
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import zetasql.types as z
from zetasql.api import CatalogBuilder
from zetasql.core.exceptions import ZetaSQLError
from zetasql.core.local_service import ZetaSqlLocalService, local_service_pb2

import localcloud.testing.zetasql  # noqa: F401  compiled once, before the first call
from localcloud.testing.zetasql import array, scalar, struct

Parameters = Sequence[Mapping[str, Any]]
"""Query parameters as REST sends them."""


class Refused(Exception):
    """ZetaSQL does not take the statement, or fails while it runs."""


class Reference:
    """GoogleSQL as Google implements it, over tables that `make` made."""

    def __init__(self) -> None:
        self._language = z.LanguageOptions.maximum_features()
        self._language.product_mode = z.ProductMode.PRODUCT_EXTERNAL
        self._language.supported_statement_kinds = None
        self._language.reserved_keywords = ["QUALIFY"]  # as in BigQuery (S/lexical)
        functions = z.ZetaSQLBuiltinFunctionOptions(language_options=self._language)
        self._catalog = CatalogBuilder("here").with_builtin_functions(functions).build()
        self._contents: dict[str, Any] = {}
        self._registered: int | None = None
        self._taken: set[str] = set()
        """Statements, with their parameters, that the analyzer took: each takes it 30 ms."""

    def make(self, table: str, query: str) -> None:
        """A table with the rows of a query, which may read tables made before."""
        columns = [(column.name, column.column.type) for column in self.analyze(query).output_column_list]
        content = self._evaluate(query, ()).content
        members = [z.SimpleColumn(name=name, type=kind, is_writable_column=True) for name, kind in columns]
        self._catalog.table = [*(self._catalog.table or []), z.SimpleTable(name=table, column=members)]
        self._contents[table] = content
        self._registered = None
        self._taken.clear()

    def analyze(self, statement: str, parameters: Parameters = ()) -> Any:
        """The resolved statement. Raises Refused."""
        answer = self._call("Analyze", local_service_pb2.AnalyzeRequest, statement, parameters)
        self._taken.add(repr((statement, parameters)))
        return z.parse_proto(answer).as_type(z.AnalyzeResponse).resolved_statement

    def takes(self, statement: str, parameters: Parameters = ()) -> None:
        """Raises Refused unless the analyzer takes the statement."""
        asked = repr((statement, parameters))
        if asked not in self._taken:
            self._call("Analyze", local_service_pb2.AnalyzeRequest, statement, parameters)
            self._taken.add(asked)

    def rows(self, query: str, parameters: Parameters = ()) -> list[Any]:
        """The answer, cells spelled as REST does, ARRAYs as lists and STRUCTs as tuples. Raises Refused."""
        rows = self._evaluate(query, parameters).content.table_data.row
        return [tuple(_plain(cell) for cell in row.cell) for row in rows]

    def _evaluate(self, query: str, parameters: Parameters) -> Any:
        self.takes(query, parameters)
        return self._call("EvaluateQuery", local_service_pb2.EvaluateQueryRequest, _with_values(query, parameters), ())

    def _call(self, method: str, kind: Any, statement: str, parameters: Parameters) -> Any:
        wasm = ZetaSqlLocalService.get_instance().wasm_client
        if self._registered is None:
            catalog = local_service_pb2.RegisterCatalogRequest(simple_catalog=self._catalog.to_proto())
            for table, content in self._contents.items():
                catalog.table_content[table].CopyFrom(content)
            name = "ZetaSqlLocalService_RegisterCatalog"
            self._registered = wasm.call_grpc_func(name, catalog, local_service_pb2.RegisterResponse).registered_id
        request = kind(options=self._options(parameters).to_proto(), registered_catalog_id=self._registered)
        setattr(request, "sql_statement" if method == "Analyze" else "sql", statement)
        answer = getattr(local_service_pb2, f"{method}Response")
        try:
            return wasm.call_grpc_func(f"ZetaSqlLocalService_{method}", request, answer)
        except ZetaSQLError as error:
            raise Refused(str(error)) from None

    def _options(self, parameters: Parameters) -> z.AnalyzerOptions:
        declared = [(one.get("name", ""), _declared(one["parameterType"])) for one in parameters]
        named = [z.AnalyzerOptions.QueryParameter(name=name, type=kind) for name, kind in declared if name]
        positional = [kind for name, kind in declared if not name]
        mode = z.ParameterMode.PARAMETER_POSITIONAL if positional else z.ParameterMode.PARAMETER_NAMED
        return z.AnalyzerOptions(
            language_options=self._language,
            default_timezone="UTC",
            query_parameters=named,
            positional_query_parameters=positional,
            parameter_mode=mode,
        )


def _declared(kind: Mapping[str, Any]) -> Any:
    if kind["type"] == "ARRAY":
        return array(_declared(kind["arrayType"]))
    if kind["type"] == "STRUCT":
        return struct({member["name"]: _declared(member["type"]) for member in kind["structTypes"]})
    return scalar(kind["type"])


def _with_values(query: str, parameters: Parameters) -> str:
    """The query with the values of its parameters in their places."""
    for one in parameters:
        literal = _literal(one["parameterType"], one["parameterValue"]).replace("\\", r"\\")
        name = one.get("name")
        query = (
            re.sub(rf"@{name}\b", literal, query, flags=re.IGNORECASE)
            if name
            else re.sub(r"\?", literal, query, count=1)
        )
    return query


def _literal(kind: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    if kind["type"] == "ARRAY":
        items = ", ".join(_literal(kind["arrayType"], item) for item in value.get("arrayValues", []))
        return f"CAST([{items}] AS {_spelled(kind)})"
    if kind["type"] == "STRUCT":
        members = kind["structTypes"]
        items = ", ".join(_literal(one["type"], value["structValues"][one["name"]]) for one in members)
        return f"CAST(({items}) AS {_spelled(kind)})"
    given = value.get("value")
    if kind["type"] == "BYTES" and given is not None:
        return f"FROM_BASE64({given!r})"
    return f"CAST({'NULL' if given is None else repr(str(given))} AS {kind['type']})"


def _spelled(kind: Mapping[str, Any]) -> str:
    if kind["type"] == "ARRAY":
        return f"ARRAY<{_spelled(kind['arrayType'])}>"
    if kind["type"] == "STRUCT":
        return f"STRUCT<{', '.join(one['name'] + ' ' + _spelled(one['type']) for one in kind['structTypes'])}>"
    return str(kind["type"])


def _plain(value: Any) -> Any:
    """A ZetaSQL value as the local cloud's REST answers spell it."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "array_value":
        return [_plain(item) for item in found.element]
    if kind == "struct_value":
        return tuple(_plain(item) for item in found.field)
    if kind == "bool_value":
        return "true" if found else "false"
    if kind == "bytes_value":
        return base64.b64encode(found).decode()
    if kind == "date_value":
        return str(date(1970, 1, 1) + timedelta(days=found))
    if kind == "timestamp_value":
        return str(found.seconds * 1_000_000 + found.nanos // 1000)
    if kind == "numeric_value":
        return _trimmed(Decimal(int.from_bytes(found, "little", signed=True)).scaleb(-9))
    if kind == "datetime_value":
        packed = found.bit_field_datetime_seconds
        day = date(packed >> 26, packed >> 22 & 15, packed >> 17 & 31)
        return f"{day}T{_clock(packed & 0x1FFFF, found.nanos)}"
    if kind == "time_value":
        return _clock(found >> 30, found & 0x3FFFFFFF)
    if kind == "interval_value":
        return _interval(found)
    return str(found)


def _trimmed(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _clock(packed: int, nanos: int) -> str:
    """A time of day from its bit field: 5 bits of hours, 6 of minutes, 6 of seconds."""
    fraction = f".{nanos // 1000:06d}" if nanos else ""
    return f"{packed >> 12 & 31:02d}:{packed >> 6 & 63:02d}:{packed & 63:02d}{fraction}"


def _interval(packed: bytes) -> str:
    """An INTERVAL in its canonical form, from microseconds, days, and months with nanoseconds."""
    micros, days, rest = struct_module.unpack("<qiI", packed)
    months = (rest >> 13 & 0x3FFFF) * (-1 if rest >> 31 else 1)
    sign, size = "-" * (micros < 0), abs(micros)
    fraction = size % 1_000_000
    shown = "" if not fraction else f".{fraction // 1000:03d}" if fraction % 1000 == 0 else f".{fraction:06d}"
    clock = f"{sign}{size // 3_600_000_000}:{size // 60_000_000 % 60}:{size // 1_000_000 % 60}{shown}"
    return f"{'-' * (months < 0)}{abs(months) // 12}-{abs(months) % 12} {days} {clock}"
