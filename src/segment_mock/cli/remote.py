"""Commands that call the control plane of a running server: health, clock, state, snapshot, reset, open."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from ..control_client import TIMEOUT, ControlClient, escaped
from ..settings import OPTIONS, SettingError, merged, naming, resolve
from ..wording import file_reason, plural
from .completion import files
from .tables import print_table
from .terminal import echo

_HEALTH_TIMEOUT = 5.0
_Command = TypeVar("_Command", bound=Callable[..., Any])
_url = click.option("--url", envvar="SEGMENT_MOCK_URL", help="Base URL of the server. [SEGMENT_MOCK_URL]")
_ca = click.option(
    "--ca-file",
    envvar="SEGMENT_MOCK_CA_FILE",
    shell_complete=files,
    help="CA certificate that verifies a --tls server. [SEGMENT_MOCK_CA_FILE]",
)
_token = click.option(
    "--admin-token", envvar="SEGMENT_MOCK_ADMIN_TOKEN", help="Admin token of the server. [SEGMENT_MOCK_ADMIN_TOKEN]"
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def with_server(command: _Command) -> _Command:
    """Add the options of a server to *command*, which gets a `ControlClient` as its first argument."""

    @wraps(command)
    def wrapper(url: str | None, ca_file: str | None, admin_token: str | None, **options: Any) -> Any:
        with exit_codes(), closing(client_of(url, admin_token, ca_file)) as client:
            return command(client, **options)

    return _url(_ca(_token(wrapper)))  # type: ignore[return-value]


@contextmanager
def exit_codes() -> Iterator[None]:
    """Exit with 1 and a one-line message if the server does not answer, or refuses the request."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the output has ended, as `head` does: click ends without a word
    except (SettingError, LookupError, OSError, RuntimeError) as error:
        if isinstance(error, (click.ClickException, click.exceptions.Exit)):
            raise
        options = {
            "no segment-mock answers": "--url or SEGMENT_MOCK_URL",
            "admin token": "--admin-token or SEGMENT_MOCK_ADMIN_TOKEN",
        }
        option = next((f" ({options[words]})" for words in options if words in str(error)), "")
        reason = file_reason(error) if isinstance(error, OSError) else ""
        raise click.ClickException(reason or f"{error}{option}") from None


def client_of(
    url: str | None, token: str | None, ca_file: str | bool | None, timeout: float = TIMEOUT
) -> ControlClient:
    """Return a client for the control plane of the server at *url*; the command exits with 2 if the URL is invalid.

    *url* is by default the address in the settings. *timeout* is in seconds.
    """
    try:
        return ControlClient(base_url(url), token, ca_file=ca_file, timeout=timeout)
    except SettingError as error:
        raise click.UsageError(str(error)) from None


def base_url(url: str | None) -> str:
    """Return *url*, by default the address in the settings, without a trailing slash."""
    if url:
        return url.rstrip("/")
    rows = [option for option in OPTIONS if option.name in ("host", "port", "tls")]
    try:
        settings = resolve(rows, {}, os.environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    host = settings["host"] if settings["host"] not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared only
    return f"http{'s' * settings['tls']}://{host}:{settings['port']}"


def print_json(data: Any) -> None:
    """Print *data* as JSON."""
    echo(json.dumps(data, indent=2, ensure_ascii=False))


@click.command()
@_url
@_ca
def health(url: str | None, ca_file: str | None) -> None:
    """Exit with 0 if a server answers, otherwise with 1."""
    # No secret is sent or received, so a server may be called without its CA certificate.
    with exit_codes(), closing(client_of(url, None, ca_file or False, _HEALTH_TIMEOUT)) as client:
        click.echo(json.dumps(client.check()))


# Records.


@click.group()
def state() -> None:
    """Save, replace or reset a running server's records."""


_organization = click.option("--organization", help="Credential of the organization (--credentials isolated).")


@state.command("export")
@with_server
@_organization
def export(client: ControlClient, organization: str | None) -> None:
    """Print every record, and the ids of deleted records, as JSON in the form of --data."""
    click.echo(json.dumps(client.get("/state", deleted=True, organization=organization), indent=2))


@state.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@with_server
@_organization
def import_(client: ControlClient, file: str, organization: str | None) -> None:
    """Replace all records with those of FILE (YAML or JSON; - is standard input)."""
    try:
        document = merged([json.load(sys.stdin) if file == "-" else file])
    except (SettingError, ValueError, RecursionError) as error:
        raise click.UsageError(str(error)) from None
    with naming(None if file == "-" else file):
        client.put("/state", document, organization=organization)
    source = "standard input" if file == "-" else Path(file).name
    count = sum(len(rows) for part in document.values() for rows in part.values())
    click.echo(f"{source}: loaded {plural(count, 'row')}", err=True)


def _reset(client: ControlClient) -> None:
    """Return a running server to its initial data.

    Faults, journal, clock and limits are cleared.
    """
    client.post("/reset")


state.command("reset")(with_server(_reset))
reset_server = click.command("reset")(with_server(_reset))


# Snapshots.


@click.group()
def snapshot() -> None:
    """Take and restore snapshots of a running server's records."""


@snapshot.command("take")
@click.argument("name")
@with_server
def take(client: ControlClient, name: str) -> None:
    """Take a snapshot of the current records as NAME; it lasts until a reset."""
    client.post(f"/snapshots/{escaped(name)}")


@snapshot.command("restore")
@click.argument("name")
@with_server
def restore(client: ControlClient, name: str) -> None:
    """Return all records to the snapshot NAME."""
    client.post(f"/snapshots/{escaped(name)}/restore")


@snapshot.command("list")
@as_json_option
@with_server
def list_snapshots(client: ControlClient, as_json: bool) -> None:
    """List the snapshots, oldest first."""
    rows = client.get("/snapshots")["snapshots"]
    if as_json:
        print_json(rows)
    else:
        print_table(("name", "position in the change log"), [(row["name"], row["mark"]) for row in rows])


# The clock.


@click.group(invoke_without_command=True)
@as_json_option
@with_server
def clock(client: ControlClient, as_json: bool) -> None:
    """Show or change a running server's clock.

    It can be frozen, set, advanced and resumed.
    """
    if click.get_current_context().invoked_subcommand is None:
        _show_clock(client.get("/clock"), as_json)


def _show_clock(response: Any, as_json: bool = False) -> None:
    if as_json:
        print_json(response)
    else:
        click.echo(f"{response['now']}{' (frozen)' if response['frozen'] else ''}")


@clock.command("freeze")
@click.argument("time", required=False)
@with_server
def freeze(client: ControlClient, time: str | None) -> None:
    """Stop the clock, now or at TIME: ISO 8601 or seconds since 1970."""
    _show_clock(client.post("/clock", {"freeze": True if time is None else _moment(time)}))


@clock.command("set")
@click.argument("time")
@with_server
def set_(client: ControlClient, time: str) -> None:
    """Set the clock to TIME: ISO 8601 or seconds since 1970. It stays frozen or running."""
    _show_clock(client.post("/clock", {"set": _moment(time)}))


@clock.command("advance", context_settings={"ignore_unknown_options": True})  # -5 is a number, not an option
@click.argument("seconds", type=float)
@with_server
def advance(client: ControlClient, seconds: float) -> None:
    """Move the clock SECONDS forward."""
    _show_clock(client.post("/clock", {"advance": seconds}))


@clock.command("resume")
@with_server
def resume(client: ControlClient) -> None:
    """Let a frozen clock run again."""
    _show_clock(client.post("/clock", {"freeze": False}))


def _moment(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


@click.command("open")
@click.option("--print", "only_print", is_flag=True, help="Print the address instead of opening a browser.")
@with_server
def open_page(client: ControlClient, only_print: bool) -> None:
    """Open the page of a running server in the browser."""
    client.check()
    address = f"{client.url}/_mock/"
    click.echo(address)
    if not only_print and click.launch(address):
        raise click.ClickException(f"no browser could be started; open {address} in one")
