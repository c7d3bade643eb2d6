"""``segment-mock replay``: perform the calls of a failed test again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

import click

from ..settings import SettingError
from ..testing.replay import Replay, Replayed
from ..wording import json_reason, plural, system_reason
from .terminal import Progress, colour_of, echo

_SHOWN = 10
"""How many differences of one call are printed."""


@click.command()
@click.argument("capsule", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="Show the request and the response of each call.")
@click.option("--diff", is_flag=True, help="Show responses that differ as a unified diff.")
def replay(capsule: Path, verbose: bool, diff: bool) -> None:
    """Repeat the calls of CAPSULE, and compare the responses.

    A capsule is the JSON file that a failed test writes. It has the records, seed, clock and faults of its mock, and
    every call with its response. Exits with 1 if a response differs, with 2 if the file is not a capsule.
    """
    document = _read(capsule)
    try:
        again = Replay(document)
    except SettingError as error:
        raise click.UsageError(f"{capsule}: {error}") from None
    seed = document["settings"].get("seed", 0)
    click.echo(f"{document['about'] or capsule.name}: {_count(document['calls'])}, seed {seed}")
    try:
        for warning in again.warnings():
            click.echo(f"  note: {warning}", err=True)
        with Progress("replaying", len(document["calls"])) as progress:
            others = sum(not _tell(call, verbose, diff, progress) for call in again.calls())
    except SettingError as error:
        raise click.UsageError(f"{capsule}: {error}") from None
    if others:
        raise click.ClickException(f"{others} of {_count(document['calls'])} had another response")


def _read(capsule: Path) -> Any:
    try:
        return json.loads(capsule.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"{capsule}: {system_reason(error)}") from None
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{capsule}: it is not valid JSON: {json_reason(error)}") from None


def _tell(call: Replayed, verbose: bool, diff: bool, progress: Progress) -> bool:
    """Print the result of *call*, and return whether the response was the same, or the call was skipped."""
    verdict = f"skipped: {call.skipped}" if call.skipped else "differs" if call.differences else "same"
    progress.step()
    echo(f"  #{call.id:<4} {call.operation:<32} {click.style(verdict, fg=colour_of(verdict.partition(':')[0]))}")
    if verbose:
        echo(f"          {call.call['method']} {call.call['target']}")
        _show("> ", call.call["body"])
        response = call.response or call.call["answer"]
        echo(f"          {response['status'] or response['outcome']}")
        _show("< ", response["body"])
    if diff and call.differences:
        was, now = (_document(response).splitlines() for response in (call.call["answer"], call.response))
        for line in unified_diff(was, now, "then", "now", lineterm=""):
            echo(f"          {line}")
        return False
    for difference in call.differences[:_SHOWN]:
        echo(f"          {difference}")
    if len(call.differences) > _SHOWN:
        echo(f"          and {len(call.differences) - _SHOWN} more; --diff shows them all")
    return not call.differences


def _count(calls: list[Any]) -> str:
    return plural(len(calls), "call")


def _show(sign: str, body: Mapping[str, Any]) -> None:
    """Print *body*, in the form of a capsule: JSON indented, text unchanged, bytes as base64."""
    kind, value = next(iter(body.items()), ("text", ""))
    text = json.dumps(value, indent=2, ensure_ascii=False) if kind in ("json", "compact") else str(value)
    for line in text.splitlines():
        echo(f"          {sign}{line}")


def _document(response: Mapping[str, Any]) -> str:
    return json.dumps(response, indent=2, sort_keys=True, ensure_ascii=False)
