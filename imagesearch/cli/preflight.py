"""The commands `preflight` and `plan`. Both work before the stack exists, and change nothing."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace

from imagesearch.checks import preflight
from imagesearch.checks.prerequisites import requirements
from imagesearch.cli.help_texts import help_of
from imagesearch.errors import NotThere
from imagesearch.pipeline import plan
from imagesearch.pipeline.embeddings import EmbeddingStore
from imagesearch.pipeline.plan import Plan
from imagesearch.settings.schema import Settings
from imagesearch.stacks import stack, stack_file
from imagesearch.stacks.stack import NoStack
from imagesearch.stacks.stack_file import StackFile


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands to a parser's subparsers."""
    ready = commands.add_parser("preflight", help="check what `pulumi up` needs", **help_of("preflight"))
    ready.add_argument("--project", help="check this project instead of the stack's gcp:project")
    ready.add_argument("--json", action="store_true", help="for machines")
    ready.set_defaults(run=_preflight)

    planned = commands.add_parser("plan", help="what `pulumi up` would embed, delete and pay", **help_of("plan"))
    planned.add_argument("--json", action="store_true", help="for machines")
    planned.set_defaults(run=_plan)


def _preflight(options: argparse.Namespace) -> int:
    file = stack_file.read(options.stack, options.project)
    client = file.client
    try:
        report = preflight.run(client, requirements(file.settings, file.project, file.labels))
    finally:
        client.close()
    if options.json:
        print(json.dumps({"ready": report.ready, "findings": [asdict(each) for each in report.findings]}, indent=2))
        return 0 if report.ready else 1
    print("\n".join(report.lines("ok", "unchecked", "missing")))
    if notice := plan.retirement(file.settings.embedding.endpoint_facts):
        print(f"warning   {notice}")
    print(f"\nA first `pulumi up` would {plan.upper_bound(file.settings)}.")
    print(_verdict(report))
    return 0 if report.ready else 1


def _verdict(report: preflight.Report) -> str:
    missing, unchecked = len(report.of("missing")), len(report.of("unchecked"))
    if report.ready:
        return "Everything that it needs is there."
    return f"Missing: {missing}, could not be checked: {unchecked}. Below each is the command that fixes it."


def _plan(options: argparse.Namespace) -> None:
    file = stack_file.read(options.stack)
    next_run = _of_stack(file, options.stack) or plan.of_settings(file.settings)
    if options.json:
        print(json.dumps(next_run.plain(), indent=2))
    else:
        print("\n".join(_lines(next_run, file.settings)))


def _of_stack(file: StackFile, name: str | None) -> Plan | None:
    """The plan from the data, with the settings of the file; None if the stack does not exist.

    With another endpoint or dimension every image is embedded again, into tables that do not exist yet.
    """
    try:
        existing = stack.read(name)
        deployed = existing.embeddings.spec
        spec = deployed.under(file.settings)
        counts = EmbeddingStore(existing.warehouse, spec).count()
    except (NoStack, NotThere):
        return None
    if (spec.endpoint, spec.dimension) == (deployed.endpoint, deployed.dimension):
        return plan.of_data(spec, counts)
    return plan.of_data(
        spec, replace(counts, new=counts.target, changed=0, embedded=0, set_aside=0, stale=0, stored=0, beyond_limit=0)
    )


def _lines(next_run: Plan, settings: Settings) -> list[str]:
    """The plan as lines of text."""
    if next_run.source == "settings":
        lines = [f"There is no such stack yet. A first `pulumi up` would {plan.upper_bound(settings)}."]
    else:
        lines = [f"`pulumi up` would {plan.describe(next_run, settings.dataset.location)}."]
    lines += [f"refused: {refusal}" for refusal in next_run.refusals]
    return lines + [f"warning: {warning}" for warning in next_run.warnings]
