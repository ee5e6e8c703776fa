"""What `--help` teaches: for every command what it is for, and examples to copy."""

from __future__ import annotations

import argparse
from typing import Any

EXAMPLES = (
    ("python -m imagesearch status", "what the stack holds and found"),
    ('python -m imagesearch search "a castle by the sea"', "search for anything, now"),
    ("./local python -m imagesearch search castle", "the same on the local stack"),
    ("python -m imagesearch --stack eu status --json", "another stack, for a script"),
)
EXIT_CODES = """\
exit codes: 0 done, 1 it failed (the message says what to do), 2 wrong arguments, 3 converge has not finished,
130 interrupted. `COMMAND --help` says more of each."""

LESSONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "status": (
        "What the stack holds, and how it stands against the bucket.\n\n"
        "Counts, the index and what was paid are looked at now, with one counting query; what the searches found, the\n"
        "index's recall, and added, updated and deleted are of the last `pulumi up`. With --json: every output of the\n"
        "stack and, besides, stale (embeddings whose object is gone or has changed), paid (images; every vector that\n"
        "has arrived since the table of embeddings was made) and paid_usd.",
        ("status", "status --json | jq .pending"),
    ),
    "search": (
        "Search for any text with the stack's own model and index. Nothing is written into the dataset; the text is\n"
        "embedded anew each time, which is charged as one request. Smaller distances are nearer.",
        ('search "a castle by the sea"', "search castle --top-k 20", "search castle --json | jq -r '.[].uri'"),
    ),
    "failures": (
        "Images that are not embedded, and why.\n\n"
        "permanent: set aside until the object changes, or `retry` says otherwise.\n"
        "retryable: the next run tries it again.",
        ("failures", "failures --limit 1000 --json | jq -r '.[].status' | sort | uniq -c"),
    ),
    "retry": (
        "Try again images that are set aside: after their bucket was mended, or when the service was at fault.\n\n"
        "Without --now nothing is paid yet: it says what the next `pulumi up` will embed, and at what cost.",
        ("retry", "retry gs://my-bucket/photos/1.jpg", "retry --status NOT_FOUND --now"),
    ),
    "converge": (
        "Go on embedding until every image is embedded or set aside, as `pulumi up` would, without the engine.\n\n"
        "Stopping it loses nothing. Afterwards `pulumi up` brings the index and the searches up to date. Where the\n"
        "stack does not wait (embedding.wait is false) it submits the next batch and exits with 3.",
        ("converge", "converge || [ $? -eq 3 ]"),
    ),
    "gallery": (
        "Write one HTML page with the pictures that the stack's searches found; it needs no network to be read.\n"
        "The path of the page is printed.",
        ("gallery", "gallery --output /tmp/found.html"),
    ),
    "serve": (
        "A page to search with, in the browser: words, or more like a picture, filtered by folder and type, with the\n"
        "SQL that ran. Each new text is embedded once, which is charged as one request.\n\n"
        "It listens on this machine alone. --expose lets others in: it asks nobody who they are, and they spend your\n"
        "project's money.",
        ("serve", "serve --port 9000", "serve --host 10.0.0.5 --expose"),
    ),
    "preflight": (
        "Is everything there that `pulumi up` needs: APIs, the caller's permissions, the bucket, the dataset's place?\n"
        "Everything that is missing is listed, each with the command that mends it; then the exit code is 1.\n\n"
        "Works before there is a stack: it reads Pulumi.STACK.yaml. Changes nothing.",
        ("preflight", "--stack dev preflight --project my-project", "preflight --json | jq .ready"),
    ),
    "plan": (
        "What `pulumi up` would embed, delete and pay, in how many jobs, and how long that takes at the location's\n"
        "quota: of the data as they are now, or before there is a stack, of its settings. Changes nothing.",
        ("plan", "--stack eu plan --json | jq .embed.usd"),
    ),
    "completion": (
        "Print a command `imagesearch`, short for this one, and its completion. To have both in this shell:\n\n"
        '  eval "$(python -m imagesearch completion bash)"',
        ("completion bash", "completion zsh"),
    ),
}


def overview() -> str:
    """What `--help` says below the commands."""
    width = max(len(command) for command, _ in EXAMPLES)
    lines = [f"  {command:{width}}  {meaning}" for command, meaning in EXAMPLES]
    return "\n".join(["examples:", *lines, "", EXIT_CODES])


def lesson(command: str) -> dict[str, Any]:
    """What `COMMAND --help` says beside its arguments, as arguments of a parser."""
    description, examples = LESSONS[command]
    return {
        "description": description,
        "epilog": "\n".join(["examples:", *(f"  python -m imagesearch {example}" for example in examples)]),
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }
