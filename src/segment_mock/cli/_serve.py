"""``segment-mock serve``: a live server until a signal ends it."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..core import all_options
from ..mock import SegmentMock
from ..settings import SettingError
from ..transports.server.server import LiveServer
from ..vendors import find_vendors
from ._log import log_errors, writer
from .options import AddressInUse, flags, resolve_settings

_OPTIONS = all_options(find_vendors())


@click.command()
@flags(_OPTIONS)
@click.option("--config", envvar="SEGMENT_MOCK_CONFIG", help="File of settings. [SEGMENT_MOCK_CONFIG]")
def serve(config: str | None, **given: Any) -> None:
    """Serve both APIs and the control plane over HTTP until Ctrl-C."""
    settings = resolve_settings(_OPTIONS, given, config)
    log_errors(settings["log_format"])
    ended = threading.Event()
    _on_signals(lambda *_: ended.set())
    try:
        mock = SegmentMock(**settings)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    mock.journal.subscribe(writer(settings["log_format"]))
    with mock:
        server = started(mock, settings["host"], settings["port"])
        _tell(server, settings["ready_file"])
        ended.wait()
        # A second Ctrl-C must not end the ending.
        _on_signals(signal.SIG_IGN)
    if settings["ready_file"]:
        Path(settings["ready_file"]).unlink(missing_ok=True)


def _on_signals(deed: Callable[..., None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, deed)


def started(
    mock: SegmentMock, host: str, port: int, *, tls: bool | None = None, proxy: bool | None = None
) -> LiveServer:
    """Return a server of *mock*; exits with 3 for an address that is in use, with 2 for one that may not be."""
    try:
        return mock.serve(host, port, tls=tls, proxy=proxy)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
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
