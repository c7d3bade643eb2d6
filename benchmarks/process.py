"""A server as a process: started on a free port, ready with its first correct response, stopped by its pid."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

from scenario import SEARCH, BenchmarkRequest

NODE_MODULES = Path(sys.prefix) / "peers" / "node_modules"  # where `dev.py bench` puts the peers from npm
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
PATIENCE = 60.0
Command = Callable[[int, Path], "list[str]"]


@dataclass(frozen=True)
class Server:
    """One server to measure.

    *command* returns its command line from a port and a folder; *needs* must all be installed.

    *quick*: whether a quick run measures it too.
    """

    name: str
    command: Command
    needs: tuple[str | Path, ...] = ()
    request: BenchmarkRequest = SEARCH
    quick: bool = False

    @property
    def missing(self) -> str:
        """The programs that are not installed, or ``""``."""
        return ", ".join(_name_of(need) for need in self.needs if not _is_there(need))


@dataclass(frozen=True)
class Running:
    """A server that has answered; *since* is the time in seconds from its start to its first response."""

    server: Server
    pid: int
    port: int
    since: float

    @property
    def memory(self) -> float:
        """Resident memory in bytes now (Linux; elsewhere not a number)."""
        return _memory(self.pid)

    @property
    def cpu(self) -> float:
        """Processor time spent so far, in seconds (Linux; elsewhere not a number)."""
        return _cpu(self.pid)


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start *server* on a free port of 127.0.0.1, wait for its first correct response, and stop it at the end."""
    with tempfile.TemporaryDirectory() as folder:
        port, quiet = free_port(), subprocess.DEVNULL
        command = server.command(port, Path(folder))
        alone = {**ENVIRONMENT, "HOME": folder}  # some servers write logs there
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=alone, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            while not _answers(port, server.request):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                    raise RuntimeError(f"{server.name} does not start: {' '.join(command)}")
                time.sleep(0.001)
            yield Running(server, process.pid, port, time.perf_counter() - began)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


_SPINNER = """
import os
parent = os.getppid()
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == parent:
    for _ in range(10**6):
        pass
"""


@contextmanager
def awake_processors() -> Iterator[None]:
    """Keep the processors from sleeping, by one process for each that runs only while no other process wants to run.

    A virtual machine needs about as long to wake a sleeping processor as a server needs to answer. A load with a single
    connection, whose two sides wait for each other in turn, would measure that. Linux only; elsewhere it does nothing.
    """
    with ExitStack() as spinners:
        for _ in range((os.cpu_count() or 1) if hasattr(os, "SCHED_IDLE") else 0):
            spinner = spinners.enter_context(subprocess.Popen([sys.executable, "-c", _SPINNER]))
            spinners.callback(spinner.kill)
        yield


def _answers(port: int, request: BenchmarkRequest) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        response = connection.getresponse()
        return response.status == 200 and request.expected in response.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Return a port of 127.0.0.1 on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _memory(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _name_of(need: str | Path) -> str:
    return need if isinstance(need, str) else f"{need.relative_to(NODE_MODULES).parts[0]} from npm"


def _is_there(need: str | Path) -> bool:
    if isinstance(need, Path):
        return need.exists()
    return shutil.which(need) is not None or (need.isidentifier() and find_spec(need) is not None)
