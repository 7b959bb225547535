"""`kb check`: what is wrong with the articles, for authors, their editors and their pipelines.

The exit codes are those of docs/checks.md (0 clean, 1 findings that count, 2 a wrong call).
Findings go to standard output in one of four forms, everything else to standard error.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kb.config.settings import load
from kb.progress import ProgressBar


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Warnings count as errors do.")
@click.option(
    "--format",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How findings are written.",
)
@click.option("--since", metavar="REV", help="Only what the change since this commit brings.")
@click.option("--fix", is_flag=True, help="First mend what needs no judgement.")
@click.option("--baseline", type=click.Path(path_type=Path), help="Known findings, left out.")
@click.option("--write-baseline", is_flag=True, help="Write the findings to that file.")
@click.option(
    "--questions/--no-questions",
    default=None,
    help="Search for what articles answer; by default with PATHS or --since.",
)
@click.option(
    "--meaning/--no-meaning",
    default=None,
    help="Search by meaning too; by default when the live index does.",
)
def check(strict: bool, format: str, **given: Any) -> None:
    """List what is wrong with the articles, or with those at PATHS."""
    from kb.authoring.check import CheckOptions, run_check
    from kb.authoring.check_output import FORMATS, summary

    if given["write_baseline"] and given["baseline"] is None:
        raise click.UsageError("--write-baseline needs --baseline FILE.")
    with ProgressBar() as bar:
        outcome = run_check(load(), CheckOptions(**given), now=datetime.now(UTC), progress=bar)
    told = FORMATS[format](outcome)
    if told:
        click.echo(told)
    for remark in (*outcome.remarks, summary(outcome)):
        click.echo(remark, err=True)
    sys.exit(1 if outcome.fails(strict=strict) else 0)
