"""Servers over a store, in processes of their own, that can be killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests


class Server:
    """``segment-mock serve`` over the store *url*, with its files in *place*; *flags* are further ones."""

    def __init__(self, url: str, place: Path, *flags: str) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._ready, self._log = place / "ready.json", place / "stderr.txt"
        self._ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "segment_mock", "serve", "--store", url, "--port", "0", "--time-scale", "0",
                   "--ready-file", str(self._ready), *flags]  # fmt: skip
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log)

    @property
    def log(self) -> str:
        """Its output on stderr."""
        return self._log.read_text(encoding="utf-8")

    @property
    def is_ready(self) -> bool:
        """Whether it answers calls, or has done so."""
        return self._ready.exists()

    def wait_for(self, words: str) -> None:
        """Wait until it has written *words* on stderr."""
        while words not in self.log:
            assert self.process.poll() is None, self.log
            time.sleep(0.01)

    def wait(self) -> str:
        """Return its URL, once it answers."""
        for _ in range(6000):
            if self.is_ready:
                return str(json.loads(self._ready.read_text(encoding="utf-8"))["url"])
            assert self.process.poll() is None, self.log
            time.sleep(0.01)
        raise AssertionError(f"the server does not start: {self.log}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it by the signal *number*."""
        self.process.send_signal(number)
        self.process.wait(60)


def ask(session: requests.Session, url: str, request: tuple[str, str, Any, dict[str, str]]) -> tuple[int, str]:
    """Return status and body of the reply to *request*, or 0 and the error if there is none."""
    method, path, body, headers = request
    try:
        reply = session.request(method, url + path, json=body, headers={**headers, "Host": "localhost"}, timeout=60)
    except requests.RequestException as error:
        return 0, type(error).__name__
    return reply.status_code, reply.text
