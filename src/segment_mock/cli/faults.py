"""``segment-mock faults``: what can go wrong, by kind and by scenario."""

from __future__ import annotations

import json
from dataclasses import fields

import click

from ..emulator import Emulator
from ..faults import ALIASES, WHEN, kinds, option
from ..settings import Option, SettingError


@click.command()
@click.option("--scenarios", "own", multiple=True, metavar="FILE", help="File of scenarios of your own, to list too.")
def faults(own: tuple[str, ...]) -> None:
    """List each kind of fault with its settings, the conditions of a rule, and the named scenarios."""
    try:
        listed = Emulator({"scenarios": own}).scenarios()
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    click.echo("Kinds of fault, and their settings:")
    for name, kind in kinds().items():
        click.echo(f"\n  {name}: {' '.join((kind.__doc__ or '').split())}")
        for row in fields(kind):
            click.echo(f"    {_describe(option(row))}")
    click.echo("\nWhen a rule strikes:\n")
    for condition in WHEN:
        click.echo(f"    {_describe(condition)}")
    click.echo("\nNames from elsewhere:\n")
    for alias, meant in ALIASES.items():
        click.echo(f"    {alias} = {json.dumps(meant)}")
    click.echo("\nScenarios (--scenario NAME):")
    for name, scenario in listed.items():
        click.echo(f"\n  {name}: {scenario['about']}")
        for rule in scenario["faults"]:
            click.echo(f"    {json.dumps(rule)}")


def _describe(row: Option) -> str:
    takes = "|".join(row.choices) or row.kind.title
    default = "" if row.default in (None, "") else f", default {row.default}"
    return f"{row.name} ({takes}{default}): {row.help}"
