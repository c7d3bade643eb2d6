"""Servers over a store, in processes of their own, that can be killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.waiting import Output

BANNER = "Ctrl-C"
"""What a server prints last once it answers."""


class Server:
    """``segment-mock serve`` over the store *url*, with its files in *place*; *flags* are further ones."""

    def __init__(self, url: str, place: Path, *flags: str) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._ready = place / "ready.json"
        self._ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "segment_mock", "serve", "--store", url, "--port", "0", "--time-scale", "0",
                   "--ready-file", str(self._ready), *flags]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.output = Output(self.process.stderr)

    @property
    def log(self) -> str:
        """Its output on stderr."""
        if self.process.poll() is not None:
            self.output.close()
        return self.output.text

    @property
    def is_ready(self) -> bool:
        """Whether it answers calls, or has done so."""
        return self._ready.exists()

    def wait_for(self, words: str) -> None:
        """Wait until it has written *words* on stderr."""
        self.output.wait_for(words)

    def wait(self) -> str:
        """Return its URL, once it answers."""
        self.wait_for(BANNER)
        return str(json.loads(self._ready.read_text(encoding="utf-8"))["url"])

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it by the signal *number*."""
        self.process.send_signal(number)
        self.process.wait(60)
        self.output.close()


def ask(session: requests.Session, url: str, request: tuple[str, str, Any, dict[str, str]]) -> tuple[int, str]:
    """Return status and body of the reply to *request*, or 0 and the error if there is none."""
    method, path, body, headers = request
    try:
        reply = session.request(method, url + path, json=body, headers={**headers, "Host": "localhost"}, timeout=60)
    except requests.RequestException as error:
        return 0, type(error).__name__
    return reply.status_code, reply.text
