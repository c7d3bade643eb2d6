"""``segment-mock faults``: list the kinds of fault, the conditions of a rule, and the scenarios."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import click

from ..emulator import Emulator
from ..faults import ALIASES, WHEN, kinds, option
from ..settings import Option, SettingError, suggestion
from ..settings import scenarios as shipped_scenarios
from .completion import fault_kinds, files, of


def _names() -> dict[str, str]:
    conditions = {row.name: row.help for row in WHEN}
    return {**fault_kinds(), **conditions, **{name: row["about"] for name, row in shipped_scenarios().items()}}


@click.command()
@click.argument("name", required=False, shell_complete=of(_names))
@click.option(
    "--scenarios",
    "own",
    multiple=True,
    metavar="FILE",
    shell_complete=files,
    help="File of your own scenarios to list too.",
)
def faults(name: str | None, own: tuple[str, ...]) -> None:
    """List the kinds of fault with their settings, the conditions of a rule, and the scenarios.

    NAME limits the list to one kind, condition or scenario, such as latency, times or segmenter.down. Without NAME,
    everything is listed.
    """
    try:
        scenarios = Emulator({"scenarios": own}).scenarios()
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    if name is not None:
        click.echo("\n".join(_description(name, scenarios)))
        return
    click.echo("Kinds of fault, and their settings:")
    for kind in kinds():
        click.echo("\n".join(["", *_kind(kind)]))
    click.echo("\nWhen a rule strikes:\n")
    for condition in WHEN:
        click.echo(f"    {_describe(condition)}")
    click.echo("\nAliases (names of WireMock):\n")
    for alias in ALIASES:
        click.echo(f"    {_alias(alias)}")
    click.echo("\nScenarios (--scenario NAME):")
    for scenario in scenarios:
        click.echo("\n".join(["", *_scenario(scenario, scenarios[scenario])]))


def _description(name: str, scenarios: Mapping[str, Any]) -> Iterator[str]:
    conditions = {row.name: row for row in WHEN}
    if name in kinds():
        yield from _kind(name)
    elif name in ALIASES:
        yield f"  {_alias(name)}"
        yield from _kind(ALIASES[name]["kind"])
    elif name in conditions:
        yield f"  {_describe(conditions[name])}"
    elif name in scenarios:
        yield from _scenario(name, scenarios[name])
    else:
        names = [*kinds(), *ALIASES, *conditions, *scenarios]
        expected = f"expected one of {', '.join(names)}"
        raise click.UsageError(f"unknown fault, condition or scenario {name!r}{suggestion(name, names)}; {expected}")


def _kind(name: str) -> Iterator[str]:
    kind = kinds()[name]
    yield f"  {name}: {' '.join((kind.__doc__ or '').split())}"
    for row in fields(kind):
        yield f"    {_describe(option(row))}"


def _scenario(name: str, scenario: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {name}: {scenario['about']}"
    for rule in scenario["faults"]:
        yield f"    {json.dumps(rule)}"


def _alias(name: str) -> str:
    return f"{name} = {json.dumps(ALIASES[name])}"


def _describe(row: Option) -> str:
    takes = "|".join(row.choices) or row.kind.title
    text = row.default if row.default in row.choices else json.dumps(row.default)
    default = "" if row.default in (None, "") else f", default {text}"
    return f"{row.name} ({takes}{default}): {row.help}"
