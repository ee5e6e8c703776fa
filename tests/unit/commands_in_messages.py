"""The commands that messages tell the user to run, read from the source, and what is wrong with each of them.

Known are make, ./local, scripts/, pulumi, `python -m` of our own modules, and pip with the local cloud's extras. Not
checked are programs that this repository neither has nor requires, such as gcloud and apt-get.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.checkout import CHECKOUT

PACKAGES = ("imagesearch", "components", "offline", "local-cloud/src")
VARIES = "…"
"""What an f-string or a shell script fills in."""
PULUMI = {
    "config set": ("--path", "--secret", "--plaintext", "--type"),
    "destroy": (),
    "import": (),
    "refresh": (),
    "stack init": (),
    "stack select": ("--create",),
    "state delete": (),
    "up": (),
    "version": (),
}
"""The verbs of the Pulumi CLI that messages may name, with their flags."""
_START = re.compile(
    r"(?<![\w./-])(?:\./local (?=pulumi|python|env)|python3? -m (?=imagesearch|localcloud|offline)|scripts/(?=[a-z])"
    r"|pip install )|(?:^|(?<=`)|(?<=: )|(?<=&& )|(?<=\n    ))(?:make (?=[a-z]|[A-Z]+=)|pulumi (?=[a-z]))"
)
_END = re.compile(r"[`\n),;|\"]|\.(?= |$)| && | or ")


@dataclass(frozen=True)
class Command:
    """A command as a message has it, and where."""

    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.source}: {self.text}"


def commands() -> list[Command]:
    """Every command in the messages of every package and script, and in docs/errors.md."""
    found = [Command(source, text) for source, message in _messages() for text in commands_of(message)]
    return list(dict.fromkeys(found))


def commands_of(message: str) -> list[str]:
    """The commands in one message."""
    return [_END.split(message[start.start() :], maxsplit=1)[0].strip() for start in _START.finditer(message)]


def _messages() -> Iterator[tuple[str, str]]:
    """Texts that users read, with their file: strings that are not docstrings, errors of scripts, docs/errors.md."""
    for package in PACKAGES:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            if "tests" not in path.relative_to(CHECKOUT).parts:
                tree = ast.parse(path.read_text(encoding="utf-8"))
                yield from ((path.relative_to(CHECKOUT).as_posix(), text) for text in _texts(tree))
    scripts = [path for path in sorted((CHECKOUT / "scripts").rglob("*")) if path.is_file()]
    for path in [CHECKOUT / "local", *scripts, *sorted((CHECKOUT / "offline").rglob("*.sh"))]:
        for text in re.findall(r'echo "(.*?)" >&2', path.read_text(encoding="utf-8")):
            yield path.relative_to(CHECKOUT).as_posix(), re.sub(r"\$(?:\w+|\{[^}]*\}|\d)", VARIES, text)
    yield "docs/errors.md", (CHECKOUT / "docs/errors.md").read_text(encoding="utf-8")


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every string of a module, an f-string with … for its values; docstrings are left out."""
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else VARIES for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def problem(command: str) -> str:
    """What is wrong with a command; empty if nothing is."""
    program, *words = command.split()
    words = [word.strip("'") for word in words]
    if program == "./local":
        return "" if words[:1] == ["env"] else problem(" ".join(words))
    if program == "make":
        return _problem_of_make(words)
    if program == "pulumi":
        return _problem_of_pulumi(words)
    if program == "pip":
        return _problem_of_pip(words[1:])
    if program.startswith("scripts/"):
        return "" if os.access(CHECKOUT / program, os.X_OK) else "is not an executable file"
    return _problem_of_module(words[1], words[2:]) if words else ""


def _problem_of_make(words: list[str]) -> str:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.M))
    variables = set(re.findall(r"^([A-Z_]+) \?=", makefile, flags=re.M)) | set(re.findall(r"\$\(([A-Z_]+)\)", makefile))
    for word in words:
        name, assigned, _ = word.partition("=")
        if name != VARIES and name not in (variables if assigned else targets):
            return f"the Makefile has no {'variable' if assigned else 'target'} {name}"
    return ""


def _problem_of_pulumi(words: list[str]) -> str:
    verb = next((known for known in PULUMI if words[: len(known.split())] == known.split()), None)
    if verb is None:
        return f"PULUMI does not list the verb {' '.join(words[:2])}"
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in PULUMI[verb]]
    return f"PULUMI does not list {unknown[0]} of {verb}" if unknown else ""


def _problem_of_pip(words: list[str]) -> str:
    if words[:1] == ["-r"]:
        name = words[1].removeprefix(f"{VARIES}/")
        return "" if (CHECKOUT / name).is_file() else f"there is no {name}"
    project = tomllib.loads((CHECKOUT / "local-cloud/pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, _, extras = words[0].rstrip("]").partition("[")
    if name not in (project["name"], "./local-cloud", VARIES):
        return f"{name} is not the local cloud"
    unknown = set(filter(None, extras.split(","))) - set(project["optional-dependencies"])
    return f"the local cloud has no extra {unknown.pop()}" if unknown else ""


def _problem_of_module(module: str, words: list[str]) -> str:
    """Whether its --help knows the subcommand and every flag."""
    text = help_text(module)
    offered = re.findall(r"\{([a-z,-]+)\}", text)
    subcommands = set(re.findall(r"^ {4}([a-z]+)\b", text, flags=re.M)).union(*(each.split(",") for each in offered))
    subcommands |= set(re.findall(rf"python3? -m {re.escape(module)} ([a-z]+)", text))
    named = next((word for word in words if re.fullmatch("[a-z]+", word) and word in subcommands), "")
    first = next((word for word in words if not word.startswith("-")), "")
    if first and first != VARIES and not named:
        return f"{module} --help does not know {first}"
    flags = [word.split("=")[0] for word in words if word.startswith("--")]
    if not flags:
        return ""
    known = text + (help_text(module, named) if named else "")
    unknown = [flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", known)]
    return f"{module} {named} --help does not know {unknown[0]}" if unknown else ""


@cache
def help_text(*words: str) -> str:
    """What `python -m … --help` prints."""
    path = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "local-cloud/src")])
    done = subprocess.run(
        [sys.executable, "-m", *words, "--help"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)} --help: {done.stderr}")
    return done.stdout


def pulumi_cli() -> Path | None:
    """The Pulumi CLI that ./local would run; None where none is installed."""
    asked = subprocess.run(
        [sys.executable, "-m", "offline.pulumi_cli", "path"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    folders = [asked.stdout.strip(), *os.environ.get("PATH", "").split(os.pathsep)]
    return next((Path(folder) / "pulumi" for folder in folders if folder and (Path(folder) / "pulumi").exists()), None)
