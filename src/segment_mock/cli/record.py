"""``segment-mock record``: run a command, forward its calls to one vendor's host, and keep the exchanges."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from ..conform.recording import Exchange, documents
from ..core import Vendor
from ..core.steps import begin, end
from ..hosts import host_of, matches
from ..messages import Request, Response
from ..mock import SegmentMock
from ..transports.environment import environment
from ..transports.server.server import LiveServer
from ..transports.server.tls import CertificateAuthority
from ..vendors import find_vendors
from ..wording import plural, system_reason
from .completion import programs
from .conform import check_url
from .exec import run_command

_VENDORS = {vendor.name: vendor for vendor in find_vendors()}
_HOP_BY_HOP = (
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
    *("transfer-encoding", "upgrade", "host", "content-length", "accept-encoding", "content-encoding"),
)


@click.command("record", context_settings={"allow_interspersed_args": False})
@click.option("--target", required=True, metavar="URL", help="Base URL of the real vendor, where calls are forwarded.")
@click.option("--vendor", "name", required=True, type=click.Choice([*_VENDORS]), help="Vendor of the API.")
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write, which must be empty or new.",
)
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False), help="CA certificate that verifies the target."
)
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=30, show_default=True, help="Read timeout in seconds."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, shell_complete=programs)
def record(command: tuple[str, ...], target: str, name: str, out: Path, ca_file: str | None, timeout: float) -> None:
    """Run COMMAND, and record its calls to a vendor.

    Calls to the vendor's hosts are forwarded to URL, and the exchanges are written to a folder. Calls to other hosts
    are refused. Credentials are redacted; ids and times become placeholders. Names, addresses and other contents stay,
    so check the files before you share them. The folder gets one file for each call, in the form of fixtures/, and
    recording.har. Exits with the command's exit code.
    """
    check_url(target)
    if out.is_dir() and any(out.iterdir()):
        raise click.UsageError(f"--out {out}: the folder is not empty; name a new one")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / "recording.har"
        probe.touch()  # before the command runs, because its calls can't be repeated
        probe.unlink()
    except OSError as error:
        raise click.UsageError(f"--out {out}: it can't be written: {system_reason(error)}") from None
    vendor = _VENDORS[name]
    with SegmentMock(journal_size=100_000) as mock:
        recorder = _Recorder(mock, vendor, target, ca_file, timeout)
        server = LiveServer(
            recorder.answer,
            lambda request: _plain(404, "The control plane is not available while recording."),
            mock.clock,
            body_limit=mock.settings["body_limit"],
            admit=recorder.admits,
            authority=CertificateAuthority(vendor.hosts),
        ).start()
        try:
            variables = environment(server.url, Path(str(server.ca_file)), vendor.hosts)
            code = run_command(command, {**os.environ, **variables})
        finally:
            server.stop()
            recorder.write(out)
    click.get_current_context().exit(code)


class _Recorder:
    """Forwards calls to hosts of *vendor* to *target*, one at a time, and records them."""

    def __init__(self, mock: SegmentMock, vendor: Vendor, target: str, ca_file: str | None, timeout: float) -> None:
        import requests

        self._mock, self._vendor, self._target = mock, vendor, target.rstrip("/")
        self._exchanges: list[Exchange] = []
        self._failed: list[str] = []
        self._refused = 0
        self._session = requests.Session()
        self._session.auth = lambda prepared: prepared  # otherwise requests reads ~/.netrc
        self._options: dict[str, Any] = {"verify": ca_file or True, "timeout": timeout, "allow_redirects": False}

    def admits(self, host: str) -> bool:
        """Return whether *host* belongs to the vendor."""
        return any(matches(host, pattern) for pattern in self._vendor.hosts)

    def answer(self, request: Request) -> Response:
        """Return the target's response to *request*; refuse a request for another host."""
        if not self.admits(host_of(request.headers.get("host", ""))):
            self._refused += 1
            return _plain(403, f"Not forwarded: the host does not belong to {self._vendor.title}.")
        if request.too_large:
            self._failed.append(f"{request.method} {request.target}: the body is too large")
            return _plain(413, "Not forwarded: the body is too large.")
        core = self._mock._emulator
        call = core.call(request)
        entry, response = begin(call, core.journal), None
        try:
            response = self._forwarded(request)
        finally:
            end(call, entry, response, core.journal)
        if response.status != 502 or "X-Segment-Mock-Hint" not in response.headers:
            self._exchanges.append(Exchange(f"{call.vendor.name}.{call.operation.name}", request, response))
        return response

    def _forwarded(self, request: Request) -> Response:
        import requests

        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            with self._session.request(
                request.method,
                self._target + request.target,
                headers=headers,
                data=request.body or None,
                **self._options,
            ) as response:
                end_to_end = {
                    name: value for name, value in response.headers.items() if name.lower() not in _HOP_BY_HOP
                }
                return Response(response.status_code, end_to_end, response.content)
        except requests.RequestException as error:
            self._failed.append(f"{request.method} {request.target}: {type(error).__name__}")
            return _plain(502, f"The target did not answer: {type(error).__name__}.", hint="the target did not answer")

    def write(self, out: Path) -> None:
        """Write all exchanges, and print how many there are."""
        self._session.close()
        day = datetime.fromtimestamp(self._mock.clock.now(), timezone.utc).date()
        rows, clean = documents(self._vendor, self._exchanges, f"recorded on {day} with segment-mock record")
        for number, row in enumerate(rows, 1):
            label = row["operation"].partition(".")[2].replace("_", "-")
            _write(out / f"{number:03}-{label}.json", row)
        _write(out / "recording.har", _archive(self._mock.journal.har(), clean))
        click.echo(f"segment-mock recorded {plural(len(rows), 'call')} in {out}", err=True)
        for line in self._failed:
            click.echo(f"  not recorded: {line}", err=True)
        if self._refused:
            click.echo(f"  not forwarded: {plural(self._refused, 'call')} to other hosts", err=True)


def _archive(value: Any, clean: Callable[[str], str], name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _archive(member, clean, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_archive(item, clean, name) for item in value]
    return clean(value) if isinstance(value, str) and name != "startedDateTime" else value


def _write(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8", errors="backslashreplace")


def _plain(status: int, text: str, hint: str = "") -> Response:
    headers = {"Content-Type": "text/plain; charset=utf-8", **({"X-Segment-Mock-Hint": hint} if hint else {})}
    return Response(status, headers, text.encode() + b"\n")
