"""``segment-mock serve``: a live server until a signal ends it."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..clock import iso
from ..doors.live import LiveServer
from ..emulator import options
from ..mock import SegmentMock
from ..settings import SettingError
from ..vendors import found
from ._options import AddressInUse, Unusable, flags, settle

_OPTIONS = options(found())
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command()
@flags(_OPTIONS)
@click.option("--config", envvar="SEGMENT_MOCK_CONFIG", help="File of settings. [SEGMENT_MOCK_CONFIG]")
def serve(config: str | None, **given: Any) -> None:
    """Serve both APIs and the control plane over HTTP until Ctrl-C."""
    settings = settle(_OPTIONS, given, config)
    if settings["host"] not in _LOOPBACK and not settings["admin_token"]:
        raise Unusable(f"host: {settings['host']!r} lets others in; give them an --admin-token, or listen on 127.0.0.1")
    _log_calls(settings["log_format"])
    ended = threading.Event()
    _on_signals(lambda *_: ended.set())
    try:
        mock = SegmentMock(**settings)
    except SettingError as error:
        raise Unusable(str(error)) from None
    with mock:
        server = _started(mock, settings["host"], settings["port"])
        _tell(server, settings["ready_file"])
        ended.wait()
        # A second Ctrl-C must not end the ending.
        _on_signals(signal.SIG_IGN)
    if settings["ready_file"]:
        Path(settings["ready_file"]).unlink(missing_ok=True)


def _on_signals(deed: Callable[..., None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, deed)


def _started(mock: SegmentMock, host: str, port: int) -> LiveServer:
    try:
        return mock.serve(host, port)
    except OSError as error:
        kind = AddressInUse if error.errno == errno.EADDRINUSE else click.ClickException
        raise kind(f"{host}:{port}: {error}; --port 0 picks a free port") from None


def _tell(server: LiveServer, ready_file: str | None) -> None:
    if ready_file:
        ready: dict[str, object] = {"url": server.url, "pid": os.getpid(), "port": server.port}
        if server.ca_file:
            ready["ca_file"] = server.ca_file
        half = Path(f"{ready_file}.{os.getpid()}")
        half.write_text(json.dumps(ready), encoding="utf-8")
        half.replace(ready_file)
    click.echo(_BANNER.format(url=server.url), err=True)


_BANNER = """\
segment-mock listens on {url}
  Salsa Engage  {url}   (header authToken: any text)
  Segmenter     {url}   (header x-api-key: any text)
  Control       {url}/_mock/health
Try: curl -X POST {url}/api/integration/ext/v1/segments/search \\
       -H 'authToken: t' -d '{{"payload":{{"offset":0,"count":20}}}}'
Ctrl-C ends it."""


class _Line(logging.Formatter):
    """A call as a line of text, or with *as_json* as a JSON object."""

    def __init__(self, as_json: bool) -> None:
        super().__init__("%(message)s")
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        entry = getattr(record, "entry", None)
        if entry is None:
            text = super().format(record)
            return json.dumps({"level": record.levelname, "message": text}) if self._as_json else text
        took = round(entry.duration * 1000, 1)
        if self._as_json:
            told = {
                "time": iso(entry.time),
                "operation": entry.operation,
                "method": entry.method,
                "path": entry.target,
            }
            return json.dumps({**told, "status": entry.status, "outcome": entry.outcome, "milliseconds": took})
        answered = entry.status or entry.outcome
        return f"{iso(entry.time)} {answered} {entry.method} {entry.target} {entry.operation} {took} ms"


def _log_calls(format_: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(format_ == "json"))
    logger = logging.getLogger("segment_mock")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
