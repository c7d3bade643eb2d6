"""``create_app()`` in several processes answers nothing but a problem that says what to do."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import pytest
import requests
from werkzeug.test import create_environ, run_wsgi_app

from segment_mock import create_app

pytestmark = pytest.mark.slow  # starts many processes

PATHS = ("/segments", "/_mock/health", "/_mock/state", "/nobody's", "/api/integration/ext/v1/segments/search")


@pytest.mark.parametrize("path", PATHS)
def test_refused(path: str) -> None:
    """Every path is refused where the server says that it has several processes, by no record changed or journaled."""
    app = create_app()
    _, status, headers = run_wsgi_app(app, create_environ(path, multiprocess=True))
    _, alone, _ = run_wsgi_app(app, create_environ(path, multithread=True))

    assert ("503 SERVICE UNAVAILABLE", "application/problem+json") == (status, headers["Content-Type"])
    assert not alone.startswith("503")


@contextmanager
def gunicorn(*flags: str) -> Iterator[str]:
    """Run gunicorn with *flags* and yield its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", *flags, "segment_mock:create_app()"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with suppress(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{port}/_mock/health", timeout=5)
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
@pytest.mark.parametrize(("flags", "status"), [(("-w", "3"), 503), (("-w", "1", "--threads", "4"), 200)])
def test_gunicorn(flags: tuple[str, ...], status: int) -> None:
    """With three workers each call is refused and told what to do; with one and threads all is as it should be."""
    with gunicorn(*flags) as url:
        replies = [requests.get(f"{url}/_mock/state", timeout=10) for _ in range(6)]

    assert [status] * 6 == [reply.status_code for reply in replies]
    if status == 503:
        assert "gunicorn -w 1 --threads 8" in replies[0].json()["hint"]
