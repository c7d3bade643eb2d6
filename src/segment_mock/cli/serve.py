"""``segment-mock serve``: run a live server until a signal ends it."""

from __future__ import annotations

import errno
import json
import logging
import os
import shlex
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from ..core import Vendor, all_options
from ..mock import SegmentMock
from ..settings import SettingError
from ..transports.server.server import LiveServer
from ..vendors import find_vendors
from ..wording import system_reason
from .log import CallLog, ErrorLog
from .options import AddressInUse, config_option, flags, resolve_settings
from .terminal import Progress

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_OPTIONS = all_options(find_vendors())
_LOG = logging.getLogger("segment_mock")
_WATCH_INTERVAL = 0.3
"""Poll interval of the watched files, in seconds."""
SIGNAL_INTERVAL = 1.0
"""How long a signal may go unnoticed at most, in seconds."""


@click.command()
@flags(_OPTIONS)
@config_option
@click.option("--watch", is_flag=True, help="Reload when a file of data, faults, stubs or scenarios changes.")
def serve(config: str | None, watch: bool, **option_values: Any) -> None:
    """Serve both APIs and the control plane over HTTP until Ctrl-C."""
    settings = resolve_settings(_OPTIONS, option_values, config)
    ready_file = ReadyFile(settings["ready_file"]) if settings["ready_file"] else None
    format_ = settings["log_format"]
    with ErrorLog(sys.stderr, format_), Signals() as signals, CallLog(sys.stderr, format_) as log:
        try:
            mock = signals.interruptible(lambda: create_mock(settings))
        except Stopped:
            return
        mock._emulator.journal.subscribe(log)  # `mock.journal` would import all assertions
        with FileWatch(mock, _files(settings)) if watch else nullcontext():
            _serve(mock, settings, signals, ready_file)


def _files(settings: dict[str, Any]) -> list[Path]:
    names = [value for name in ("data", "faults", "stubs", "scenarios") for value in settings[name]]
    return [Path(name) for name in names if isinstance(name, str) and Path(name).is_file()]


def _serve(mock: SegmentMock, settings: dict[str, Any], signals: Signals, ready_file: ReadyFile | None) -> None:
    with mock:
        server = start_server(mock, settings["host"], settings["port"])
        try:
            if ready_file:
                ready_file.write(server)
            click.echo(
                _json_banner(server) if settings["log_format"] == "json" else _banner(server, settings), err=True
            )
            signals.wait()
        finally:
            if ready_file:
                ready_file.remove()


def create_mock(settings: dict[str, Any]) -> SegmentMock:
    """Return a mock with *settings*; exits with 2 for an invalid setting or file."""
    try:
        with Progress("loading data", quiet=settings["log_format"] == "json"):
            return SegmentMock(**settings)
    except SettingError as error:
        raise click.UsageError(str(error)) from None


def start_server(
    mock: SegmentMock, host: str, port: int, *, tls: bool | None = None, proxy: bool | None = None
) -> LiveServer:
    """Return a running server of *mock*.

    Exits with 3 if the address is in use, and with 2 if other machines could reach it without an admin token.
    """
    try:
        with Progress("starting the server", quiet=mock.settings["log_format"] == "json"):
            return mock.serve(host, port, tls=tls, proxy=proxy)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(f"{system_reason(error)}; --port 0 picks a free port") from None
        raise click.ClickException(f"{host}:{port}: {system_reason(error)}") from None


_ROUNDS_WITHOUT_FILE = 3


class FileWatch:
    """Reloads *mock* within a ``with`` block when one of *files* changes: all files or none."""

    def __init__(self, mock: SegmentMock, files: list[Path]) -> None:
        self._mock, self._files, self._is_over = mock, files, Event()
        self._versions = self._current_versions()
        self._thread = Thread(target=self._run, name="segment-mock-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def _current_versions(self) -> list[tuple[int, int] | None]:
        return [(at.st_mtime_ns, at.st_size) if (at := _stat(file)) else None for file in self._files]

    def _run(self) -> None:
        rounds_without_file = 0
        while not self._is_over.wait(_WATCH_INTERVAL):
            now = self._current_versions()
            # An editor may remove a file before it writes the new one, so this is not yet worth a line.
            rounds_without_file = rounds_without_file + 1 if None in now else 0
            if rounds_without_file == _ROUNDS_WITHOUT_FILE:
                missing = ", ".join(str(file) for file, at in zip(self._files, now, strict=True) if at is None)
                _LOG.warning("%s can't be found; no file is reloaded until it is there again", missing)
            if now == self._versions or rounds_without_file:
                continue
            names = ", ".join(str(file) for file, a, b in zip(self._files, self._versions, now, strict=True) if a != b)
            self._versions = now
            try:
                self._mock.reload()
            except SettingError as error:
                _LOG.error("%s changed, but can't be used, so nothing was reloaded: %s", names, error)
            else:
                _LOG.warning("%s changed: reloaded", names)


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None


class Stopped(BaseException):
    """A signal arrived while the mock was loading. It is not an Exception, so that no other code catches it."""


class Signals:
    """SIGINT and SIGTERM in a ``with`` block: the first one ends the command, further ones do nothing."""

    def __init__(self) -> None:
        self._received: SimpleQueue[int] = SimpleQueue()  # unlike Event, safe to use in a handler
        self._is_interruptible = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._received.empty():
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def interruptible(self, work: Callable[[], SegmentMock]) -> SegmentMock:
        """Return the result of *work*; raises `Stopped` as soon as a signal arrives."""
        self._is_interruptible = True
        try:
            result = work()
        finally:
            self._is_interruptible = False
        if not self._received.empty():  # the signal came where Python discards exceptions
            raise Stopped
        return result

    def wait(self) -> None:
        """Wait until a signal arrives."""
        # A signal that comes just before Python blocks in get() does not end it, so look again now and then.
        while self._received.empty():
            with suppress(Empty):
                self._received.put(self._received.get(timeout=SIGNAL_INTERVAL))

    def _handle(self, number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)  # unlike a handler, remains while Python shuts down
        self._received.put(number)
        if self._is_interruptible:
            raise Stopped


class ReadyFile:
    """The file with the server's address, written once the server answers. An old file is removed first.

    Exits with 2 if the file can't be written.
    """

    def __init__(self, path: str) -> None:
        self._path, self._content = Path(path), b""
        self._identity: tuple[int, int] | None = None
        try:
            self._clear()
        except (OSError, ValueError) as error:  # ValueError: not a valid path
            raise self._unusable(str(getattr(error, "strerror", error))) from None

    def write(self, server: LiveServer) -> None:
        """Create the complete file in one step, without overwriting another file."""
        ready: dict[str, object] = {"url": server.url, "pid": os.getpid(), "port": server.port}
        if server.ca_file:
            ready["ca_file"] = server.ca_file
        self._content = json.dumps(ready).encode()
        try:
            from tempfile import mkstemp  # slow to import

            number, name = mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(self._content)
                Path(name).chmod(0o644)
                self._publish(name)
            finally:
                Path(name).unlink(missing_ok=True)
        except FileExistsError:
            raise self._unusable("another process has written it meanwhile") from None
        except OSError as error:
            raise self._unusable(str(error.strerror)) from None

    def remove(self) -> None:
        """Remove the file, unless another process has replaced it."""
        with suppress(OSError):
            if self._identify() == self._identity and self._path.read_bytes() == self._content:
                self._path.unlink()

    def _clear(self) -> None:
        parent = self._path.parent
        if not parent.is_dir():
            raise self._unusable(f"{str(parent)!r} is not a directory")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise self._unusable(f"{str(parent)!r} is not writable")
        with suppress(FileNotFoundError):
            mode = self._path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                raise self._unusable("it exists and is not a regular file")
            self._path.unlink()

    def _publish(self, name: str) -> None:
        try:
            os.link(name, self._path)  # fails if the path exists, and follows no symbolic link
        except FileExistsError:
            raise
        except (OSError, AttributeError, NotImplementedError):  # a file system without links
            if os.path.lexists(self._path):
                raise FileExistsError from None
            Path(name).rename(self._path)
        self._identity = self._identify()

    def _identify(self) -> tuple[int, int]:
        status = self._path.lstat()
        return status.st_dev, status.st_ino

    def _unusable(self, reason: str) -> click.UsageError:
        return click.UsageError(f"ready_file: {str(self._path)!r} can't be used: {reason}")


_NAMES = {"salsa": "Salsa Engage", "segmenter": "Segmenter"}


def _json_banner(server: LiveServer) -> str:
    ready = {"level": "INFO", "message": f"segment-mock listens on {server.url}", "url": server.url}
    return json.dumps(ready | ({"ca_file": server.ca_file} if server.ca_file else {}))


def _credential_hint(vendor: Vendor, settings: Mapping[str, Any]) -> str:
    if not vendor.key_header:
        return "no credential"
    if settings["credentials"] != "listed":
        return f"header {vendor.key_header}: any text"
    flag = f"--{vendor.key_flag}"
    if settings[f"{vendor.name}_{vendor.key_option}"]:
        return f"header {vendor.key_header}: one of {flag}"
    return f"no credential is listed, so every call is refused; list one with {flag}"


def _banner(server: LiveServer, settings: Mapping[str, Any]) -> str:
    url, ca_file = server.url, server.ca_file
    curl = f"curl --cacert {shlex.quote(ca_file)}" if ca_file and url.startswith("https:") else "curl"
    lines = [
        f"segment-mock listens on {url}",
        *(
            f"  {_NAMES.get(vendor.name, vendor.title):13} {url}   ({_credential_hint(vendor, settings)})"
            for vendor in find_vendors()
        ),
        f"  Page          {url}/_mock/   (calls, records, faults, clock and snapshots in a browser)",
        *([f"  CA            {ca_file}"] if ca_file else []),
        f"Try: {curl} -X POST {url}/api/integration/ext/v1/segments/search \\",
        """       -H 'authToken: t' -d '{"payload":{"offset":0,"count":20}}'""",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)
