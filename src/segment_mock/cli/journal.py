"""``segment-mock journal``: list the calls and responses of a running server."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from ..control_client import ControlClient
from ..json_match import brief
from ..wording import json_reason, plural
from .completion import fault_kinds, of, operations, vendors
from .remote import as_json_option, print_json, with_server
from .tables import print_table
from .terminal import colour_of, echo

_COLUMNS = ("#", "time", "operation", "response", "ms", "changes", "notes")


def _json(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            json.loads(value)
        except (ValueError, RecursionError) as error:
            raise click.BadParameter(f"{brief(value)} is not JSON: {json_reason(error)}", context, parameter) from None
    return value


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> str | None:
    pairs = [value.partition("=") for value in values]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r} is not NAME=VALUE", context, parameter)
    return json.dumps({name: value for name, _, value in pairs}) if pairs else None


@click.command()
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--follow", "-f", is_flag=True, help="Also print new calls as they come, until Ctrl-C.")
@click.option("--vendor", shell_complete=of(vendors), help="Only calls of this vendor.")
@click.option(
    "--operation",
    shell_complete=of(operations),
    help="Only this operation: a name with or without its vendor, or a glob.",
)
@click.option("--status", type=int, help="Only responses with this status.")
@click.option("--fault", shell_complete=of(fault_kinds), help="Only calls that a fault of this kind, or rule, struck.")
@click.option("--organization", help="Only calls of this organization: its name or a credential.")
@click.option("--after", help="Only calls from this time on: ISO 8601 or seconds since 1970.")
@click.option("--before", help="Only calls before this time.")
@click.option("--since", type=int, help="Only calls after the entry with this number.")
@click.option("--limit", type=click.IntRange(min=0), help="Only the newest calls, at most this many.")
@click.option("--body", callback=_json, metavar="JSON", help="Only calls whose JSON body contains this.")
@click.option("--exact", is_flag=True, help="Only calls whose whole body equals --body.")
@click.option(
    "--header", "headers", callback=_pairs, multiple=True, metavar="NAME=VALUE", help="Only calls with this header."
)
@click.option(
    "--query", callback=_pairs, multiple=True, metavar="NAME=VALUE", help="Only calls with this query parameter."
)
@click.option(
    "--har",
    type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path),
    help="File to write as HTTP Archive.",
)
@click.option("--clear", is_flag=True, help="Clear the journal instead of printing it.")
@as_json_option
@with_server
def journal(
    client: ControlClient,
    number: int | None,
    follow: bool,
    har: Path | None,
    clear: bool,
    as_json: bool,
    body: str | None,
    exact: bool,
    **filters: Any,
) -> None:
    """List the calls of a running server, oldest first. With NUMBER, show one call in full.

    With --json, each call is an object with headers, bodies and changes; with --follow, one for each line.
    """
    modes = {"NUMBER": number is not None, "--follow": follow, "--har": har is not None, "--clear": clear}
    requested_modes = [name for name, is_chosen in modes.items() if is_chosen]
    if len(requested_modes) > 1:
        raise click.UsageError(f"{' and '.join(requested_modes)} can't be combined")
    if exact and body is None:
        raise click.UsageError("--exact: --body is missing; --exact compares the whole body with it")
    query = {**filters, "json": body, "exact": exact or None}
    if clear:
        client.delete("/journal")
    elif number is not None:
        _show(client.get(f"/journal/{number}"), as_json)
    elif har is not None:
        archive = client.call("GET", "/journal.har", query=query)
        with click.open_file(str(har), "w", encoding="utf-8") as file:
            file.write(json.dumps(archive, indent=1))
        _print_note(archive["log"].get("comment", ""))
        if har != Path("-"):
            click.echo(f"{har}: written", err=True)
    elif follow:
        _follow(client, query, as_json)
    else:
        response = client.call("GET", "/journal", query=query)
        _list(response, as_json)


def _list(response: Mapping[str, Any], as_json: bool) -> None:
    _note_undecided(response["undecided"])
    if as_json:
        print_json(response["entries"])
        return
    print_table(_COLUMNS, map(_row, response["entries"]), empty="no call matches")
    if response["forgotten"]:
        forgotten_calls = plural(response["forgotten"], "older call was", "older calls were")
        click.echo(f"{forgotten_calls} dropped (--journal-size, --journal-bytes)", err=True)


def _note_undecided(numbers: Iterable[int]) -> None:
    from ..journal import undecided_note  # slow to import

    _print_note(undecided_note([*numbers]))


def _print_note(note: str) -> None:
    if note:
        click.echo(note.replace("json: ", "--body: ", 1), err=True)


def _follow(client: ControlClient, query: Mapping[str, Any], as_json: bool) -> None:
    """Print the calls so far, then each new call once it is answered."""
    printed_ids: set[int] = set()

    def show(response: Mapping[str, Any]) -> None:
        _note_undecided(number for number in response["undecided"] if number not in printed_ids)
        printed_ids.update(response["undecided"])
        for entry in response["entries"]:
            if entry["outcome"] != "open" and entry["id"] not in printed_ids:
                printed_ids.add(entry["id"])
                echo(json.dumps(entry, ensure_ascii=False) if as_json else _line(entry))
        sys.stdout.flush()

    try:
        for kind, data in client.events():
            if kind == "begin":
                show(client.call("GET", "/journal", query=query))
            elif kind == "reset":
                printed_ids.clear()
                click.echo("-- the journal was cleared --", err=True)
            elif kind == "entry" and data["outcome"] != "open" and data["id"] not in printed_ids:
                since = max(data["id"] - 1, query.get("since") or 0)
                show(client.call("GET", "/journal", query={**query, "since": since, "limit": None}))
    except KeyboardInterrupt:
        pass


def _line(entry: Mapping[str, Any]) -> str:
    number, time, operation, response, took, changes, notes = _row(entry)
    response = click.style(f"{response:<10}", fg=colour_of(response))
    return f"{number:>4} {time} {operation:<30} {response} {took:>8} ms  {changes:<20} {notes}".rstrip()


def _row(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    is_complete = entry["outcome"] == "answered"
    response = (
        str(entry["status"]) if is_complete else " ".join(filter(None, [str(entry["status"] or ""), entry["outcome"]]))
    )
    kinds = Counter(
        f"{'+' if row['before'] is None else '-' if row['after'] is None else '~'}{row['table']}"
        for row in entry["changes"]
    )
    changes = " ".join(f"{kind} x{count}" if count > 1 else kind for kind, count in kinds.items())
    faults = [f"fault {fault}" for fault in entry["faults"]]
    notes = "; ".join(filter(None, [*faults, entry["refusal"], entry["hint"]]))
    return entry["id"], entry["time"], entry["operation"], response, f"{entry['duration'] * 1000:.1f}", changes, notes


def _show(entry: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(entry)
        return
    print_table(_COLUMNS, [_row(entry)])
    request, response = entry["request"], entry["response"]
    echo(f"\n{entry['method']} {entry['path']}")
    _message(request)
    echo(f"\n{entry['status'] or entry['outcome']}")
    _message(response)
    for change in entry["changes"]:
        echo(f"\n{change['table']} {json.dumps(change['key'])}")
        echo(f"  before {json.dumps(change['before'], ensure_ascii=False)}")
        echo(f"  after  {json.dumps(change['after'], ensure_ascii=False)}")


def _message(message: Mapping[str, Any]) -> None:
    for name, value in message["headers"].items():
        echo(f"{name}: {value}")
    if message["body"] is not None:
        body = message["body"]
        echo(body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False))
