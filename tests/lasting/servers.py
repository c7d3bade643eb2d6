"""Server processes with a store, which a test can kill."""

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
"""The beginning of the last line that a server prints when it is ready for calls."""


class Server:
    """A process of ``segment-mock serve`` with the store *url*.

    Its ready file is in *folder*. *flags* are added to the command line.
    """

    def __init__(self, url: str, folder: Path, *flags: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ready = folder / "ready.json"
        self._ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "segment_mock", "serve", "--store", url, "--port", "0", "--time-scale", "0",
                   "--ready-file", str(self._ready), *flags]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.output = Output(self.process.stderr)

    @property
    def log(self) -> str:
        """The output on stderr so far; all of it if the process has ended."""
        if self.process.poll() is not None:
            self.output.close()
        return self.output.text

    @property
    def is_ready(self) -> bool:
        """Whether the ready file exists: the server is ready for calls, or was before it was killed."""
        return self._ready.exists()

    def wait_for(self, words: str) -> None:
        """Wait until the output on stderr contains *words*."""
        self.output.wait_for(words)

    def wait(self) -> str:
        """Wait until the server is ready for calls, and return its URL."""
        self.wait_for(BANNER)
        return str(json.loads(self._ready.read_text(encoding="utf-8"))["url"])

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        """Send the signal *signal_number* to the process, and wait until it has ended."""
        self.process.send_signal(signal_number)
        self.process.wait(60)
        self.output.close()


def send(session: requests.Session, url: str, request: tuple[str, str, Any, dict[str, str]]) -> tuple[int, str]:
    """Send *request* (method, path, JSON body, headers) to the server *url*.

    Return status code and body of the response, or 0 and the name of the exception if there is no response.
    """
    method, path, body, headers = request
    try:
        response = session.request(method, url + path, json=body, headers={**headers, "Host": "localhost"}, timeout=60)
    except requests.RequestException as error:
        return 0, type(error).__name__
    return response.status_code, response.text
