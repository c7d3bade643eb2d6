"""Load on a server for some seconds: by wrk where it is installed, else by a small client here."""

from __future__ import annotations

import json
import selectors
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from scenario import BenchmarkRequest

WRK = shutil.which("wrk")
TOOL = "wrk, one thread" if WRK else "a Python client (wrk is not installed)"

_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "duration": %f, "p99": %f, "refused": %d, "broken": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e6, e.status,
    e.connect + e.read + e.write + e.timeout))
end
"""


class Load(NamedTuple):
    """Requests per second, 99th percentile in seconds, responses other than 2xx, and broken connections."""

    rate: float
    p99: float
    refused: int
    broken: int


def load(port: int, request: BenchmarkRequest, connections: int, seconds: float) -> Load:
    """Send *request* on a number of *connections* for about *seconds*, again after each response."""
    return _by_wrk(port, request, connections, seconds) if WRK else _by_hand(port, request, connections, seconds)


def _by_wrk(port: int, request: BenchmarkRequest, connections: int, seconds: float) -> Load:
    # A JSON string is also a Lua string if it is ASCII, as all strings here are.
    script = [f"wrk.method, wrk.body = {json.dumps(request.method)}, {json.dumps(request.body.decode())}"]
    script += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in request.headers.items()]
    with tempfile.TemporaryDirectory() as folder:
        lua = Path(folder) / "request.lua"
        lua.write_text("\n".join(script) + _REPORT)
        options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(lua)]
        command = [str(WRK), *options, f"http://127.0.0.1:{port}{request.path}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    result = json.loads(done.stdout.splitlines()[-1])
    return Load(result["requests"] / result["duration"], result["p99"], result["refused"], result["broken"])


class _Client:
    """One connection, opened again whenever the server closes it."""

    def __init__(self, port: int, request: BenchmarkRequest) -> None:
        fields = {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(request.body)), **request.headers}
        lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self._port, self._request = port, "\r\n".join([*lines, "", ""]).encode() + request.body
        self.refused = self.broken = 0
        self.times: list[float] = []

    def open(self) -> socket.socket:
        """Connect and send a request."""
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        return self.send()

    def send(self) -> socket.socket:
        """Send a request on the open connection."""
        self._began, self._received = perf_counter(), b""
        self.socket.sendall(self._request)
        return self.socket

    def read(self) -> str:
        """Read the available bytes; return "more", "again" after a whole response, or "closed" for a new connection."""
        piece = self.socket.recv(65536)
        self._received += piece
        head, gap, body = self._received.partition(b"\r\n\r\n")
        fields = head.lower()
        size = fields.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        is_complete = bool(gap) and len(body) >= int(size) if size else not piece and bool(gap)
        if not is_complete:
            self.broken += not piece
            return "more" if piece else "closed"
        self.times.append(perf_counter() - self._began)
        self.refused += self._received[9:10] != b"2"
        return "closed" if fields.startswith(b"http/1.0") or b"connection: close" in fields else "again"


def _by_hand(port: int, request: BenchmarkRequest, connections: int, seconds: float) -> Load:
    clients = [_Client(port, request) for _ in range(connections)]
    began = perf_counter()
    with selectors.DefaultSelector() as waiting:
        for client in clients:
            waiting.register(client.open(), selectors.EVENT_READ, client)
        while perf_counter() - began < seconds:
            for key, _ in waiting.select(1):
                client, now = key.data, key.data.read()
                if now == "again":
                    client.send()
                elif now == "closed":
                    waiting.unregister(client.socket)
                    client.socket.close()
                    waiting.register(client.open(), selectors.EVENT_READ, client)
    took = perf_counter() - began
    for client in clients:
        client.socket.close()
    times = sorted(moment for client in clients for moment in client.times)
    p99 = times[int(len(times) * 0.99)] if times else float("nan")
    broken, refused = sum(client.broken for client in clients), sum(client.refused for client in clients)
    return Load(len(times) / took, p99, refused, broken)
