"""``segment-mock exec``: run a command with a server. ``segment-mock env``: the variables for a shell."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import click

from ..core import all_options
from ..mock import SegmentMock
from ..transports.environment import environment
from ..transports.server.server import LiveServer
from ..vendors import find_vendors
from ..wording import plural
from .completion import files, programs
from .errors import log_line
from .log import ErrorLog
from .options import config_option, flags, resolve_settings
from .remote import base_url, client_of, exit_codes
from .serve import SIGNAL_INTERVAL, ReadyFile, create_mock, start_server

_OPTIONS = all_options(find_vendors())
_DEFAULTS = {"port": 0, "proxy": True}
"""Defaults that differ from those of ``serve``. TLS is that of the proxy."""
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("exec", context_settings={"allow_interspersed_args": False})
@flags(replace(row, default=_DEFAULTS.get(row.name, row.default)) for row in _OPTIONS if row.name != "tls")
@config_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, shell_complete=programs)
def exec_(command: tuple[str, ...], config: str | None, **option_values: Any) -> None:
    """Run COMMAND with a server that answers its calls.

    COMMAND may be in any language; its calls to the vendors' hosts reach the server. The server is a proxy on a free
    port, with a certificate authority that the command's environment trusts. Exits with the command's exit code, or
    with 128 plus the number of the signal that ended it. Exits with 127 if the command does not exist, and with 126 if
    it can't be run.
    """
    settings = resolve_settings(
        _OPTIONS, {"port": os.environ.get("SEGMENT_MOCK_PORT") or 0, **_without_absent(option_values)}, config
    )
    as_json = settings["log_format"] == "json"
    ready_file = ReadyFile(settings["ready_file"]) if settings["ready_file"] else None
    with ExitStack() as stack:
        stack.enter_context(ErrorLog(sys.stderr, settings["log_format"]))
        mock = stack.enter_context(create_mock(settings))
        server = start_server(mock, settings["host"], settings["port"], tls=False, proxy=True)
        if ready_file:
            ready_file.write(server)
            stack.callback(ready_file.remove)
        hosts = [*_vendor_hosts(), *settings["hosts"]]
        code = run_command(command, {**os.environ, **environment(server.url, Path(str(server.ca_file)), hosts)})
        summary = _summary(mock, server)
        first = f"segment-mock answered {_count(summary['calls'])}"
        click.echo(log_line("INFO", first, **summary) if as_json else "\n".join([first, *_lines(summary)]), err=True)
    click.get_current_context().exit(code)


@click.command("env")
@click.option("--url", envvar="SEGMENT_MOCK_URL", help="Base URL of the server. [SEGMENT_MOCK_URL]")
@click.option(
    "--ca-file",
    envvar="SEGMENT_MOCK_CA_FILE",
    shell_complete=files,
    help="CA certificate that verifies a --tls server. [SEGMENT_MOCK_CA_FILE]",
)
def env(url: str | None, ca_file: str | None) -> None:
    """Print the environment variables by which a shell's commands reach the running server.

    In a shell, run eval "$(segment-mock env)".
    """
    base = base_url(url)
    with exit_codes(), closing(client_of(base, None, ca_file if base.startswith("https:") else None)) as client:
        response = client.send("GET", "/ca.pem")
    copy: Path | None = None
    if response.status == 200:
        folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "segment-mock"
        folder.mkdir(parents=True, exist_ok=True)
        copy = folder / f"{base.rpartition(':')[2]}.pem"
        copy.write_bytes(response.data)
    for name, value in environment(base, copy, _vendor_hosts()).items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _vendor_hosts() -> list[str]:
    return [host for vendor in find_vendors() for host in vendor.hosts]


def _without_absent(flags: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value not in (None, ())}


class NoSuchCommand(click.ClickException):
    """The command does not exist."""

    exit_code = 127


class NotExecutable(click.ClickException):
    """The command exists, but can't be run."""

    exit_code = 126


def run_command(command: tuple[str, ...], variables: dict[str, str]) -> int:
    """Run *command* with the environment *variables*, pass signals on to it, and return its exit code.

    Exits with 127 if the command does not exist, and with 126 if it can't be run.
    """
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _: object) -> None:
        if started:
            started[0].send_signal(number)
        else:
            early.append(number)

    # Install the handlers before the command starts, because it may be sent a signal right after its first output.
    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        started.append(subprocess.Popen(command, env=variables))  # noqa: S603 - the command is the user's own
        for number in early:
            started[0].send_signal(number)
        # Another thread waits, because Python calls handlers of signals only between the steps of this thread. A signal
        # does not interrupt a wait that is about to begin. It may also reach another thread.
        waiting = Thread(target=started[0].wait, name="segment-mock-exec", daemon=True)
        waiting.start()
        while waiting.is_alive():
            waiting.join(SIGNAL_INTERVAL)
        code = started[0].wait()
    except OSError as error:  # the exit codes of a shell
        if isinstance(error, FileNotFoundError) or _is_missing(error, command[0], variables):
            raise NoSuchCommand(f"{command[0]}: {os.strerror(errno.ENOENT)}") from None
        raise NotExecutable(f"{command[0]}: {error.strerror}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _is_missing(error: OSError, name: str, variables: dict[str, str]) -> bool:
    """Return whether *error* only means that this user may not read a folder in PATH."""
    folders = variables.get("PATH", os.defpath).split(os.pathsep)
    is_searched = isinstance(error, PermissionError) and os.sep not in name
    # Unlike this, Path.exists raises for a folder that may not be read.
    return is_searched and not any(os.path.exists(Path(folder, name)) for folder in folders)  # noqa: PTH110


def _summary(mock: SegmentMock, server: LiveServer) -> dict[str, Any]:
    calls = Counter((entry.operation, str(entry.status or entry.outcome)) for entry in mock.journal)
    return {
        "calls": [
            {"operation": name, "answer": status, "count": calls[name, status]} for name, status in sorted(calls)
        ],
        "faults": [
            {"id": rule.id, "kind": rule.kind, "operation": rule.operation, "fired": rule.fired, "why": rule.explain()}
            for rule in mock.faults
        ],
        "refused": dict(sorted(mock.refused.items())),
        "failed_handshakes": dict(sorted(server.failed_handshakes.items())),
    }


def _count(calls: list[dict[str, Any]]) -> str:
    return plural(sum(row["count"] for row in calls), "call")


def _lines(summary: dict[str, Any]) -> Iterator[str]:
    for row in summary["calls"]:
        yield f"  {row['count']:5}  {row['answer']:9} {row['operation']}"
    for row in summary["faults"]:
        label, reason = ("fault", "") if row["fired"] else ("not fired", f": {row['why']}")
        yield f"  {row['fired']:5}  {label:9} {row['kind']} on {row['operation']}, rule {row['id']}{reason}"
    for host, count in summary["refused"].items():
        yield f"  {count:5}  refused   {host}: not a vendor's host"
    for host, count in summary["failed_handshakes"].items():
        yield f"  {count:5}  TLS error {host}: the handshake failed; does the client trust $SEGMENT_MOCK_CA_FILE?"
