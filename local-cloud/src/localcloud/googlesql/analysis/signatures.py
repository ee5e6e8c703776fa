"""The functions and operators that are supported, and the types they take and return (S/functions-reference).

One function a line, or several that agree: `NAME NAME: arguments -> result | arguments -> result`, then its kind.
    i n f s b o d dt tm ts iv j    INT64 NUMERIC FLOAT64 STRING BYTES BOOL DATE DATETIME TIME TIMESTAMP INTERVAL JSON
    i[]                            ARRAY<INT64>
    T                              any type, the same throughout a signature; T[] an ARRAY of it; ? any type whatever
    x?  x*                         may be left out; any number of them
    x!                             a literal or a parameter
    cs                             what can be cast to STRING
    @day @clock …                  a part of dates: see PARTS
Every one of these is one of ZetaSQL's, which a test compares them with; what ZetaSQL has and BigQuery's reference does
not name is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from localcloud.googlesql.types import Type

_LETTERS = {
    "i": "INT64", "n": "NUMERIC", "f": "FLOAT64", "s": "STRING", "b": "BYTES", "o": "BOOL", "d": "DATE",
    "dt": "DATETIME", "tm": "TIME", "ts": "TIMESTAMP", "iv": "INTERVAL", "j": "JSON",
}  # fmt: skip
_DAYS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "ISOWEEK", "ISOYEAR")
_WEEKS = tuple(f"WEEK({day})" for day in ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"))
_CLOCK = ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR")
PARTS: dict[str, tuple[str, ...]] = {
    "@added": ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR"),
    "@elapsed": (*_CLOCK, "DAY"),
    "@day": (*_DAYS, *_WEEKS),
    "@last": (*_DAYS[1:], *_WEEKS),
    "@clock": (*_CLOCK, "DAY"),
    "@any": (*_CLOCK, *_DAYS, *_WEEKS),
    "@moved": (*_CLOCK, "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"),
}
"""The parts of dates that arguments may name."""

SCALAR = """
    $ADD $SUBTRACT: i i -> i | n n -> n | f f -> f
    $ADD: d i -> d | i d -> d | ts iv -> ts | iv ts -> ts | d iv -> dt | iv d -> dt | dt iv -> dt | iv dt -> dt
    $ADD: iv iv -> iv
    $SUBTRACT: d i -> d | ts iv -> ts | d iv -> dt | dt iv -> dt | iv iv -> iv
    $SUBTRACT: d d -> iv | ts ts -> iv | dt dt -> iv | tm tm -> iv
    $MULTIPLY: i i -> i | n n -> n | f f -> f | iv i -> iv | i iv -> iv
    $DIVIDE: f f -> f | n n -> n | iv i -> iv
    $UNARY_MINUS: i -> i | n -> n | f -> f | iv -> iv
    $CONCAT_OP: s s -> s | b b -> b | T[] T[] -> T[]
    $BITWISE_OR $BITWISE_XOR $BITWISE_AND: i i -> i | b b -> b
    $BITWISE_LEFT_SHIFT $BITWISE_RIGHT_SHIFT: i i -> i | b i -> b
    $BITWISE_NOT: i -> i | b -> b
    $AND $OR: o o -> o
    $NOT $IS_TRUE $IS_FALSE: o -> o
    $IS_NULL: T -> o
    $EQUAL $NOT_EQUAL $LESS $LESS_OR_EQUAL $GREATER $GREATER_OR_EQUAL: T T -> o
    $IS_DISTINCT_FROM $IS_NOT_DISTINCT_FROM: T T -> o
    $BETWEEN: T T T -> o
    $IN: T T* -> o
    $IN_ARRAY: T T[] -> o
    $LIKE: s s -> o | b b -> o

    ABS: i -> i | n -> n | f -> f
    CEIL CEILING FLOOR SQRT LN EXP LOG10: f -> f | n -> n
    ROUND TRUNC: f i? -> f | n i? -> n
    LOG: f f? -> f | n n? -> n
    POW POWER: f f -> f | n n -> n
    DIV MOD: i i -> i | n n -> n
    SAFE_DIVIDE: f f -> f | n n -> n
    ACOS ASIN ATAN COS SIN TAN: f -> f
    ATAN2: f f -> f
    IS_NAN IS_INF: f -> o
    RAND: -> f
    BIT_COUNT: i -> i | b -> i
    GREATEST LEAST: T T* -> T

    LENGTH BYTE_LENGTH: s -> i | b -> i
    CHAR_LENGTH CHARACTER_LENGTH: s -> i
    UPPER LOWER REVERSE: s -> s | b -> b
    TRIM LTRIM RTRIM: s s? -> s | b b -> b
    REPLACE: s s s -> s | b b b -> b
    LEFT RIGHT REPEAT: s i -> s | b i -> b
    LPAD RPAD: s i s? -> s | b i b? -> b
    SUBSTR SUBSTRING: s i i? -> s | b i i? -> b
    SPLIT: s s? -> s[] | b b -> b[]
    STRPOS: s s -> i | b b -> i
    STARTS_WITH ENDS_WITH REGEXP_CONTAINS: s s -> o | b b -> o
    CONCAT: cs cs* -> s | b b* -> b
    REGEXP_REPLACE: s s s -> s | b b b -> b
    REGEXP_EXTRACT: s s i? i? -> s | b b i? i? -> b
    REGEXP_EXTRACT_ALL: s s -> s[] | b b -> b[]
    ASCII: s -> i | b -> i
    CHR: i -> s
    EDIT_DISTANCE: s s -> i
    FORMAT: s ?* -> s
    TO_HEX TO_BASE64: b -> s
    FROM_BASE64: s -> b
    MD5 SHA1 SHA256 SHA512: s -> b | b -> b
    ARRAY_TO_STRING: s[] s s? -> s | b[] b b? -> b
    CONTAINS_SUBSTR: ? s! -> o

    ARRAY_LENGTH: T[] -> i
    ARRAY_REVERSE: T[] -> T[]
    ARRAY_CONCAT: T[] T[]* -> T[]
    GENERATE_ARRAY: i i i? -> i[] | n n n? -> n[] | f f f? -> f[]
    COSINE_DISTANCE EUCLIDEAN_DISTANCE: f[] f[] -> f

    COALESCE: T T* -> T
    IFNULL: T T -> T
    NULLIF: T T -> T
    IF: o T T -> T
    ERROR: s -> i
    GENERATE_UUID SESSION_USER: -> s

    JSON_VALUE JSON_EXTRACT_SCALAR: s s? -> s | j s? -> s
    JSON_QUERY JSON_EXTRACT: s s -> s | j s -> j
    TO_JSON_STRING: T o? -> s
    PARSE_JSON: s -> j

    CURRENT_TIMESTAMP: -> ts
    CURRENT_DATE: s? -> d
    CURRENT_DATETIME: s? -> dt
    CURRENT_TIME: s? -> tm
    DATE: ts s? -> d | dt -> d | i i i -> d | d -> d | s -> d
    DATETIME: i i i i i i -> dt | d tm -> dt | ts s? -> dt | d -> dt | dt -> dt | s -> dt
    TIMESTAMP: s s? -> ts | d s? -> ts | dt s? -> ts | ts -> ts
    STRING: ts s? -> s | d -> s | tm -> s | dt -> s | j -> s
    DATE_ADD DATE_SUB: d i @added -> d
    DATETIME_ADD DATETIME_SUB: dt i @moved -> dt
    TIMESTAMP_ADD TIMESTAMP_SUB: ts i @elapsed -> ts
    DATE_DIFF: d d @day -> i
    DATETIME_DIFF: dt dt @any -> i
    TIMESTAMP_DIFF: ts ts @elapsed -> i
    DATE_TRUNC: d @day -> d
    DATETIME_TRUNC: dt @any -> dt
    TIMESTAMP_TRUNC: ts @any s? -> ts | dt @any -> dt
    LAST_DAY: d @last? -> d | dt @last? -> d
    FORMAT_DATE: s d -> s
    FORMAT_TIMESTAMP: s ts s? -> s
    PARSE_DATE: s s -> d
    PARSE_TIMESTAMP: s s s? -> ts
    UNIX_DATE: d -> i
    DATE_FROM_UNIX_DATE: i -> d
    UNIX_SECONDS UNIX_MILLIS UNIX_MICROS: ts -> i
    TIMESTAMP_SECONDS TIMESTAMP_MILLIS TIMESTAMP_MICROS: i -> ts
    GENERATE_DATE_ARRAY: d d i? @added? -> d[]
"""
AGGREGATE = """
    $COUNT_STAR: -> i
    COUNT APPROX_COUNT_DISTINCT: T -> i
    SUM: i -> i | n -> n | f -> f | iv -> iv
    AVG: i -> f | n -> n | f -> f | iv -> iv
    MIN MAX ANY_VALUE: T -> T
    COUNTIF: o -> i
    LOGICAL_AND LOGICAL_OR: o -> o
    BIT_AND BIT_OR BIT_XOR: i -> i
    STDDEV STDDEV_POP STDDEV_SAMP VARIANCE VAR_POP VAR_SAMP: f -> f | n -> f
    CORR COVAR_POP COVAR_SAMP: f f -> f | n n -> f
    ARRAY_AGG: T -> T[]
    ARRAY_CONCAT_AGG: T[] -> T[]
    STRING_AGG: s s!? -> s | b b!? -> b
    APPROX_QUANTILES: T i! -> T[]
    GROUPING: T -> i
    PERCENTILE_CONT: f f! -> f | n n! -> n
    PERCENTILE_DISC: T f! -> T | T n! -> T
"""
ANALYTIC = """
    ROW_NUMBER RANK DENSE_RANK: -> i
    PERCENT_RANK CUME_DIST: -> f
    NTILE: i! -> i
    LAG LEAD: T i!? T? -> T
    FIRST_VALUE LAST_VALUE: T -> T
    NTH_VALUE: T i! -> T
"""


@dataclass(frozen=True)
class Argument:
    """One argument of a signature. `kind` None with `template` T takes any type; `part` is a key of PARTS."""

    kind: Type | None = None
    template: bool = False
    array: bool = False
    """T[]"""
    part: str = ""
    optional: bool = False
    repeated: bool = False
    constant: bool = False
    cast: bool = False
    """Whether it takes whatever can be cast to its type."""

    def shown(self) -> str:
        """As messages have it."""
        name = self.kind.sql() if self.kind else ("DATE_TIME_PART" if self.part else "ANY")
        name = "ARRAY" if self.array else name
        return f"[{name}]" if self.optional else f"{name}, ..." if self.repeated else name


@dataclass(frozen=True)
class Signature:
    arguments: tuple[Argument, ...]
    result: Argument


@dataclass(frozen=True)
class Function:
    """What a name may be called with. `mode`: scalar, aggregate or analytic."""

    name: str
    mode: str
    signatures: tuple[Signature, ...] = field(default=())


@cache
def functions() -> dict[str, Function]:
    """All served functions by name."""
    found: dict[str, Function] = {}
    for mode, table in (("scalar", SCALAR), ("aggregate", AGGREGATE), ("analytic", ANALYTIC)):
        for line in filter(None, map(str.strip, table.splitlines())):
            names, _, alternatives = line.partition(":")
            signatures = tuple(_signature(one) for one in alternatives.split("|"))
            for name in names.split():
                earlier = found[name].signatures if name in found else ()
                found[name] = Function(name, mode, earlier + signatures)
    return found


def _signature(text: str) -> Signature:
    arguments, _, result = text.rpartition("->")
    return Signature(tuple(_argument(word) for word in arguments.split()), _argument(result.strip()))


def _argument(word: str) -> Argument:
    if word == "?*":
        return Argument(template=False, repeated=True)
    if word == "?":
        return Argument()
    optional, repeated, constant = word.endswith("?"), word.endswith("*"), "!" in word
    name = word.rstrip("?*!")
    if name.startswith("@"):
        return Argument(part=name, optional=optional)
    array = name.endswith("[]")
    name = name.removesuffix("[]")
    if name == "T":
        return Argument(template=True, array=array, optional=optional, repeated=repeated, constant=constant)
    cast = name == "cs"
    kind = Type(_LETTERS["s" if cast else name], array=array)
    return Argument(kind=kind, optional=optional, repeated=repeated, constant=constant, cast=cast)
