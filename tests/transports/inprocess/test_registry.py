"""Interceptions are a stack of patches: entered, they patch; left, in whatever order, they restore what they found."""

from __future__ import annotations

import asyncio
import functools
import http.client
import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock as mocks

import aiohttp
import httpcore
import httpx
import pytest
import requests
import responses
import trio
import urllib3
from requests.adapters import HTTPAdapter

from segment_mock import NetworkBlocked, SegmentMock
from segment_mock.transports.inprocess import registry
from segment_mock.transports.inprocess.registry import REGISTRY

HEADERS = {"authToken": "any"}
VENDOR = "https://api.salsalabs.org/api/integration/ext/v1/segments/search"
CONNECT = http.client.HTTPSConnection.connect


class Loop:
    """An event loop that runs several coroutines, as pytest-asyncio has one."""

    def __enter__(self) -> Loop:
        self._loop = asyncio.new_event_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def run(self, coroutine: Any) -> Any:
        """Run *coroutine* to its end."""
        return self._loop.run_until_complete(coroutine)


def count(client: Any = requests) -> int:
    """Return how many groups the vendor says there are."""
    reply = client.post(VENDOR, headers=HEADERS, json={"payload": {}}, timeout=5)
    count: int = reply.json()["payload"]["count"]
    return count


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock of one group."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock


@pytest.fixture
def empty() -> Iterator[SegmentMock]:
    """A mock of none."""
    with SegmentMock() as mock:
        yield mock


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = [*sys.meta_path]
    yield
    assert http.client.HTTPSConnection.connect is CONNECT
    assert [*sys.meta_path] == before
    assert REGISTRY.routes == ()


def test_nothing_is_patched_before_nor_after(mock: SegmentMock) -> None:
    """Neither a library nor the import system."""
    with mock.intercept():
        assert http.client.HTTPSConnection.connect is not CONNECT
        assert REGISTRY in sys.meta_path


def test_start_and_stop(mock: SegmentMock) -> None:
    """The same without a with block; to stop what was not started is an error."""
    interception = mock.intercept().start()
    assert count() == 1
    interception.stop()

    with pytest.raises(RuntimeError, match="was not started"):
        interception.stop()


def test_interceptions_may_end_in_any_order(mock: SegmentMock, empty: SegmentMock) -> None:
    """Whichever ends, the innermost of those that are left answers."""
    outer, middle, inner = (each.intercept() for each in (mock, empty, mock))
    for each in (outer, middle, inner):
        each.start()
    middle.stop()
    assert count() == 1
    inner.stop()
    assert count() == 1
    outer.stop()


def test_a_spy_that_outlives_the_interception_leaves_the_original(mock: SegmentMock) -> None:
    """On what stands above the seam; and on the seam itself the next interception takes our wrapper away."""
    send = HTTPAdapter.send
    above = mocks.patch.object(HTTPAdapter, "send", autospec=True, side_effect=send)
    at = mocks.patch.object(http.client.HTTPSConnection, "connect", CONNECT)
    with mock.intercept():
        spy = above.start()
        at.start()
        assert count() == 1
        assert spy.call_count == 1
    above.stop()
    at.stop()
    assert HTTPAdapter.send is send

    with mock.intercept():
        assert count() == 1


def test_a_spy_below_is_found_again(mock: SegmentMock) -> None:
    with mocks.patch.object(http.client.HTTPSConnection, "connect", CONNECT):
        patch = http.client.HTTPSConnection.connect
        with mock.intercept():
            assert count() == 1
        assert http.client.HTTPSConnection.connect is patch


def test_a_spy_that_copies_the_attributes_of_our_wrapper_stays(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `functools.wraps` does; it is still the user's own after the interception in which it began."""
    seam, calls = urllib3.connection.HTTPSConnection, []
    monkeypatch.setattr(seam, "connect", seam.connect)  # restores it
    with mock.intercept():
        below = seam.connect

        @functools.wraps(below)
        def spy(self: Any) -> None:
            calls.append(self.host)
            below(self)

        seam.connect = spy  # type: ignore[method-assign]
        assert count() == 1
    with mock.intercept():
        assert count() == 1
    assert seam.connect is spy
    assert calls == ["api.salsalabs.org"]


def test_an_interception_below_a_stub_goes_on_after_an_outer_one(mock: SegmentMock, empty: SegmentMock) -> None:
    """Its patches stay, whichever interception applied them, and go with the last one."""
    send = HTTPAdapter.send
    outer, inner = empty.intercept(), mock.intercept()
    outer.start()
    with mocks.patch.object(http.client.HTTPSConnection, "connect", http.client.HTTPSConnection.connect):
        inner.start()
        outer.stop()
        assert count() == 1
    assert count() == 1
    inner.stop()
    assert (HTTPAdapter.send, http.client.HTTPSConnection.connect) == (send, CONNECT)


def test_a_pool_of_the_users_own_is_called_first(mock: SegmentMock) -> None:
    """A subclass of a pool of httpcore stands above the interception."""
    targets = []

    class Pool(httpcore.ConnectionPool):
        def handle_request(self, request: httpcore.Request) -> httpcore.Response:
            targets.append(request.url.target)
            return super().handle_request(request)

    with mock.intercept(), Pool() as pool:
        assert pool.request("GET", VENDOR, headers=HEADERS).status == 405
    assert targets == [b"/api/integration/ext/v1/segments/search"]


def test_a_spy_on_a_pool_sees_each_call(mock: SegmentMock) -> None:
    """urllib3 is not passed by."""
    urlopen = urllib3.HTTPConnectionPool.urlopen
    with (
        mock.intercept(),
        mocks.patch.object(urllib3.HTTPConnectionPool, "urlopen", autospec=True, side_effect=urlopen) as spy,
    ):
        assert count() == 1

    assert spy.call_count == 1


def test_reimported_library_is_intercepted(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pytester or a reload leaves in ``sys.modules`` is what a client uses from then on."""
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("requests", "httpx", "httpcore")]:
            patch.delitem(sys.modules, name)
        anew = importlib.import_module("requests")
        assert anew is not requests
        with mock.intercept():
            assert count(anew) == 1
            assert count(importlib.import_module("httpx")) == 1
    with mock.intercept():
        assert [1, 1] == [count(), count(importlib.import_module("httpx"))]


FIRST_INTERCEPTION = """
import http.client, socket, sys, unittest.mock, requests, urllib3.connection
from segment_mock import NetworkBlocked, SegmentMock

class Other(socket.socket):
    pass

def call():
    return requests.get("https://api.salsalabs.org/api/integration/ext/v1/metrics", headers={"authToken": "any"})

with SegmentMock() as mock:
    with (
        unittest.mock.patch.object(http.client, "HTTPConnection", Other),
        unittest.mock.patch.object(urllib3.connection, "HTTPSConnection", Other),
        unittest.mock.patch.object(socket, "socket", Other),
        mock.intercept(),
    ):
        print(call().status_code)
    with mock.intercept(), socket.socket() as client:
        print(call().status_code)
        try:
            client.connect(("api.salsalabs.org", 443))
        except NetworkBlocked:
            print("refused")
"""


def test_classes_that_another_library_had_replaced_at_the_first_interception() -> None:
    """As vcrpy, httpretty and pytest-socket replace them: the client's own are intercepted, then and afterwards."""
    done = subprocess.run([sys.executable, "-c", FIRST_INTERCEPTION], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["200", "200", "refused"], done.stderr


def test_a_library_whose_import_is_forbidden_is_left_alone(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of optional dependencies put None into ``sys.modules``."""
    monkeypatch.setitem(sys.modules, "httpcore", None)
    with mock.intercept():
        assert count() == 1


def test_a_library_that_another_thread_imports_meanwhile_is_intercepted_from_the_next_time_on(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = registry.import_module

    def imports_another(name: str) -> Any:
        """Import a module, while another thread completes the import of httpcore."""
        if name == "aiohttp.connector":
            sys.modules["httpcore"] = httpcore
        return find(name)

    for name in ("_libraries", "_patches", "_imported"):
        monkeypatch.setattr(REGISTRY, name, type(getattr(REGISTRY, name))())
    monkeypatch.setattr(registry, "import_module", imports_another)
    monkeypatch.delitem(sys.modules, "httpcore")
    with mock.intercept():
        pass
    with mock.intercept():
        assert count(httpx) == 1


def test_a_restored_import_system_ends_no_interception_badly(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [*sys.meta_path]
    with monkeypatch.context() as patch, mock.intercept():
        patch.setattr(sys, "meta_path", before)
        assert count() == 1


def test_a_library_that_is_too_old_is_named(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left alone, none of its calls gets out, and the error says which version would be intercepted."""
    monkeypatch.setattr(aiohttp, "__version__", "3.7.4")
    monkeypatch.setattr(REGISTRY, "too_old", {})
    monkeypatch.setattr(REGISTRY, "_libraries", {})
    monkeypatch.setattr(REGISTRY, "_patches", [])
    monkeypatch.setattr(REGISTRY, "_imported", [])

    async def get() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(VENDOR)

    with mock.intercept(), pytest.raises(NetworkBlocked, match=r"aiohttp 3.7.4 is too old .*; install 3.8 or later"):
        asyncio.run(get())


async def names_in_a_mock_of_its_own(name: str, client: httpx.AsyncClient, *, pause: Any) -> list[str]:
    """Add three groups within an interception, letting other tasks run, and return the names that its mock has."""
    with SegmentMock() as mock, mock.intercept():
        for turn in range(3):
            body = {"payload": {"segments": [{"name": f"{name}{turn}"}]}}
            await client.put(VENDOR.removesuffix("/search"), headers=HEADERS, json=body)
            await pause(0)
        return [group["name"] for group in mock.salsa.segments]


def test_two_tasks_with_a_mock_each(mock: SegmentMock) -> None:
    """Each gets its own, also over a client that they share, and the loop's other tasks that of the thread."""

    async def run() -> tuple[list[list[str]], int]:
        async with httpx.AsyncClient() as client:
            own = (names_in_a_mock_of_its_own(name, client, pause=asyncio.sleep) for name in "xyz")
            tasks = [asyncio.ensure_future(one) for one in own]
            await asyncio.sleep(0)
            outside = (await client.post(VENDOR, headers=HEADERS, json={"payload": {}})).json()["payload"]["count"]
            return await asyncio.gather(*tasks), outside

    with mock.intercept():
        seen, outside = asyncio.run(run())

    assert [[f"{name}{turn}" for turn in range(3)] for name in "xyz"] == seen
    assert 1 == outside


def test_two_tasks_of_trio_with_a_mock_each() -> None:
    seen: dict[str, list[str]] = {}

    async def run() -> None:
        async with httpx.AsyncClient() as client, trio.open_nursery() as nursery:

            async def one(name: str) -> None:
                seen[name] = await names_in_a_mock_of_its_own(name, client, pause=trio.sleep)

            for name in "xyz":
                nursery.start_soon(one, name)

    trio.run(run)

    assert {name: [f"{name}{turn}" for turn in range(3)] for name in "xyz"} == seen


def test_tasks_and_threads_that_a_task_starts_get_its_mock(mock: SegmentMock, empty: SegmentMock) -> None:
    async def one(own: SegmentMock, ready: asyncio.Event, other: asyncio.Event) -> Any:
        with own.intercept():
            ready.set()
            await other.wait()  # both interceptions are in force
            return await asyncio.gather(asyncio.to_thread(count), asyncio.create_task(asyncio.to_thread(count)))

    async def run() -> Any:
        ready = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(one(mock, *ready), one(empty, *ready[::-1]))

    assert [[1, 1], [0, 0]] == [[*counts] for counts in asyncio.run(run())]


def test_an_interception_that_an_ended_task_began_is_the_threads(mock: SegmentMock, empty: SegmentMock) -> None:
    """As an async fixture begins one, within the interception of another fixture."""
    inner = mock.intercept()

    async def begin() -> None:
        inner.start()

    async def test() -> int:
        return count()

    with empty.intercept(), Loop() as loop:
        loop.run(begin())
        seen = loop.run(test())
        inner.stop()

    assert 1 == seen


def test_two_threads_with_a_mock_each(mock: SegmentMock, empty: SegmentMock) -> None:
    """Each thread gets its own, whichever was entered last; a third thread gets the innermost of the process."""
    both, done = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=10)
    seen: dict[str, int] = {}

    def of_its_own(name: str, one: SegmentMock) -> None:
        with one.intercept():
            both.wait()
            seen[name] = count()
            done.wait()

    threads = [
        threading.Thread(target=of_its_own, args=("one", mock)),
        threading.Thread(target=of_its_own, args=("none", empty)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with mock.intercept():
        other = threading.Thread(target=lambda: seen.update(other=count()))
        other.start()
        other.join()

    assert {"one": 1, "none": 0, "other": 1} == seen


def test_nothing_is_patched_between_tests(pytester: pytest.Pytester) -> None:
    """Of a run in which some tests use the fixture and others do not."""
    pytester.makepyfile(
        """
        import http.client, sys
        import requests

        BEFORE = http.client.HTTPSConnection.connect, [*sys.meta_path]
        URL = "https://api.salsalabs.org/api/integration/ext/v1/segments/search"

        def test_one(segment_mock):
            assert http.client.HTTPSConnection.connect is not BEFORE[0]

        def test_between():
            assert BEFORE == (http.client.HTTPSConnection.connect, [*sys.meta_path])

        def test_two(segment_mock):
            assert requests.post(URL, headers={"authToken": "t"}, json={"payload": {}}).json()["payload"]["count"] == 0
        """
    )
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=3)


def test_stub_of_responses_answers_first_in_either_order(mock: SegmentMock) -> None:
    """It stands above the connection; what it lets pass reaches the mock, and nothing does that it refuses."""
    with responses.RequestsMock() as stub, mock.intercept():
        stub.add_passthru("https://api.salsalabs.org")
        assert count() == 1
    with mock.intercept(), responses.RequestsMock() as stub:
        stub.add("POST", VENDOR, json={"payload": {"count": 7}})
        assert count() == 7
    with responses.RequestsMock(), mock.intercept(), pytest.raises(requests.ConnectionError, match="Responses"):
        count()
    assert 1 == len(mock.journal)


def test_own_modules_can_be_imported_again(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run within a run imported first is gone after it, whatever library was there before."""

    async def get() -> int:
        async with aiohttp.ClientSession() as session, session.get(VENDOR) as reply:
            return reply.status

    ours = "segment_mock.transports.inprocess"
    with monkeypatch.context() as patch:
        for name in ("aiohttp", "connection", "httpcore", "http_client"):
            patch.delitem(sys.modules, f"{ours}.{name}", raising=False)
        with mock.intercept():
            assert (asyncio.run(get()), count()) == (401, 1)
    with mock.intercept():
        assert (asyncio.run(get()), count()) == (401, 1)
