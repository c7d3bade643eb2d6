"""Commands that talk to a running server's control plane."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..settings import OPTIONS, SettingError, merged, resolve

if TYPE_CHECKING:
    import requests

_TIMEOUT = 5
_url = click.option("--url", envvar="SEGMENT_MOCK_URL", help="Base URL of the server. [SEGMENT_MOCK_URL]")
_ca = click.option(
    "--ca-file", envvar="SEGMENT_MOCK_CA_FILE", help="CA to verify a --tls server by. [SEGMENT_MOCK_CA_FILE]"
)
_token = click.option("--admin-token", envvar="SEGMENT_MOCK_ADMIN_TOKEN", help="[SEGMENT_MOCK_ADMIN_TOKEN]")


@click.command()
@_url
@_ca
def health(url: str | None, ca_file: str | None) -> None:
    """Exit with 0 if a server answers there, else with 1."""
    # Nothing secret is asked or sent, so a server whose CA nobody can give may be asked all the same.
    click.echo(json.dumps(_ask("GET", url, "/_mock/health", None, ca_file or False)))


@click.group()
def state() -> None:
    """Save, replace or reset a running server's records."""


@state.command("export")
@_url
@_ca
@_token
def export(url: str | None, ca_file: str | None, admin_token: str | None) -> None:
    """Print every record, and the ids that had one, as JSON in the form of --data."""
    click.echo(json.dumps(_ask("GET", url, "/_mock/state?deleted=true", admin_token, ca_file or True), indent=2))


@state.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@_url
@_ca
@_token
def import_(file: str, url: str | None, ca_file: str | None, admin_token: str | None) -> None:
    """Put the records of FILE (YAML or JSON; - is standard input) in place of all records."""
    try:
        document = merged([json.load(sys.stdin) if file == "-" else file])
    except (SettingError, ValueError, RecursionError) as error:
        raise click.UsageError(str(error)) from None
    _ask("PUT", url, "/_mock/state", admin_token, ca_file or True, document)
    source = "standard input" if file == "-" else Path(file).name
    click.echo(f"{source}: {sum(len(rows) for part in document.values() for rows in part.values())} rows", err=True)


@state.command("reset")
@_url
@_ca
@_token
def reset(url: str | None, ca_file: str | None, admin_token: str | None) -> None:
    """Return to the data the server started with."""
    _ask("POST", url, "/_mock/reset", admin_token, ca_file or True)


def fetch(
    method: str, base: str, path: str, token: str | None, verify: str | bool = True, body: Any = None
) -> requests.Response:
    """Return the reply of the server at *base*; exits with 1 if none answers there. *verify* is that of requests."""
    import requests  # 60 ms, and `serve` needs none

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with requests.Session() as session, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # who does not verify here means it
            session.trust_env, session.verify = False, verify
            return session.request(method, base + path, json=body, headers=headers, timeout=_TIMEOUT)
    except requests.exceptions.SSLError as error:
        advice = (
            "its certificate can't be verified: name its CA, which `serve` prints, by --ca-file (SEGMENT_MOCK_CA_FILE)"
        )
        raise click.ClickException(f"{base}: {advice}: {error}") from None
    except requests.RequestException as error:
        raise click.ClickException(f"{base}: no segment-mock answers: {error}") from None


def base_url(url: str | None) -> str:
    """Return *url*, or where the settings say that a server listens, without a slash at its end."""
    if url:
        return url.rstrip("/")
    rows = [option for option in OPTIONS if option.name in ("host", "port", "tls")]
    try:
        settings = resolve(rows, {}, os.environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    host = settings["host"] if settings["host"] not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared only
    return f"http{'s' * settings['tls']}://{host}:{settings['port']}"


def _ask(method: str, url: str | None, path: str, token: str | None, verify: str | bool, body: Any = None) -> Any:
    base = base_url(url)
    reply = fetch(method, base, path, token, verify, body)
    try:
        answer = reply.json()
    except ValueError:
        raise click.ClickException(f"{base}: no segment-mock answers, but something else") from None
    if not reply.ok:
        raise click.ClickException(f"{base}{path}: {answer.get('detail', reply.text)}")
    return answer
