"""Storage engines for the tests of stores: an SQLite file, and a Redis server that the test starts."""

from __future__ import annotations

import shutil
import signal
import subprocess
import weakref
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.ports import free_port
from tests.waiting import Output


def sqlite_url(folder: Path) -> str:
    """Return the URL of an SQLite store in *folder*; the same folder gives the same store."""
    return f"sqlite:///{folder / 'state.db'}"


class RedisServer:
    """A running ``redis-server`` on a free port, with its files in *folder*.

    *settings* are options of ``redis-server``. By default, the server passes each command to the system before it
    answers. So nothing is lost when it is killed, and it does not wait for a busy disk. The server ends when the test
    stops it or the object is deleted.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder = folder
        self.port = free_port()
        self._settings = {"appendonly": "yes", "appendfsync": "no", "save": "", **settings}
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The URL of the store in database 0 of the server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, **options: Any) -> redis.Redis[bytes]:
        """Return a client of the server, which the caller has to close; *options* are those of `redis.Redis`."""
        return redis.Redis(port=self.port, password=self._settings.get("requirepass"), **options)

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        flags = [word for name, value in self._settings.items() for word in (f"--{name}", value)]
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), *flags]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        weakref.finalize(self, _kill, self._process)  # also after a test that fails
        assert self._process.stdout is not None
        self._output = Output(self._process.stdout)
        self._output.wait_for("Ready to accept connections")

    def send_signal(self, signal_number: int) -> None:
        """Send the signal *signal_number* to the server's process."""
        assert self._process is not None
        self._process.send_signal(signal_number)

    def stop(self, signal_number: int = signal.SIGKILL) -> None:
        """Send the signal *signal_number* to the server's process, and wait until it has ended."""
        self.send_signal(signal_number)
        assert self._process is not None
        self._process.wait(20)
        self._output.close()

    def expire_lease(self, seconds: float) -> None:
        """Let the lease of a store end in a number of *seconds*, unless its owner renews it before."""
        with self.client() as client:
            client.pexpire("{segment-mock}:lease", int(seconds * 1000))

    def clear(self) -> None:
        """Delete all keys of all databases."""
        with self.client() as client:
            client.flushall()


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
