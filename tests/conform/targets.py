"""Targets for ``conform``: a vendor's sandbox, that is, a mock without ``/_mock``, which may change its responses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import CliRunner
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

from segment_mock import create_app
from segment_mock.cli import main
from tests.waiting import PATIENCE

TOKEN, KEY = "a-salsa-token-of-some-length", "a-segmenter-key-of-some-length"
CREDENTIALS = ("--salsa-token", TOKEN, "--segmenter-key", KEY)
OWN = {"salsa": {"segments": [{"name": "segment1", "externalSystemId": "35467"}]}}
"""The records of a sandbox: a group with the name and the external id of half of the examples."""


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, *_: object) -> None:
        """Drop the line."""


class Sandbox:
    """A mock on a server without ``/_mock``. *alter* gets path, status and body of a response, and may change them."""

    def __init__(self, alter: Callable[[str, int, Any], tuple[int, Any]] | None = None) -> None:
        self.app = create_app(data=OWN, credentials="listed", salsa_token=[TOKEN], segmenter_key=[KEY])
        self.alter, self.calls = alter, []
        self.server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self.server.port}"

    def __call__(self, environ: Any, start: Any) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].replace("//", "/")
        if path.startswith("/_mock"):
            start("404 Not Found", [("Content-Type", "text/html")])
            return [b"<html>no such page</html>"]
        self.calls.append((method, path))
        chunks, status, _ = run_wsgi_app(self.app, environ)
        body, code = b"".join(chunks), int(status[:3])
        if self.alter is not None:
            code, response = self.alter(path, code, json.loads(body))
            body = json.dumps(response).encode()
        start(f"{code} X", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def state(self) -> Any:
        """Return all records of the mock."""
        return self.app.test_client().get("/_mock/state").json


def run(url: str, *args: str, env: dict[str, str] | None = None) -> Any:
    """Run ``segment-mock conform`` against *url*."""
    timeout = () if "--timeout" in args else ("--timeout", f"{PATIENCE:g}")
    return CliRunner().invoke(main, ["conform", "--target", url, *timeout, *args], env=env)


def rows_of(result: Any) -> dict[str, Any]:
    """Return the examples of a run with ``--json``, by name."""
    return {row["name"]: row for row in json.loads(result.stdout)["examples"]}
