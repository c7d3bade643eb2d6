"""The engines that tests of lasting state run on: a file of SQLite, and a Redis server of the test's own."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import weakref
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.waiting import Output


def sqlite_url(place: Path) -> str:
    """Return the URL of a store in the folder *place*."""
    return f"sqlite:///{place / 'state.db'}"


class RedisServer:
    """A Redis server with its files in *place*, on a port of its own; *settings* are those of ``redis-server``."""

    def __init__(self, place: Path, **settings: str) -> None:
        self._place = place
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._settings = {"appendonly": "yes", "appendfsync": "always", "save": "", **settings}
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The URL of a store in it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> redis.Redis[bytes]:
        """Return a client of it; close it."""
        return redis.Redis(port=self.port, password=self._settings.get("requirepass"), **options)

    def start(self) -> None:
        """Start it, and return once it answers."""
        flags = [word for name, value in self._settings.items() for word in (f"--{name}", value)]
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._place), *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        weakref.finalize(self, _end, self._process)  # also after a test that fails
        assert self._process.stdout is not None
        self._output = Output(self._process.stdout)
        self._output.wait_for("Ready to accept connections")

    def send(self, number: int) -> None:
        """Send it the signal *number*."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it by the signal *number*."""
        self.send(number)
        assert self._process is not None
        self._process.wait(20)
        self._output.close()

    def empty(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
