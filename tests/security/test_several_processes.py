"""``create_app()`` in several processes answers 503 with a hint; with an upstream, the processes share one mock."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import pytest
import requests
from werkzeug.test import create_environ, run_wsgi_app

from segment_mock import SegmentMock, connect, create_app, faults
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow  # starts many processes

PATHS = ("/segments", "/_mock/health", "/_mock/state", "/unmatched", "/api/integration/ext/v1/segments/search")


@pytest.mark.parametrize("path", PATHS)
def test_several_processes_get_503_on_every_path(path: str) -> None:
    """The WSGI server announces several processes in the environ. With several threads, calls succeed."""
    app = create_app()
    _, status, headers = run_wsgi_app(app, create_environ(path, multiprocess=True))
    _, threaded, _ = run_wsgi_app(app, create_environ(path, multithread=True))

    assert ("503 SERVICE UNAVAILABLE", "application/problem+json") == (status, headers["Content-Type"])
    assert not threaded.startswith("503")


@contextmanager
def gunicorn(*flags: str, log: IO[str] | None = None, settings: str = "", **variables: str) -> Iterator[str]:
    """Run ``create_app`` in gunicorn with *flags* and environment *variables*, and yield the base URL.

    *settings* are the arguments of ``create_app``. The access log is written to *log*.
    """
    env = {**os.environ, **variables}
    with socket.create_server(("127.0.0.1", 0)) as server:  # listens already, so clients wait for gunicorn
        port, address = server.getsockname()[1], f"fd://{server.fileno()}"
        command = [sys.executable, "-m", "gunicorn", "-b", address, *flags, f"segment_mock:create_app({settings})"]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL, env=env, pass_fds=[server.fileno()])
    try:
        requests.get(f"http://127.0.0.1:{port}/_mock/health", timeout=PATIENCE)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
@pytest.mark.parametrize(("flags", "status"), [(("-w", "3"), 503), (("-w", "1", "--threads", "4"), 200)])
def test_only_one_gunicorn_worker_with_threads_is_accepted(flags: tuple[str, ...], status: int) -> None:
    with gunicorn(*flags) as url:
        responses = [requests.get(f"{url}/_mock/state", timeout=10) for _ in range(6)]

    assert [status] * 6 == [response.status_code for response in responses]
    if status == 503:
        hint = responses[0].json()["hint"]
        assert "gunicorn -w 1 --threads 8" in hint
        assert "create_app(upstream=URL)" in hint


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        (("-w", "1", "--threads", "4"), 200, "payload"),
        (("-w", "1", "--preload"), 503, "gunicorn without --preload, and -w 1"),
        (("-w", "3", "--preload"), 503, "create_app(upstream=URL)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_gunicorn_worker_has_to_open_the_store_itself(
    flags: tuple[str, ...], status: int, words: str, tmp_path: Path
) -> None:
    """With --preload, the parent process opens the store, so the forked workers answer 503 with a hint."""
    path, headers = "/api/integration/ext/v1/metrics", {"authToken": "t"}
    with gunicorn(*flags, settings=f"store='sqlite:///{tmp_path / 'state.db'}'") as url:
        response = requests.get(f"{url}{path}", headers=headers, timeout=10)

    assert status == response.status_code
    assert words in response.text


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
@pytest.mark.parametrize("flags", [("-w", "3"), ("-w", "3", "--preload"), ("-w", "3", "--threads", "4")], ids=" ".join)
def test_three_workers_with_an_upstream_share_one_mock(flags: tuple[str, ...], tmp_path: Path) -> None:
    """Their calls change the same records, and each fault fires as often as its rule allows."""
    access = ("--access-logfile", "-", "--access-logformat", "%(p)s")
    with (
        SegmentMock(admin_token="t0ken", limits="off") as mock,
        (tmp_path / "access.log").open("w+") as log,
        gunicorn(
            *flags, *access, log=log, SEGMENT_MOCK_UPSTREAM=mock.serve().url, SEGMENT_MOCK_ADMIN_TOKEN="t0ken"
        ) as url,
        connect(url, "t0ken") as remote,
        ThreadPoolExecutor(6) as pool,
    ):
        names: list[str] = []
        while len({*(tmp_path / "access.log").read_text().split()}) < 3 and len(names) < 2000:
            more = [f"group {len(names) + number}" for number in range(30)]
            assert [200] * 30 == [*pool.map(partial(add_group, url), more)]
            names += more
        names_on_server = [segment["name"] for segment in remote.salsa.segments]
        requests.get(f"{url}/segments", headers={"x-api-key": "k"}, timeout=20)
        assert "transfer-encoding" not in mock.journal.entries()[-1].request.headers
        remote.faults.add(faults.Error(status=503), times=10)
        remote.faults.add(faults.Disconnect(reset=True), times=5)
        status_counts = Counter(pool.map(partial(add_group, url), (f"faulty {number}" for number in range(30))))

        assert 3 == len({*(tmp_path / "access.log").read_text().split()})
        assert sorted(names) == sorted(names_on_server)
        assert {200: 15, 503: 10, 0: 5} == status_counts
        assert [10, 5] == [rule.fired for rule in mock.faults]


def add_group(url: str, name: str) -> int:
    """Create a group over a new connection and return the status code, or 0 if the connection breaks."""
    body = {"payload": {"segments": [{"name": name}]}}
    try:
        path = "/api/integration/ext/v1/segments"
        return requests.put(f"{url}{path}", json=body, headers={"authToken": "t"}, timeout=20).status_code
    except requests.ConnectionError:
        return 0
