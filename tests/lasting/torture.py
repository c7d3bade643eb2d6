"""``python -m tests.lasting.torture --seconds N``: random calls while servers and stores are killed again and again.

Two things have to hold. Replies, and everything that can be seen, are those of a mock in memory that gets the same
calls. A call whose reply was lost was performed as a whole, or not at all. And of what several clients write at once,
all that was acknowledged is there once.
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
from tests.lasting.servers import Server, ask
from tests.lasting.walk import SALSA, Walk
from tests.persistence.engines import RedisServer, sqlite_url
from tests.waiting import Calls

Request = tuple[str, str, Any, dict[str, str]]
FREEZE: Request = ("POST", "/_mock/clock", {"freeze": "2026-01-01"}, {})
METRICS: Request = ("GET", "/_mock/metrics", None, {})  # a mock in memory counts from there on
OUTAGE = "Store unavailable"


class Engine:
    """A store, the server that writes to it, and with Redis a second one that stands by."""

    def __init__(self, name: str, place: Path, random: Random) -> None:
        self.name, self._place, self._random = name, place, random
        self._redis = RedisServer(place) if name == "redis" else None
        self._url = self._redis.url if self._redis else sqlite_url(place)
        self.kills: Counter[str] = Counter()
        self._starts = 0
        self._servers = [self._start()]
        self.url = self._servers[0].wait()
        if self._redis:
            self._servers.append(self._start("--standby"))

    def _start(self, *flags: str) -> Server:
        self._starts += 1
        return Server(self._url, self._place / f"server{self._starts}", *flags)

    def signal(self) -> None:
        """Kill the server that writes, and return at once."""
        self._servers[0].process.send_signal(signal.SIGKILL)

    def follow(self) -> None:
        """Wait for the end of the server that was killed, and for the one that takes its place."""
        self.kills["servers"] += 1
        killed_server = self._servers.pop(0)
        killed_server.process.wait(60)
        assert "Traceback" not in killed_server.log, killed_server.log
        if not self._servers:
            self._servers.append(self._start())
        self.url = self._servers[0].wait()
        if self._redis:
            self._servers.append(self._start("--standby"))

    def kill_store(self) -> None:
        """Kill the Redis server and start it again."""
        if self._redis:
            self.kills["stores"] += 1
            self._redis.stop()
            self._redis.start()

    def stop(self) -> None:
        """End everything."""
        for server in self._servers:
            server.kill()
        if self._redis:
            self._redis.stop()


class Twins:
    """Sends each request to the store's server and to a mock in memory, and compares what comes back."""

    def __init__(self, engine: Engine, random: Random, stack: ExitStack) -> None:
        self._engine, self._random, self._stack = engine, random, stack
        self._session = requests.Session()
        self._model = self._new_model([FREEZE, METRICS])
        self.calls = self.lost = 0
        self._send(FREEZE)

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
        """Send one request, perhaps while the server is killed."""
        request = (method, path, body, headers)
        self.calls += 1
        if self._random.random() < 0.02:
            self._kill_between()
        if self._random.random() < 0.02:
            return self._ask_while_killing(request)
        reply, expected = self._send(request), self._model_reply(request)
        assert reply == expected, f"{request}\n{reply}\n{expected}"
        return reply

    def _kill_between(self) -> None:
        if self._engine.name == "redis" and self._random.random() < 0.3:
            self._engine.kill_store()
            self._wait_for_store()
        else:
            self._engine.signal()
            self._engine.follow()
        self._compare()

    def _ask_while_killing(self, request: Request) -> tuple[int, str]:
        timer = Timer(self._random.random() * 0.012, self._engine.signal)
        timer.start()
        reply = self._send(request)
        timer.join()
        self._engine.follow()
        before = self._look(self._model)
        if reply[0] == 0 and self._look(self._engine.url) == before:
            return 0, "killed"  # perhaps a fault broke the connection, and the call is in the journal then
        expected = self._model_reply(request)
        if reply[0]:
            assert reply == expected, f"{request}\n{reply}\n{expected}"
        else:
            self.lost += 1
        self._compare()
        return expected

    def _compare(self) -> None:
        stored, expected = self._look(self._engine.url), self._look(self._model)
        for name in expected:
            assert stored[name] == expected[name], f"{name}\n{stored[name]}\n{expected[name]}"

    def _look(self, url: str) -> dict[str, Any]:
        seen = Walk(0, lambda *request: ask(self._session, url, request)).look()
        if not seen["clock"]["frozen"]:  # between a reset and the next freeze, time passes
            del seen["clock"]["now"]
        return seen

    def _send(self, request: Request) -> tuple[int, str]:
        return ask(self._session, self._engine.url, request)

    def _wait_for_store(self) -> None:
        while OUTAGE in self._send(("GET", "/_mock/clock", None, {}))[1]:
            pass  # a client that tries again and again

    def _model_reply(self, request: Request) -> tuple[int, str]:
        return ask(self._session, self._model, request)

    def _new_model(self, requests_: list[Request]) -> str:
        url = self._stack.enter_context(SegmentMock(time_scale=0)).serve().url
        for request in requests_:
            ask(self._session, url, request)
        return url


def write_at_once(engine: Engine, run: int, seconds: float) -> tuple[set[str], list[str]]:
    """Let four clients write groups of different names, and kill the server meanwhile; return what was acknowledged.

    The second value has the names of all groups that are there afterwards.
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
                token = f"{number}-{index // 200}"  # a credential has 300 calls a minute
                status, text = ask(session, engine.url, ("PUT", f"{SALSA}/segments", body, {"authToken": token}))
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
            engine.follow()
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    with requests.Session() as session:
        while OUTAGE in (reply := ask(session, engine.url, ("GET", "/_mock/state", None, {})))[1]:
            pass
        state = requests.models.complexjson.loads(reply[1])
    return acknowledged, [row["name"] for row in state["salsa"]["segments"]]


def torture(name: str, seed: int, seconds: float, place: Path) -> str:
    """Stress the engine *name* for a number of seconds, and return the counts; raises AssertionError."""
    random = Random(seed)
    engine = Engine(name, place, random)
    try:
        with ExitStack() as stack:
            twins = Twins(engine, random, stack)
            walk, end = Walk(seed, twins.ask), time.monotonic() + seconds * 0.7
            while time.monotonic() < end:
                walk.step()
            twins._compare()
        ask(requests.Session(), engine.url, ("POST", "/_mock/reset", None, {}))
        acknowledged, names = write_at_once(engine, 0, seconds * 0.3)
        counts = Counter(names)
        assert not [name for name in acknowledged if counts[name] != 1]
        assert len(counts) == len(names), "a name occurs twice"
    finally:
        engine.stop()
    kills = ", ".join(f"{number} {program} killed" for program, number in engine.kills.items())
    return (
        f"{name}: {twins.calls} calls as in memory, {twins.lost} of them performed without a reply; "
        f"{len(acknowledged)} concurrent writes acknowledged and there once; {kills}"
    )


def main() -> None:
    """Torture each engine that is installed."""
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
        with tempfile.TemporaryDirectory() as place:
            sys.stdout.write(f"{torture(name, options.seed, options.seconds / len(engines), Path(place))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
