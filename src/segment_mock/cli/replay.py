"""``segment-mock replay``: what a test's mock was asked, asked again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..settings import SettingError
from ..testing.replay import Replay, Replayed

_SHOWN = 10
"""How many differences of one call are printed."""


@click.command()
@click.argument("capsule", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def replay(capsule: Path) -> None:
    """Perform the calls of CAPSULE again, and print where the answers differ.

    A capsule is the JSON file that a failed test writes: it has the records, seed, clock and faults of its mock, and
    every call with its answer. Exits with 1 if an answer differs, with 2 if the file is no capsule.
    """
    told = _read(capsule)
    try:
        again = Replay(told)
    except SettingError as error:
        raise click.UsageError(f"{capsule}: {error}") from None
    click.echo(f"{told['about'] or capsule.name}: {len(told['calls'])} calls, seed {told['settings']['seed']}")
    for warning in again.warnings():
        click.echo(f"  note: {warning}", err=True)
    others = sum(not _tell(call) for call in again.calls())
    if others:
        raise click.ClickException(f"{others} of {len(told['calls'])} calls came out otherwise")


def _read(capsule: Path) -> Any:
    try:
        return json.loads(capsule.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{capsule}: no JSON: {error}") from None


def _tell(call: Replayed) -> bool:
    """Print what became of *call*, and return whether it was the same, or was not performed."""
    verdict = f"skipped: {call.skipped}" if call.skipped else "differs" if call.differences else "same"
    click.echo(f"  #{call.id:<4} {call.operation:<32} {verdict}")
    for difference in call.differences[:_SHOWN]:
        click.echo(f"          {difference}")
    if len(call.differences) > _SHOWN:
        click.echo(f"          and {len(call.differences) - _SHOWN} more")
    return not call.differences
