"""The servers that are compared; all answer the same exchange, or state how theirs differs."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

from process import NODE_MODULES, Command, Server, free_port
from scenario import DATA, SEARCH, BenchmarkRequest, response_body

SCRIPTS = Path(__file__).parent / "peers"
JSON = {"Content-Type": "application/json"}

_body = cache(response_body)


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
    return [sys.executable, str(SCRIPTS / "baseline.py"), str(port), _write(folder / "body.json", _body().decode())]


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
    return ["node", str(_MB), "start", "--port", str(free_port()), "--host", "127.0.0.1", "--configfile", config]


_MOCKOON = NODE_MODULES / "@mockoon" / "cli" / "bin" / "run.js"


def _mockoon(port: int, folder: Path) -> list[str]:
    headers = [{"key": name, "value": value} for name, value in JSON.items()]
    response = {"uuid": "3", "body": _body().decode(), "statusCode": 200, "headers": headers, "default": True}
    route = {
        "uuid": "2",
        "type": "http",
        "method": SEARCH.method.lower(),
        "endpoint": SEARCH.path[1:],
        "responses": [response],
    }
    tree = [{"type": "route", "uuid": "2"}]
    config = _write(
        folder / "api.json", {"uuid": "1", "name": "a", "port": port, "routes": [route], "rootChildren": tree}
    )
    place = ["--port", str(port), "--hostname", "127.0.0.1"]
    return ["node", str(_MOCKOON), "start", "--data", config, *place, "--repair"]


_KEY = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=any"
LIST_BUCKETS = BenchmarkRequest("GET", "/", {"Authorization": _KEY}, b"", b"<Buckets")

OURS = Server("segment-mock serve", _serve, quick=True)
FIXTURE = Server("mock.serve()", _fixture, quick=True)
FLOOR = Server("httptools floor", _floor, quick=True)
HTTPSERVER = Server("pytest-httpserver", _httpserver, ("pytest_httpserver",), quick=True)
MOTO = Server("moto server (S3 ListBuckets)", _moto, ("moto", "flask_cors"), LIST_BUCKETS)
WIREMOCK = Server("WireMock", _wiremock(), ("java", _JAR))
WIREMOCK_BARE = Server("WireMock --no-request-journal", _wiremock("--no-request-journal"), ("java", _JAR))
MOUNTEBANK = Server("mountebank", _mountebank, ("node", _MB))
MOCKOON = Server("Mockoon", _mockoon, ("node", _MOCKOON))
SERVERS = (OURS, FIXTURE, FLOOR, HTTPSERVER, MOTO, WIREMOCK, WIREMOCK_BARE, MOUNTEBANK, MOCKOON)


def available(quick: bool, skipped: dict[str, str]) -> list[Server]:
    """Return the servers that can be measured here, or a few of them for a *quick* run.

    The rest is added to *skipped*.
    """
    for server in SERVERS:
        if server.missing:
            skipped[server.name] = f"no {server.missing}"
        elif quick and not server.quick:
            skipped[server.name] = "not in a quick run"
    return [server for server in SERVERS if server.name not in skipped]
