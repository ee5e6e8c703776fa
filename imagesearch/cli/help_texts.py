"""The help texts of the command line: for every command its purpose, and examples to copy."""

from __future__ import annotations

import argparse
from typing import Any

EXAMPLES = (
    ("python -m imagesearch status", "what the stack holds, and the results of its searches"),
    ('python -m imagesearch search "a castle by the sea"', "search for anything, now"),
    ("./local python -m imagesearch search castle", "the same on the local stack"),
    ("python -m imagesearch --stack eu status --json", "another stack, for a script"),
)
EXIT_CODES = """\
exit codes: 0 done, 1 failed (the message says what to do), 2 wrong arguments, 3 converge has not finished,
130 interrupted. `COMMAND --help` has more about each command."""

HELP: dict[str, tuple[str, tuple[str, ...]]] = {
    "status": (
        "What the stack holds, compared with what is in the bucket.\n\n"
        "The counts, the index and the cost are of now (one counting query); the results of the searches, the index's\n"
        "recall, and added, updated and deleted are of the last `pulumi up`. With --json: every output of the stack,\n"
        "and stale (embeddings whose object is gone or has changed), paid (images: every vector that was written into\n"
        "the table of embeddings) and paid_usd.",
        ("status", "status --json | jq .pending"),
    ),
    "search": (
        "Search for any text with the stack's own model and index. Nothing is written into the dataset. Each time the\n"
        "text is embedded, which is charged as one request. A smaller distance is nearer.",
        ('search "a castle by the sea"', "search castle --top-k 20", "search castle --json | jq -r '.[].uri'"),
    ),
    "failures": (
        "Images that are not embedded, and why.\n\n"
        "permanent: set aside until the object changes or `retry` is run.\n"
        "retryable: the next run tries it again.",
        ("failures", "failures --limit 1000 --json | jq -r '.[].status' | sort | uniq -c"),
    ),
    "retry": (
        "Try again images that are set aside: after their bucket was fixed, or if the service was at fault.\n\n"
        "Without --now nothing is embedded yet: it prints what the next `pulumi up` will embed, and at what cost.",
        ("retry", "retry gs://my-bucket/photos/1.jpg", "retry --status NOT_FOUND --now"),
    ),
    "converge": (
        "Continue embedding until every image is embedded or set aside, as `pulumi up` would, without Pulumi.\n\n"
        "Nothing is lost if it is stopped. Afterwards `pulumi up` brings the index and the searches up to date. If\n"
        "embedding.wait is false, it submits the next batch and exits with 3.",
        ("converge", "converge || [ $? -eq 3 ]"),
    ),
    "gallery": (
        "Write one HTML page with the pictures that the stack's searches found. It can be opened without a network.\n"
        "The path of the page is printed.",
        ("gallery", "gallery --output /tmp/found.html"),
    ),
    "serve": (
        "A search page in the browser: by text, or by similarity to a picture, filtered by folder and type; it shows\n"
        "the SQL. Each new text is embedded once, which is charged as one request.\n\n"
        "It listens on this machine only. With --expose other machines can reach it: it does not authenticate\n"
        "anybody, and their searches are charged to your project.",
        ("serve", "serve --port 9000", "serve --host 10.0.0.5 --expose"),
    ),
    "preflight": (
        "Check what `pulumi up` needs: APIs, the caller's permissions, the bucket, the dataset's location.\n"
        "Everything that is missing is listed, each with the command that fixes it; then the exit code is 1.\n\n"
        "It works before the stack exists: it reads Pulumi.STACK.yaml. It changes nothing.",
        ("preflight", "--stack dev preflight --project my-project", "preflight --json | jq .ready"),
    ),
    "plan": (
        "What `pulumi up` would embed, delete and pay, in how many jobs, and how long that takes at the location's\n"
        "quota: computed from the current data, or from the settings if the stack does not exist. It changes nothing.",
        ("plan", "--stack eu plan --json | jq .embed.usd"),
    ),
    "completion": (
        "Print a command `imagesearch`, short for this one, and its completion. To have both in this shell:\n\n"
        '  eval "$(python -m imagesearch completion bash)"',
        ("completion bash", "completion zsh"),
    ),
}


def overview() -> str:
    """The text of `--help` below the list of commands."""
    width = max(len(command) for command, _ in EXAMPLES)
    lines = [f"  {command:{width}}  {purpose}" for command, purpose in EXAMPLES]
    return "\n".join(["examples:", *lines, "", EXIT_CODES])


def help_of(command: str) -> dict[str, Any]:
    """The texts of `COMMAND --help`, as keyword arguments of its parser."""
    description, examples = HELP[command]
    return {
        "description": description,
        "epilog": "\n".join(["examples:", *(f"  python -m imagesearch {example}" for example in examples)]),
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }
