"""The command line without a cloud: its help is correct, and wrong arguments have the right exit code."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from imagesearch.cli import commands as command_line
from imagesearch.cli.help_texts import EXAMPLES, HELP
from imagesearch.errors import ImageSearchError
from imagesearch.stacks import stack

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = "python -m imagesearch"


def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command's parser."""
    (subparsers,) = [
        action for action in command_line._parser()._actions if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(subparsers.choices)


def examples() -> list[str]:
    """Every command that help shows, as it would be typed."""
    shown = [f"{PROGRAM} {example}" for _, examples in HELP.values() for example in examples]
    return [*(command for command, _ in EXAMPLES), *shown]


def test_every_command_has_a_help_text_and_a_line_in_the_overview() -> None:
    overview = set(re.findall(rf"^    {PROGRAM} (\w+)", command_line.__doc__ or "", flags=re.M))
    assert set(HELP) == set(commands()) == overview


@pytest.mark.parametrize("example", examples())
def test_an_example_of_the_help_is_a_command_that_is_taken(example: str) -> None:
    line = re.split(r"[|>]", example.removeprefix("./local "))[0]
    assert line.startswith(PROGRAM)
    assert command_line._parser().parse_args(shlex.split(line.removeprefix(PROGRAM))).run


def test_help_of_every_command_fits_a_terminal() -> None:
    for name, parser in {"": command_line._parser(), **commands()}.items():
        assert max(map(len, parser.format_help().splitlines())) <= 120, name
        assert "example" in parser.format_help(), name


@pytest.mark.parametrize("arguments", [[], ["serach"], ["search"], ["search", " "], ["search", "x", "--top-k", "0"]])
def test_wrong_arguments_are_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(ImageSearchError("It failed.", "Do this."), 1, "error: It failed.\nDo this.\n"), (KeyboardInterrupt(), 130, "")],
)
def test_a_failure_is_its_message_and_an_exit_code(
    raised: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise raised

    monkeypatch.setattr(stack, "read", fail)
    assert command_line.main(["converge"]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(said) and "Traceback" not in err


def test_whoever_reads_only_the_beginning_of_an_answer_sees_no_error() -> None:
    line = f"{shlex.quote(sys.executable)} -m imagesearch completion bash | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=CHECKOUT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("imagesearch() {")


COMPLETE = """
source /dev/stdin
COMP_WORDS=({words})
COMP_CWORD={place}
"$(complete -p imagesearch | sed -E 's/.*-F ([^ ]+).*/\\1/')"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("imagesearch ''", set(HELP)),
        ("imagesearch retry --", {"--status", "--now", "--help"}),
        ("imagesearch completion ''", {"bash", "zsh"}),
    ],
)
def test_bash_completes_commands_options_and_choices(words: str, offered: set[str]) -> None:
    script = subprocess.run(
        [sys.executable, "-m", "imagesearch", "completion", "bash"], cwd=CHECKOUT, capture_output=True, check=True
    ).stdout.decode()
    code = COMPLETE.format(words=words, place=len(shlex.split(words)) - 1)
    done = subprocess.run(["bash", "-c", code], input=script, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) >= offered


def test_the_completion_of_zsh_knows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["completion", "zsh"]) == 0
    script = capsys.readouterr().out
    assert all(f"    {name}:'" in script for name in HELP) and "#compdef imagesearch" in script
