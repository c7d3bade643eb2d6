"""The servers that are set side by side, each a process of its own that answers the one exchange."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

from exchange import DATA, SEARCH, Ask, reply

SCRIPTS = Path(__file__).parent / "peers"
NODE_MODULES = Path(sys.prefix) / "peers" / "node_modules"  # where `dev.py bench` puts the peers from npm
PATIENCE = 60.0
JSON = {"Content-Type": "application/json"}
Command = Callable[[int, Path], "list[str]"]


@dataclass(frozen=True)
class Server:
    """One side. *command* makes the command line from a port and a folder of its own; *needs* must all be there."""

    name: str
    command: Command
    needs: tuple[str | Path, ...] = ()
    ask: Ask = SEARCH
    python: bool = True

    @property
    def missing(self) -> str:
        """What is not installed, or nothing."""
        return ", ".join(_named(need) for need in self.needs if not _is_there(need))


@dataclass(frozen=True)
class Running:
    """A server that has answered, *since* so many seconds after it was spawned."""

    server: Server
    pid: int
    port: int
    since: float

    @property
    def memory(self) -> float:
        """Resident memory in bytes now (Linux; elsewhere not a number)."""
        return _memory(self.pid)


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Spawn *server* on a free port of 127.0.0.1, wait for its first right answer, and stop it in the end."""
    with tempfile.TemporaryDirectory() as folder:
        port, quiet = _free_port(), subprocess.DEVNULL
        command = server.command(port, Path(folder))
        alone = {**os.environ, "HOME": folder}  # some keep logs there
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=alone, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            while not _answers(port, server.ask):
                if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                    raise RuntimeError(f"{server.name} does not start: {' '.join(command)}")
                time.sleep(0.001)
            yield Running(server, process.pid, port, time.perf_counter() - begun)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int, ask: Ask) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(ask.method, ask.path, ask.body, ask.headers)
        answer = connection.getresponse()
        return answer.status == 200 and ask.expected in answer.read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _memory(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def _named(need: str | Path) -> str:
    return need if isinstance(need, str) else need.relative_to(NODE_MODULES).parts[0]


def _is_there(need: str | Path) -> bool:
    if isinstance(need, Path):
        return need.exists()
    return bool(shutil.which(need)) or need.isidentifier() and find_spec(need) is not None


_body = cache(reply)


def _write(path: Path, content: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def _serve(port: int, folder: Path) -> list[str]:
    data = _write(folder / "data.json", DATA)
    command = [sys.executable, "-m", "segment_mock", "serve", "--port", str(port), "--data", data]
    return [*command, "--limits", "off"]


def _fixture(port: int, folder: Path) -> list[str]:
    return [sys.executable, str(SCRIPTS / "fixture.py"), str(port), _write(folder / "data.json", DATA)]


def _floor(port: int, folder: Path) -> list[str]:
    return [sys.executable, str(SCRIPTS / "floor.py"), str(port), _write(folder / "body.json", _body().decode())]


def _httpserver(port: int, folder: Path) -> list[str]:
    body = _write(folder / "body.json", _body().decode())
    return [sys.executable, str(SCRIPTS / "httpserver.py"), str(port), SEARCH.method, SEARCH.path, body]


def _moto(port: int, _: Path) -> list[str]:
    return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


_JAR = NODE_MODULES / "wiremock" / "build"


def _wiremock(*options: str) -> Command:
    def command(port: int, folder: Path) -> list[str]:
        request = {"method": SEARCH.method, "urlPath": SEARCH.path}
        response = {"status": 200, "headers": JSON, "body": _body().decode()}
        _write(folder / "mappings" / "search.json", {"request": request, "response": response})
        (jar,) = _JAR.glob("*.jar")
        place = ["--port", str(port), "--bind-address", "127.0.0.1", "--root-dir", str(folder)]
        return ["java", "-jar", str(jar), *place, *options]

    return command


_MB = NODE_MODULES / "mountebank" / "bin" / "mb"


def _mountebank(port: int, folder: Path) -> list[str]:
    stub = {
        "predicates": [{"equals": {"method": SEARCH.method, "path": SEARCH.path}}],
        "responses": [{"is": {"statusCode": 200, "headers": JSON, "body": _body().decode()}}],
    }
    imposter = {"port": port, "host": "127.0.0.1", "protocol": "http", "stubs": [stub]}
    config = _write(folder / "imposters.json", {"imposters": [imposter]})
    return ["node", str(_MB), "start", "--port", str(_free_port()), "--host", "127.0.0.1", "--configfile", config]


_MOCKOON = NODE_MODULES / "@mockoon" / "cli" / "bin" / "run.js"


def _mockoon(port: int, folder: Path) -> list[str]:
    headers = [{"key": name, "value": value} for name, value in JSON.items()]
    response = {"uuid": "3", "body": _body().decode(), "statusCode": 200, "headers": headers, "default": True}
    route = {"uuid": "2", "type": "http", "method": SEARCH.method.lower(), "endpoint": SEARCH.path[1:]}
    route |= {"responses": [response]}
    tree = [{"type": "route", "uuid": "2"}]
    config = _write(folder / "api.json", {"uuid": "1", "name": "a", "port": port, "routes": [route], "rootChildren": tree})
    place = ["--port", str(port), "--hostname", "127.0.0.1"]
    return ["node", str(_MOCKOON), "start", "--data", config, *place, "--repair"]


_KEY = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=any"
LIST_BUCKETS = Ask("GET", "/", {"Authorization": _KEY}, b"", b"<Buckets")

OURS = Server("segment-mock serve", _serve)
FIXTURE = Server("mock.serve()", _fixture)
FLOOR = Server("httptools floor", _floor)
HTTPSERVER = Server("pytest-httpserver", _httpserver, ("pytest_httpserver",))
MOTO = Server("moto server (S3 ListBuckets)", _moto, ("moto", "flask_cors"), LIST_BUCKETS)
WIREMOCK = Server("WireMock", _wiremock(), ("java", _JAR), python=False)
WIREMOCK_BARE = Server(
    "WireMock --no-request-journal", _wiremock("--no-request-journal"), ("java", _JAR), python=False
)
MOUNTEBANK = Server("mountebank", _mountebank, ("node", _MB), python=False)
MOCKOON = Server("Mockoon", _mockoon, ("node", _MOCKOON), python=False)
SERVERS = (OURS, FIXTURE, FLOOR, HTTPSERVER, MOTO, WIREMOCK, WIREMOCK_BARE, MOUNTEBANK, MOCKOON)


def available(quick: bool, skipped: dict[str, str]) -> list[Server]:
    """Return the servers that can be measured here; *quick* leaves out what is not Python. Names the rest."""
    for server in SERVERS:
        if why := "not Python" if quick and not server.python else server.missing and f"no {server.missing}":
            skipped[server.name] = why
    return [server for server in SERVERS if server.name not in skipped]
