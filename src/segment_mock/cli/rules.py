"""``segment-mock rules``: list, arm and disarm faults on a running server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from ..control_client import ControlClient, escaped
from ..json_match import brief
from ..settings import SettingError, naming, read_rules, suggestion
from .completion import fault_kinds, fault_settings, names_or_files, of, operations, scenarios
from .remote import as_json_option, print_json, with_server
from .tables import print_table

_COLUMNS = ("id", "fault", "operation", "when", "fired", "why")
_OF_RULE = (
    "id", "kind", "operation", "match", "when", "seen", "matched", "fired", "suppressed", "why", "where", "armed",
    "since", "until",
)  # fmt: skip
_WHEN = ("skip", "times", "every", "chance", "connection", "from", "until")


@click.group()
def rules() -> None:
    """List, arm and disarm faults on a running server. `segment-mock faults` lists the kinds of fault."""


@rules.command("list")
@click.option("--removed", is_flag=True, help="Also list rules that were removed since the last reset.")
@as_json_option
@with_server
def list_(client: ControlClient, removed: bool, as_json: bool) -> None:
    """List the armed faults, and how often each has struck."""
    _print(client.get("/faults", removed=removed or None)["faults"], as_json)


@rules.command("add")
@click.argument("fault", shell_complete=names_or_files(fault_kinds))
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE]...", shell_complete=fault_settings)
@click.option(
    "--operation", default="*", shell_complete=of(operations), help="Operation to strike, or a glob. [default: all]"
)
@click.option("--match", metavar="JSON", help='What a call must have: {"json": {"payload.count": 20}}.')
@as_json_option
@with_server
def add(
    client: ControlClient, fault: str, settings: tuple[str, ...], operation: str, match: str | None, as_json: bool
) -> None:
    """Arm FAULT: a kind with its settings and conditions, or a file of rules (YAML or JSON).

    \b
    segment-mock rules add error status=503 times=2 --operation salsa.upsert_segments
    segment-mock rules add faults.yaml
    """  # noqa: D301 - Click needs the character, not an escape
    is_file = fault.endswith((".yaml", ".yml", ".json"))
    if is_file:
        if settings or match or operation != "*":
            raise click.UsageError(
                f"{fault}: a file of rules has its own settings, operation and match; leave them out here"
            )
        try:
            definition = read_rules(fault)
        except SettingError as error:
            raise click.UsageError(str(error)) from None
    else:
        definition = {"kind": fault, "operation": operation, **_settings(settings)}
        if match is not None:
            definition["match"] = _value(match)
    with naming(fault if is_file else None, "faults"):
        _print(client.post("/faults", definition)["faults"], as_json)


@rules.command("scenario")
@click.argument("name", required=False, shell_complete=scenarios)
@as_json_option
@with_server
def scenario(client: ControlClient, name: str | None, as_json: bool) -> None:
    """Arm the faults of the scenario NAME. Without NAME, list the scenarios of the server."""
    by_name = {row["name"]: row for row in client.get("/scenarios")["scenarios"]}
    if name is None:
        if as_json:
            print_json([*by_name.values()])
        else:
            print_table(("scenario", "about"), [(row["name"], row["about"]) for row in by_name.values()])
        return
    if name not in by_name:
        raise click.ClickException(
            f"unknown scenario {name!r}{suggestion(name, by_name)}; expected one of {', '.join(by_name)}"
        )
    _print(client.post("/faults", by_name[name]["faults"])["faults"], as_json)


@rules.command("remove")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@with_server
def remove(client: ControlClient, ids: tuple[str, ...]) -> None:
    """Disarm the faults with these IDS."""
    for id_ in ids:
        client.delete(f"/faults/{escaped(id_)}")


@rules.command("clear")
@with_server
def clear(client: ControlClient) -> None:
    """Disarm every fault."""
    client.delete("/faults")


def _settings(pairs: Iterable[str]) -> dict[str, Any]:
    """Return NAME=VALUE as settings of a fault, with the conditions of its rule under ``when``."""
    settings: dict[str, Any] = {}
    when: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{pair!r} is not NAME=VALUE, such as status=503 or times=2")
        (when if name in _WHEN else settings)[name] = _value(value)
    return {**settings, **({"when": when} if when else {})}


def _value(text: str) -> Any:
    """Return the value of *text* if it is JSON, or *text* itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
    except RecursionError:
        raise click.UsageError(f"{brief(text, 50)} is nested too deeply") from None


def _print(rows: Iterable[Mapping[str, Any]], as_json: bool) -> None:
    rows = [*rows]
    if as_json:
        print_json(rows)
        return
    print_table(
        _COLUMNS,
        [
            (row["id"], _fault(row), row["operation"], _words(row["when"]), row["fired"], row["why"])
            for row in rows
        ],
        empty="no fault is armed",
    )  # fmt: skip


def _fault(row: Mapping[str, Any]) -> str:
    return f"{row['kind']} {_words({name: value for name, value in row.items() if name not in _OF_RULE})}".strip()


def _words(settings: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in settings.items()
    )
