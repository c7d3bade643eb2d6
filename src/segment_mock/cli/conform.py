"""``segment-mock conform``: replay the shipped examples, or recordings, against any URL."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from ..clock import Clock
from ..conform import (
    Client,
    ControlPlane,
    Example,
    MockTarget,
    Result,
    SandboxTarget,
    Target,
    Unreachable,
    conform,
    examples,
    junit,
    redact,
    summary,
)
from ..conform.recording import read_recordings, replay
from ..core import all_options
from ..mock import SegmentMock
from ..settings import Option, SettingError, resolve, suggestion
from ..vendors import find_vendors
from .completion import of
from .options import flags
from .terminal import Progress, echo, echo_outcome

_NAMES = [vendor.name for vendor in find_vendors()]
_KEYS = {vendor.name: vendor.key_flag.replace("-", "_") for vendor in find_vendors()}
_ROOTS = {vendor.name: f"{vendor.name}_path" for vendor in find_vendors()}
_SHOWN = 20
"""How many differences of one example are printed."""


def _option(row: Option) -> Option | None:
    if row.name in _KEYS.values():
        return replace(row, many=False, help="Credential to send; process lists do not show it if it is a variable.")
    if row.name == "admin_token":
        return replace(row, help="Admin token of the target, if it is a segment-mock that has one.")
    return row if row.name in _ROOTS.values() else None


_OPTIONS = [option for row in all_options(find_vendors()) if (option := _option(row))]


def _example_names() -> list[str]:
    return [example.name for example in examples()]


@click.command("conform")
@click.option("--target", metavar="URL", envvar="SEGMENT_MOCK_URL", help="Base URL of the target. [SEGMENT_MOCK_URL]")
@click.option(
    "--fixtures",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Replay the recordings of `segment-mock record` in this folder instead; without --target, against a new mock.",
)
@click.option(
    "--vendor",
    "vendors",
    multiple=True,
    type=click.Choice(_NAMES),
    help="Only examples of this vendor; may be repeated.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    shell_complete=of(_example_names),
    help="Only these examples, such as 'salsa/upsert*'.",
)
@flags(_OPTIONS)
@click.option(
    "--allow-writes", is_flag=True, help="Perform calls that write, and create the records that examples need."
)
@click.option("--allow-leftovers", is_flag=True, help="Also create records that the vendor's API cannot remove.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help="Read timeout in seconds."
)
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False), help="CA certificate that verifies the target."
)
@click.option("--junit", "report", type=click.Path(dir_okay=False, path_type=Path), help="File to write as JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout, and the lines on stderr.")
def conform_(
    target: str | None,
    folder: Path | None,
    vendors: Sequence[str],
    only: Sequence[str],
    report: Path | None,
    **option_values: Any,
) -> None:
    """Replay the shipped examples against the target.

    For each example, it prints whether the response is as expected. If the target is a segment-mock, the records of
    each example are loaded through its control plane, and its own records are restored at the end. On any other target
    they are created through the vendor's API, under unique names, and removed at the end. Exits with 1 if a response
    differs, nothing was compared, or records could not be removed; with 2 for a bad option.
    """
    if report and not (report.parent.is_dir() and os.access(report.parent, os.W_OK)):
        raise click.UsageError(f"--junit {report}: the folder does not exist or is not writable")
    settings = _settings(option_values)
    if folder:
        others = {"--vendor": vendors, "--only": only, "--junit": report, "--json": option_values["as_json"]}
        if chosen_flags := [flag for flag, value in others.items() if value]:
            raise click.UsageError(
                f"--fixtures replays every recording; it can't be combined with {' and '.join(chosen_flags)}"
            )
        _replay(folder, target, settings, option_values)
        return
    if not target:
        raise click.UsageError("Missing option '--target'.")
    secrets = _secrets(check_url(target), settings)
    selection = _selection(vendors or _NAMES, only)
    client = Client(target, option_values["timeout"], option_values["ca_file"], secrets)
    with closing(client), _interruptible():
        try:
            target_ = _target(client, settings, option_values)
        except Unreachable as error:
            raise click.ClickException(redact(f"{client.display_url} can't be reached: {error}", secrets)) from None
        results, leftovers = _run(target_, client, selection, secrets, option_values["as_json"])
    _report(client.display_url, target_.name, results, leftovers, report, option_values["as_json"])


def _replay(folder: Path, target: str | None, settings: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
    try:
        recordings = read_recordings(folder)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    reading = {f"{vendor.name}.{row.name}" for vendor in find_vendors() for row in vendor.operations if row.reads}
    writing = [recording.name for recording in recordings if recording.document.get("operation") not in reading]
    if target and writing and not flags["allow_writes"]:
        raise click.UsageError(f"{', '.join(writing)}: calls that write need --allow-writes")
    credentials = {vendor.key_header.lower(): settings[_KEYS[vendor.name]] for vendor in find_vendors()}
    secrets = _secrets(check_url(target) if target else "", settings)
    with ExitStack() as stack:
        url = target or stack.enter_context(SegmentMock()).serve().url
        client = stack.enter_context(closing(Client(url, flags["timeout"], flags["ca_file"], secrets)))

        def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
            headers_to_send = {name: credentials.get(name.lower()) or value for name, value in headers.items()}
            response = client.ask(method, path, headers_to_send, body)
            return response.status, response.text if response.body is None else response.body

        drifted = []
        try:
            with Progress("replaying the recordings", len(recordings)) as progress:
                for name, differences in replay(recordings, send):
                    drifted += [name] if differences else []
                    progress.step()
                    echo_outcome("drift" if differences else "same ", f"  {name}")
                    for line in differences:
                        echo(f"        {line}")
        except Unreachable as error:
            raise click.ClickException(redact(f"{client.display_url}: {error}", secrets)) from None
    same = len(recordings) - len(drifted)
    click.echo(
        f"{same} same, {len(drifted)} drifted: {folder} against {client.display_url if target else 'a new mock'}"
    )
    if drifted:
        click.get_current_context().exit(1)


def _run(
    target: Target, client: Client, selection: Sequence[Example], secrets: Sequence[str], as_json: bool
) -> tuple[list[Result], list[str]]:
    results: list[Result] = []
    leftovers: list[str] = []
    try:
        with (
            Progress("comparing examples", len(selection)) as progress,
            closing(conform(target, client, selection, secrets)) as run,
        ):
            for result in run:
                results.append(result)
                progress.step()
                _tell(result, err=as_json)
    finally:
        leftovers += [redact(line, secrets) for line in target.close()]
        for line in leftovers:
            click.echo(f"left behind: {line}", err=True)
    return results, leftovers


def _report(
    url: str, kind: str, results: Sequence[Result], leftovers: Sequence[str], file: Path | None, as_json: bool
) -> None:
    totals = summary(url, kind, results, leftovers)
    line = f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped: {url} ({kind})"
    click.echo(line, err=as_json)
    if file:
        try:
            file.write_bytes(junit(url, results, leftovers))
        except OSError as error:
            raise click.UsageError(f"--junit {file}: {error.strerror}") from None
    if as_json:
        click.echo(json.dumps(totals, indent=2))
    if not totals["passed"] + totals["failed"]:
        raise click.ClickException("nothing was compared; each skipped example names the reason")
    if totals["failed"] or leftovers:
        click.get_current_context().exit(1)


def _tell(result: Result, err: bool) -> None:
    echo_outcome(result.verdict, f"  {result.example.name}{f': {result.why}' if result.why else ''}", err=err)
    for line in result.differences[:_SHOWN]:
        echo(f"        {line}", err=err)
    if len(result.differences) > _SHOWN:
        click.echo(f"        and {len(result.differences) - _SHOWN} more", err=err)


def _target(client: Client, settings: Mapping[str, Any], flags: Mapping[str, Any]) -> Target:
    credentials = {vendor: settings[name] for vendor, name in _KEYS.items() if settings[name]}
    control = ControlPlane(client, settings["admin_token"])
    if control.is_segment_mock():
        return MockTarget(control, credentials, writes=flags["allow_writes"])
    roots = {vendor: settings[name] for vendor, name in _ROOTS.items() if name in settings}
    suffix = f"conform-{int(Clock().now() * 1000):x}"
    return SandboxTarget(
        client, credentials, roots, suffix, writes=flags["allow_writes"], leftovers=flags["allow_leftovers"]
    )  # fmt: skip


def _settings(flags: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return resolve(_OPTIONS, {row.name: flags[row.name] for row in _OPTIONS}, os.environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from None


def _secrets(url: str, settings: Mapping[str, Any]) -> list[str]:
    values = [settings[name] for name in (*_KEYS.values(), "admin_token")]
    return sorted({secret for secret in (*values, urlsplit(url).password) if secret}, key=len, reverse=True)


def check_url(text: str) -> str:
    """Return *text* if it is a base URL; exits with 2 otherwise."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or not text.isprintable():
        actual = "" if "@" in text or "?" in text else f", got {text!r}"  # what may have a credential is not shown
        raise click.UsageError(
            f"--target: expected a base URL such as https://sandbox.example.org, without query or fragment{actual}"
        )
    return text


def _selection(vendors: Sequence[str], only: Sequence[str]) -> list[Example]:
    candidates = [example for example in examples() if example.vendor.name in vendors]
    for pattern in only:
        if not any(fnmatch(example.name, pattern) for example in candidates):
            near = suggestion(pattern, [row.name for row in candidates]) if not set("*?[") & {*pattern} else ""
            raise click.UsageError(
                f"--only {pattern}: unknown example{near}; `segment-mock vendors --json` lists the examples"
            )
    return [row for row in candidates if not only or any(fnmatch(row.name, pattern) for pattern in only)]


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM, with which CI ends a job, clean up as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("interrupted; removing the records that were created", err=True)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGTERM, before)
