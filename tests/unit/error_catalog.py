"""Every error message of this repository, read from its source, and docs/errors.md, which lists them.

The messages in the document are generated, and so are the remedies of the program's own errors; the causes, and the
remedies of the others, are written by hand. After a message has changed:

    python -m tests.unit.error_catalog      keeps what was written by hand, marks missing cells with TODO
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/errors.md"
BEGIN = "<!-- errors: python -m tests.unit.error_catalog -->"
TODO = "TODO"
VARIES = "…"

PROGRAM = ("imagesearch", "components")
ARGUMENTS = "Arguments of the command line"
SETTINGS = "Settings, key by key"
SCRIPTS = "make, ./local and scripts/"
ELSEWHERE = {
    "Failed": "The local cloud's process",
    "CannotStart": "The local cloud's process",
    "HomeInUse": "The local cloud's process",
    "SourceError": "Pictures for the local cloud",
    "NotReady": "The Pulumi CLI",
    "Unavailable": "The Pulumi CLI",
    "ConfigurationError": "The gcp plugin",
    "Unreachable": "The gcp plugin",
    "ConnectionLost": "The gcp plugin",
}
"""Errors of the other packages that a user can see, by the section that lists them."""


@dataclass(frozen=True)
class Message:
    """A message as its source has it, with … for what varies."""

    section: str
    text: str
    remedy: str = ""
    """The remedy; empty if it is part of the message, or varies."""


def messages() -> list[Message]:
    """Every message, once, in the order of the document."""
    family = _family()
    found = list(dict.fromkeys([*_of_the_program(family), *_of_the_settings(), *_of_other_packages(), *_of_scripts()]))
    order = [*family, ARGUMENTS, SETTINGS, *dict.fromkeys(ELSEWHERE.values()), SCRIPTS]
    known = {(message.section, message.text): message for message in found}  # the same words, more than one remedy
    return sorted(known.values(), key=lambda message: order.index(message.section))


def _family() -> list[str]:
    """The classes of the program's errors, those of errors.py first."""
    names = ["ImageSearchError"]
    for path in [ROOT / "imagesearch/errors.py", *_python(*PROGRAM)]:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ClassDef) and {getattr(base, "id", "") for base in node.bases} & set(names):
                names += [node.name] if node.name not in names else []
    return names[1:]


def _of_the_program(family: list[str]) -> Iterator[Message]:
    for path in _python(*PROGRAM):
        for node in _calls(_tree(path)):
            if (
                _called(node) in family and len(node.args) >= 2 and _template(node.args[0]) != VARIES
            ):  # else it repeats another error's text
                remedy = _template(node.args[1])
                yield Message(_called(node), _template(node.args[0]), "" if remedy == VARIES else remedy)
            elif _called(node) == "ArgumentTypeError":
                yield Message(ARGUMENTS, _template(node.args[0]))


def _of_the_settings() -> Iterator[Message]:
    tree = _tree(ROOT / "imagesearch/settings/schema.py")
    for node in _calls(tree):
        if _called(node) == "ValueError":
            yield Message(SETTINGS, _template(node.args[0]))
    for assignment in ast.walk(tree):
        if isinstance(assignment, ast.Assign) and getattr(assignment.targets[0], "id", "") == "_WANTED":
            assert isinstance(assignment.value, ast.Dict)
            yield from (Message(SETTINGS, f"…: {_template(value)}") for value in assignment.value.values)


def _of_other_packages() -> Iterator[Message]:
    for path in _python("local-cloud/src", "offline/gcp_plugin", "offline/pulumi_cli"):
        tree = _tree(path)
        worded = dict(_own_words(tree))
        yield from (Message(ELSEWHERE[name], text) for name, text in worded.items())
        for node in _calls(tree):
            if _called(node) in ELSEWHERE.keys() - worded and node.args:
                for text in _texts(node.args[0], tree):
                    yield Message(ELSEWHERE[_called(node)], text)
            elif _called(node) in ("print", "exit") and node.args:
                text = _template(node.args[0])
                if text.startswith("error: ") and text != "error: …":
                    section = "The gcp plugin" if "gcp_plugin" in path.parts else "The Pulumi CLI"
                    yield Message(section, text.removeprefix("error: "))


def _own_words(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The classes of ELSEWHERE that build their message in __init__, with that message."""
    for definition in ast.walk(tree):
        if isinstance(definition, ast.ClassDef) and definition.name in ELSEWHERE:
            for node in _calls(definition):
                if _called(node) == "__init__" and node.args and (text := _template(node.args[0])) != VARIES:
                    yield definition.name, text


def _of_scripts() -> Iterator[Message]:
    scripts = [
        ROOT / "local",
        *sorted(path for path in (ROOT / "scripts").rglob("*") if path.is_file()),
        ROOT / "offline/pulumi_cli/launcher.sh",
    ]
    for path in scripts:
        for text in re.findall(r'echo "(?:error|local): (.*)" >&2', path.read_text(encoding="utf-8")):
            yield Message(SCRIPTS, _squeezed(re.sub(r"\$(?:\w+|\{[^}]*\}|\d)", VARIES, text)))


def _texts(argument: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The texts that an argument can be: a literal, or those that a function of the same module returns."""
    if isinstance(argument, ast.Call):
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name == _called(argument):
                returned = (node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value)
                yield from (text for value in returned if (text := _template(value)) != VARIES)
    elif (text := _template(argument)) != VARIES:
        yield text


def _template(node: ast.expr) -> str:
    """The text of a string expression, with … for each part that varies."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _squeezed(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else VARIES for part in node.values]
        return _squeezed("".join(parts))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _squeezed(f"{_template(node.left)}{_template(node.right)}")
    return VARIES


def _squeezed(text: str) -> str:
    return re.sub("…[…]+", VARIES, " ".join(text.split()))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(node: ast.Call) -> str:
    return str(getattr(node.func, "attr", getattr(node.func, "id", "")))


def _python(*packages: str) -> list[Path]:
    found = [sorted((ROOT / package).rglob("*.py")) for package in packages]
    assert all(found), packages
    return [path for paths in found for path in paths]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Row:
    """One line of the document, cells as they are written there."""

    message: str
    why: str
    remedy: str


def listed(document: str) -> dict[tuple[str, str], Row]:
    """The rows of the document, by section and message."""
    rows: dict[tuple[str, str], Row] = {}
    section = ""
    for line in document.partition(BEGIN)[2].splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ").strip("`")
        elif line.startswith("| `"):
            message, why, remedy = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:4])
            rows[section, message] = Row(message, why, remedy)
    return rows


def rendered(document: str) -> str:
    """The document with every message of the source, keeping what was written by hand."""
    before = listed(document)
    lines = [document.partition(BEGIN)[0] + BEGIN]
    for section, found in groupby(messages(), key=lambda message: message.section):
        title = section if " " in section else f"`{section}`"
        lines += ["", f"## {title}", "", "| message | why | what to do |", "|---|---|---|"]
        for message in found:
            text = _code(message.text)
            row = before.get((section, text), Row(text, TODO, TODO))
            lines.append(f"| {text} | {row.why} | {_cell(message.remedy) or row.remedy} |")
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """A message as a code span of a table; one that has code in it needs longer quotes."""
    return f"`` {_cell(text)} ``" if "`" in text else f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{DOCUMENT}: {DOCUMENT.read_text(encoding='utf-8').count(TODO)} cells to be written")
