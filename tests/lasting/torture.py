"""``python -m tests.lasting.torture --seconds N``: random calls while servers and stores are killed repeatedly.

It checks three properties:

* Responses and visible state are the same as those of a mock in memory that gets the same calls.
* A call whose response was lost was performed completely, or not at all.
* Each group that concurrent clients created, and whose creation was acknowledged, exists exactly once.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Thread, Timer
from typing import Any

import requests

from segment_mock import SegmentMock
from tests.lasting.servers import Server, send
from tests.lasting.walk import SALSA, Walk
from tests.persistence.engines import RedisServer, sqlite_url
from tests.waiting import Calls

Request = tuple[str, str, Any, dict[str, str]]
FREEZE: Request = ("POST", "/_mock/clock", {"freeze": "2026-01-01"}, {})
METRICS: Request = ("GET", "/_mock/metrics", None, {})  # a mock in memory starts counting at this request
OUTAGE = "Store unavailable"


class Engine:
    """A store and the server that writes to it; with Redis, also a standby server.

    *name* is ``sqlite`` or ``redis``. *url* is the URL of the server that writes.
    """

    def __init__(self, name: str, folder: Path, random: Random) -> None:
        self.name, self._folder, self._random = name, folder, random
        self._redis = RedisServer(folder) if name == "redis" else None
        self._url = self._redis.url if self._redis else sqlite_url(folder)
        self.kills: Counter[str] = Counter()
        self._starts = 0
        self._servers = [self._start()]
        self.url = self._servers[0].wait()
        if self._redis:
            self._servers.append(self._start("--standby"))

    def _start(self, *flags: str) -> Server:
        self._starts += 1
        return Server(self._url, self._folder / f"server{self._starts}", *flags)

    def signal(self) -> None:
        """Send SIGKILL to the server that writes, without waiting for its end."""
        self._servers[0].process.send_signal(signal.SIGKILL)

    def wait_for_takeover(self) -> None:
        """Wait until the killed server has ended and another one answers calls; then start the next standby."""
        self.kills["servers"] += 1
        killed_server = self._servers.pop(0)
        killed_server.process.wait(60)
        assert "Traceback" not in killed_server.log, killed_server.log
        if self._redis and self._random.random() < 0.9:  # each wait for the end of a lease would take 5 seconds
            self._redis.expire_lease(0.05)
        if not self._servers:
            self._servers.append(self._start())
        self.url = self._servers[0].wait()
        if self._redis:
            self._servers.append(self._start("--standby"))

    def kill_store(self) -> None:
        """Kill the Redis server and start it again; does nothing with SQLite."""
        if self._redis:
            self.kills["stores"] += 1
            self._redis.expire_lease(60)  # or the standby would take over if Redis needs several seconds to start
            self._redis.stop()
            self._redis.start()

    def stop(self) -> None:
        """Kill all servers, and stop Redis."""
        for server in self._servers:
            server.kill()
        if self._redis:
            self._redis.stop()


class ServerAndModel:
    """Sends each request to the server of *engine* and to a model, a mock in memory, and compares the responses."""

    def __init__(self, engine: Engine, random: Random, stack: ExitStack) -> None:
        self._engine, self._random, self._stack = engine, random, stack
        self._session = requests.Session()
        self._model = self._new_model([FREEZE, METRICS])
        self.calls = self.lost = 0
        self._send_to_server(FREEZE)

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
        """Send one request to both, sometimes after or while the server is killed; return status code and body."""
        request = (method, path, body, headers)
        self.calls += 1
        if self._random.random() < 0.02:
            self._kill_before_the_call()
        if self._random.random() < 0.02:
            return self._send_while_killing(request)
        return self._send_to_both(request)

    def _send_to_both(self, request: Request) -> tuple[int, str]:
        response, expected = self._send_to_server(request), self._send_to_model(request)
        assert response == expected, f"{request}\n{response}\n{expected}"
        return response

    def _kill_before_the_call(self) -> None:
        if self._engine.name == "redis" and self._random.random() < 0.3:
            self._engine.kill_store()
            self._wait_for_store()
        else:
            self._engine.signal()
            self._engine.wait_for_takeover()
        self._compare()

    def _send_while_killing(self, request: Request) -> tuple[int, str]:
        timer = Timer(self._random.random() * 0.012, self._engine.signal)
        timer.start()
        response = self._send_to_server(request)
        timer.join()
        self._engine.wait_for_takeover()
        before = self._visible_state(self._model)
        if response[0] == 0 and self._visible_state(self._engine.url) == before:
            # It was not performed, or it would be in the journal. The walk needs a response, so repeat it.
            return self._send_to_both(request)
        expected = self._send_to_model(request)
        if response[0]:
            assert response == expected, f"{request}\n{response}\n{expected}"
        else:
            self.lost += 1
        self._compare()
        return expected

    def _compare(self) -> None:
        stored, expected = self._visible_state(self._engine.url), self._visible_state(self._model)
        for name in expected:
            assert stored[name] == expected[name], f"{name}\n{stored[name]}\n{expected[name]}"

    def _visible_state(self, url: str) -> dict[str, Any]:
        state = Walk(0, lambda *request: send(self._session, url, request)).visible_state()
        if not state["clock"]["frozen"]:  # between a reset and the next freeze, time passes
            del state["clock"]["now"]
        return state

    def _send_to_server(self, request: Request) -> tuple[int, str]:
        return send(self._session, self._engine.url, request)

    def _wait_for_store(self) -> None:
        while OUTAGE in self._send_to_server(("GET", "/_mock/clock", None, {}))[1]:
            pass  # retry until Redis is available again

    def _send_to_model(self, request: Request) -> tuple[int, str]:
        return send(self._session, self._model, request)

    def _new_model(self, requests_: list[Request]) -> str:
        url = self._stack.enter_context(SegmentMock(time_scale=0)).serve().url
        for request in requests_:
            send(self._session, url, request)
        return url


def write_concurrently(engine: Engine, run: int, seconds: float) -> tuple[set[str], list[str]]:
    """Let four clients create groups with different names for *seconds*, while server and store are killed.

    Return the names of the groups whose creation was acknowledged, and the names of all groups at the end. All names
    begin with the number *run*.
    """
    acknowledged: set[str] = set()
    writes, is_over = Calls(), Event()
    end = time.monotonic() + seconds

    def write(number: int) -> None:
        with requests.Session() as session:
            for index in count():
                if is_over.is_set():
                    return
                name = f"{run}-{number}-{index}"
                body = {"payload": {"segments": [{"name": name}]}}
                token = f"{number}-{index // 200}"  # a credential may send 300 calls a minute
                status, text = send(session, engine.url, ("PUT", f"{SALSA}/segments", body, {"authToken": token}))
                if status == 200 and '"ADDED"' in text:
                    acknowledged.add(name)
                    writes.add()

    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        while time.monotonic() < end:
            writes.wait_for_more(20)
            engine.kill_store()
            writes.wait_for_more(20)
            engine.signal()
            engine.wait_for_takeover()
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    with requests.Session() as session:
        while OUTAGE in (response := send(session, engine.url, ("GET", "/_mock/state", None, {})))[1]:
            pass
        state = requests.models.complexjson.loads(response[1])
    return acknowledged, [row["name"] for row in state["salsa"]["segments"]]


def torture(name: str, seed: int, seconds: float, folder: Path) -> str:
    """Test the engine *name* for a number of seconds, with files in *folder*, and return a sentence with the counts.

    Raises AssertionError if a property does not hold.
    """
    random = Random(seed)
    engine = Engine(name, folder, random)
    try:
        with ExitStack() as stack:
            comparison = ServerAndModel(engine, random, stack)
            walk, end = Walk(seed, comparison.send), time.monotonic() + seconds * 0.7
            while time.monotonic() < end:
                walk.step()
            comparison._compare()
        send(requests.Session(), engine.url, ("POST", "/_mock/reset", None, {}))
        acknowledged, names = write_concurrently(engine, 0, seconds * 0.3)
        counts = Counter(names)
        assert not [name for name in acknowledged if counts[name] != 1]
        assert len(counts) == len(names), "a name occurs twice"
    finally:
        engine.stop()
    kills = ", ".join(f"{number} {program} killed" for program, number in engine.kills.items())
    return (
        f"{name}: {comparison.calls} calls like a mock in memory, {comparison.lost} of them without a response; "
        f"{len(acknowledged)} concurrent writes acknowledged, each stored once; {kills}"
    )


def main() -> None:
    """Test each engine that is installed, or the one of ``--engine``, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--engine", choices=("sqlite", "redis"))
    options = parser.parse_args()
    engines = [options.engine] if options.engine else ["sqlite", "redis"]
    if "redis" in engines and not shutil.which("redis-server"):
        sys.stdout.write("redis-server is not installed: only sqlite is tried\n")
        engines.remove("redis")
    sys.stdout.write(f"seed {options.seed}\n")
    for name in engines:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(f"{torture(name, options.seed, options.seconds / len(engines), Path(folder))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
