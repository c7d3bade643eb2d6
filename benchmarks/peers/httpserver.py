"""pytest-httpserver with one static stub, as its fixture starts it. PORT METHOD PATH BODY-FILE."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from pytest_httpserver import HTTPServer

if __name__ == "__main__":
    port, method, path, body = sys.argv[1:]
    server = HTTPServer("127.0.0.1", int(port))
    stub = server.expect_request(path, method=method)
    stub.respond_with_data(Path(body).read_bytes(), content_type="application/json")
    server.start()
    signal.pause()
