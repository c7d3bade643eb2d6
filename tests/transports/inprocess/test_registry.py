"""Interceptions are a stack of patches: entering one applies them; leaving it, in any order, restores the originals."""

from __future__ import annotations

import asyncio
import functools
import http.client
import importlib
import socket
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


class LoopRunner:
    """Runs several coroutines in one event loop, as pytest-asyncio does."""

    def __enter__(self) -> LoopRunner:
        self._loop = asyncio.new_event_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def run(self, coroutine: Any) -> Any:
        """Run *coroutine* to completion and return its result."""
        return self._loop.run_until_complete(coroutine)


def count_groups(client: Any = requests) -> int:
    """Return the number of groups that the vendor returns to *client*."""
    response = client.post(VENDOR, headers=HEADERS, json={"payload": {}}, timeout=60)
    count: int = response.json()["payload"]["count"]
    return count


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock with one group."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock


@pytest.fixture
def empty_mock() -> Iterator[SegmentMock]:
    """A mock without groups."""
    with SegmentMock() as mock:
        yield mock


@pytest.fixture(autouse=True)
def _everything_is_restored() -> Iterator[None]:
    """Fail a test that leaves a patch, an import hook or an interception behind."""
    before = [*sys.meta_path]
    yield
    assert http.client.HTTPSConnection.connect is CONNECT
    assert [*sys.meta_path] == before
    assert REGISTRY.routes == ()


def test_libraries_are_patched_only_during_an_interception(mock: SegmentMock) -> None:
    """This applies to the import hook, too."""
    with mock.intercept():
        assert http.client.HTTPSConnection.connect is not CONNECT
        assert REGISTRY in sys.meta_path


def test_an_interception_can_be_started_and_stopped_by_method(mock: SegmentMock) -> None:
    """Stopping an interception that was not started is an error."""
    interception = mock.intercept().start()
    assert count_groups() == 1
    interception.stop()

    with pytest.raises(RuntimeError, match="was not started"):
        interception.stop()


def test_interceptions_may_end_in_any_order(mock: SegmentMock, empty_mock: SegmentMock) -> None:
    """The innermost of the remaining interceptions gets the calls."""
    outer, middle, inner = (each.intercept() for each in (mock, empty_mock, mock))
    for each in (outer, middle, inner):
        each.start()
    middle.stop()
    assert count_groups() == 1
    inner.stop()
    assert count_groups() == 1
    outer.stop()


def test_a_patch_that_outlives_the_interception_restores_the_original(mock: SegmentMock) -> None:
    """If the patch wrapped a method that the interception also patched, the next interception removes the wrapper."""
    send = HTTPAdapter.send
    above = mocks.patch.object(HTTPAdapter, "send", autospec=True, side_effect=send)
    at = mocks.patch.object(http.client.HTTPSConnection, "connect", CONNECT)
    with mock.intercept():
        spy = above.start()
        at.start()
        assert count_groups() == 1
        assert spy.call_count == 1
    above.stop()
    at.stop()
    assert HTTPAdapter.send is send

    with mock.intercept():
        assert count_groups() == 1


def test_an_earlier_patch_is_restored_after_the_interception(mock: SegmentMock) -> None:
    with mocks.patch.object(http.client.HTTPSConnection, "connect", CONNECT):
        patch = http.client.HTTPSConnection.connect
        with mock.intercept():
            assert count_groups() == 1
        assert http.client.HTTPSConnection.connect is patch


@pytest.mark.parametrize("form", ["autospec", "wraps", "partial", "function"])
def test_an_earlier_spy_on_a_pool_of_httpcore_does_not_prevent_the_interception(mock: SegmentMock, form: str) -> None:
    """The interception was started last, so it is asked first, whatever the spy is made of."""
    original = httpcore.ConnectionPool.handle_request
    spy = {
        "autospec": mocks.create_autospec(original, side_effect=original),
        "wraps": mocks.MagicMock(wraps=original),
        "partial": functools.partial(original),
        "function": lambda self, request: original(self, request),
    }[form]
    with mocks.patch.object(httpcore.ConnectionPool, "handle_request", spy):
        with mock.intercept():
            assert count_groups(importlib.import_module("httpx")) == 1
        assert vars(httpcore.ConnectionPool)["handle_request"] is spy


@pytest.mark.parametrize(
    "form",
    [None, mocks.MagicMock(), mocks.create_autospec(httpcore.ConnectionPool.handle_request)],
    ids=["none", "mock", "autospec"],
)
def test_an_earlier_mock_without_the_original_function_does_not_prevent_the_interception(
    mock: SegmentMock, form: Any
) -> None:
    """Other clients are intercepted."""
    with (
        mocks.patch.object(httpcore.ConnectionPool, "handle_request", form),
        mocks.patch.object(socket, "getaddrinfo", form),
        mock.intercept(),
    ):
        assert count_groups() == 1


def test_patches_that_are_put_back_in_each_test_do_not_add_up(mock: SegmentMock) -> None:
    """pytest-socket restores the original after each test, on the class that only inherited it."""
    original: Any = socket.socket.connect
    numbers = []
    with mock.intercept():
        for _ in range(3):
            setattr(socket.socket, "connect", original)  # noqa: B010 - a method is replaced
            REGISTRY.reapply()
            numbers.append(sum(len(route.patches) for route in REGISTRY.routes))
            assert socket.socket.connect is not original
    del socket.socket.connect  # it is inherited again

    assert len({*numbers}) == 1


def test_a_wrapper_that_copies_the_attributes_of_our_patch_is_kept(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``functools.wraps`` copies them; the wrapper still counts as the user's after the interception."""
    seam, calls = urllib3.connection.HTTPSConnection, []
    monkeypatch.setattr(seam, "connect", seam.connect)  # restored at the end
    with mock.intercept():
        below = seam.connect

        @functools.wraps(below)
        def spy(self: Any) -> None:
            calls.append(self.host)
            below(self)

        seam.connect = spy  # type: ignore[method-assign]
        assert count_groups() == 1
    with mock.intercept():
        assert count_groups() == 1
    assert seam.connect is spy
    assert calls == ["api.salsalabs.org"]


def test_an_inner_interception_continues_after_the_outer_interception_ends(
    mock: SegmentMock, empty_mock: SegmentMock
) -> None:
    """It may be below another library's patch; the patches are removed with the last interception."""
    send = HTTPAdapter.send
    outer, inner = empty_mock.intercept(), mock.intercept()
    outer.start()
    with mocks.patch.object(http.client.HTTPSConnection, "connect", http.client.HTTPSConnection.connect):
        inner.start()
        outer.stop()
        assert count_groups() == 1
    assert count_groups() == 1
    inner.stop()
    assert (HTTPAdapter.send, http.client.HTTPSConnection.connect) == (send, CONNECT)


def test_a_subclass_of_a_httpcore_pool_is_called_before_the_interception(mock: SegmentMock) -> None:
    targets = []

    class Pool(httpcore.ConnectionPool):
        def handle_request(self, request: httpcore.Request) -> httpcore.Response:
            targets.append(request.url.target)
            return super().handle_request(request)

    with mock.intercept(), Pool() as pool:
        assert pool.request("GET", VENDOR, headers=HEADERS).status == 405
    assert targets == [b"/api/integration/ext/v1/segments/search"]


def test_a_patched_urllib3_pool_gets_intercepted_calls(mock: SegmentMock) -> None:
    urlopen = urllib3.HTTPConnectionPool.urlopen
    with (
        mock.intercept(),
        mocks.patch.object(urllib3.HTTPConnectionPool, "urlopen", autospec=True, side_effect=urlopen) as spy,
    ):
        assert count_groups() == 1

    assert spy.call_count == 1


def test_a_library_that_is_imported_again_is_intercepted(mock: SegmentMock) -> None:
    """A reload or a nested run of pytest replaces modules in ``sys.modules``."""
    with mocks.patch.dict(sys.modules):
        for name in [name for name in sys.modules if name.partition(".")[0] in ("requests", "httpx", "httpcore")]:
            del sys.modules[name]
        second_import = importlib.import_module("requests")
        assert second_import is not requests
        with mock.intercept():
            assert count_groups(second_import) == 1
            assert count_groups(importlib.import_module("httpx")) == 1
    with mock.intercept():
        assert [1, 1] == [count_groups(), count_groups(importlib.import_module("httpx"))]


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


def test_a_first_interception_patches_the_original_classes_if_another_library_replaced_them() -> None:
    """vcrpy, httpretty and pytest-socket replace them; calls are intercepted then and afterwards."""
    result = subprocess.run([sys.executable, "-c", FIRST_INTERCEPTION], capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["200", "200", "refused"], result.stderr


def test_a_library_whose_import_is_disabled_is_skipped(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of optional dependencies set ``sys.modules[name]`` to None."""
    monkeypatch.setitem(sys.modules, "httpcore", None)
    with mock.intercept():
        assert count_groups() == 1


def test_a_library_imported_by_another_thread_during_the_start_is_intercepted_next_time(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_module = registry.import_module

    def import_while_another_thread_imports(name: str) -> Any:
        """Import a module while another thread completes the import of httpcore."""
        if name == "aiohttp.connector":
            sys.modules["httpcore"] = httpcore
        return import_module(name)

    for name, start in (("_libraries", {}), ("_groups", ()), ("_imported", None)):
        monkeypatch.setattr(REGISTRY, name, start)
    monkeypatch.setattr(registry, "import_module", import_while_another_thread_imports)
    monkeypatch.delitem(sys.modules, "httpcore")
    with mock.intercept():
        pass
    with mock.intercept():
        assert count_groups(httpx) == 1


def test_an_interception_can_end_after_the_import_hooks_were_restored(
    mock: SegmentMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [*sys.meta_path]
    with monkeypatch.context() as patch, mock.intercept():
        patch.setattr(sys, "meta_path", before)
        assert count_groups() == 1


def test_a_call_of_a_library_that_is_too_old_is_an_error(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the required version, and the call does not reach the network."""
    monkeypatch.setattr(aiohttp, "__version__", "3.7.4")
    monkeypatch.setattr(REGISTRY, "too_old", {})
    monkeypatch.setattr(REGISTRY, "_libraries", {})
    monkeypatch.setattr(REGISTRY, "_groups", ())
    monkeypatch.setattr(REGISTRY, "_imported", None)

    async def get() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(VENDOR)

    with mock.intercept(), pytest.raises(NetworkBlocked, match=r"aiohttp 3.7.4 is too old .*; install 3.8 or later"):
        asyncio.run(get())


async def add_groups_in_own_mock(name: str, client: httpx.AsyncClient, *, pause: Any) -> list[str]:
    """Add three groups within an interception, with pauses for other tasks, and return the groups of its mock."""
    with SegmentMock() as mock, mock.intercept():
        for turn in range(3):
            body = {"payload": {"segments": [{"name": f"{name}{turn}"}]}}
            await client.put(VENDOR.removesuffix("/search"), headers=HEADERS, json=body)
            await pause(0)
        return [group["name"] for group in mock.salsa.segments]


def test_concurrent_tasks_have_their_own_interceptions(mock: SegmentMock) -> None:
    """They may share a client; other tasks of the loop use the thread's interception."""

    async def run() -> tuple[list[list[str]], int]:
        async with httpx.AsyncClient() as client:
            own = (add_groups_in_own_mock(name, client, pause=asyncio.sleep) for name in "xyz")
            tasks = [asyncio.ensure_future(one) for one in own]
            await asyncio.sleep(0)
            outside = (await client.post(VENDOR, headers=HEADERS, json={"payload": {}})).json()["payload"]["count"]
            return await asyncio.gather(*tasks), outside

    with mock.intercept():
        seen, outside = asyncio.run(run())

    assert [[f"{name}{turn}" for turn in range(3)] for name in "xyz"] == seen
    assert 1 == outside


@pytest.mark.parametrize("release", ["this one", "0.28"])
def test_concurrent_tasks_of_trio_have_their_own_interceptions(release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if release == "0.28":
        monkeypatch.delattr(trio.lowlevel, "in_trio_task", raising=False)
    seen: dict[str, list[str]] = {}

    async def run() -> None:
        async with httpx.AsyncClient() as client, trio.open_nursery() as nursery:

            async def add_groups(name: str) -> None:
                seen[name] = await add_groups_in_own_mock(name, client, pause=trio.sleep)

            for name in "xyz":
                nursery.start_soon(add_groups, name)

    trio.run(run)

    assert {name: [f"{name}{turn}" for turn in range(3)] for name in "xyz"} == seen


def test_tasks_and_threads_that_a_task_starts_use_its_interception(mock: SegmentMock, empty_mock: SegmentMock) -> None:
    async def count_in_own_mock(own: SegmentMock, ready: asyncio.Event, other: asyncio.Event) -> Any:
        with own.intercept():
            ready.set()
            await other.wait()  # both interceptions are in force
            return await asyncio.gather(
                asyncio.to_thread(count_groups), asyncio.create_task(asyncio.to_thread(count_groups))
            )

    async def run() -> Any:
        ready = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(count_in_own_mock(mock, *ready), count_in_own_mock(empty_mock, *ready[::-1]))

    assert [[1, 1], [0, 0]] == [[*counts] for counts in asyncio.run(run())]


def test_an_interception_started_by_a_finished_task_applies_to_the_thread(
    mock: SegmentMock, empty_mock: SegmentMock
) -> None:
    """Async fixtures start interceptions in this way."""
    inner = mock.intercept()

    async def begin() -> None:
        inner.start()

    async def test() -> int:
        return count_groups()

    with empty_mock.intercept(), LoopRunner() as loop:
        loop.run(begin())
        seen = loop.run(test())
        inner.stop()

    assert 1 == seen


def test_threads_have_their_own_interceptions(mock: SegmentMock, empty_mock: SegmentMock) -> None:
    """A thread without an interception uses the innermost interception of the process."""
    both, done = threading.Barrier(2, timeout=60), threading.Barrier(2, timeout=60)
    seen: dict[str, int] = {}

    def count_in_own_mock(name: str, own: SegmentMock) -> None:
        with own.intercept():
            both.wait()
            seen[name] = count_groups()
            done.wait()

    threads = [
        threading.Thread(target=count_in_own_mock, args=("one", mock)),
        threading.Thread(target=count_in_own_mock, args=("none", empty_mock)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with mock.intercept():
        other = threading.Thread(target=lambda: seen.update(other=count_groups()))
        other.start()
        other.join()

    assert {"one": 1, "none": 0, "other": 1} == seen


def test_nothing_is_patched_in_tests_without_the_fixture(pytester: pytest.Pytester) -> None:
    """Other tests of the same run use the fixture."""
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


def test_stubs_of_responses_take_precedence_in_either_order(mock: SegmentMock) -> None:
    """Calls that responses passes through reach the mock; calls that it refuses do not."""
    with responses.RequestsMock() as stub, mock.intercept():
        stub.add_passthru("https://api.salsalabs.org")
        assert count_groups() == 1
    with mock.intercept(), responses.RequestsMock() as stub:
        stub.add("POST", VENDOR, json={"payload": {"count": 7}})
        assert count_groups() == 7
    with responses.RequestsMock(), mock.intercept(), pytest.raises(requests.ConnectionError, match="Responses"):
        count_groups()
    assert 1 == len(mock.journal)


@pytest.mark.parametrize("absent", [(), ("aiohttp", "httpcore", "requests")], ids=["", "some-absent"])
def test_our_modules_can_be_imported_again(mock: SegmentMock, absent: tuple[str, ...]) -> None:
    """A nested run of pytest removes the modules that it imported first; those *absent* before it stay absent."""

    async def get() -> int:
        async with aiohttp.ClientSession() as session, session.get(VENDOR) as response:
            return response.status

    def remove(*names: str) -> None:
        for name in names:
            sys.modules.pop(f"segment_mock.transports.inprocess.{name}", None)

    with mock.intercept():
        pass
    with mocks.patch.dict(sys.modules):
        remove(*absent)
        with mocks.patch.dict(sys.modules):
            remove("aiohttp", "connection", "httpcore", "http_client", "requests")
            with mock.intercept():
                assert (asyncio.run(get()), count_groups()) == (401, 1)
        with mock.intercept():
            assert (asyncio.run(get()), count_groups()) == (401, 1)


@pytest.mark.parametrize("transport", ["inprocess", "live"])
def test_modules_that_a_nested_run_imported_first_are_imported_again(
    mock: SegmentMock, transport: registry.Transport
) -> None:
    """It leaves only what was imported before, by a session of a mock for example."""
    clients = (requests, httpx)
    with mocks.patch.dict(sys.modules):
        with mock.intercept(transport=transport):
            assert [1, 1] == [count_groups(client) for client in clients]
        for name in ("aiohttp", "httpcore", "live", "requests", "sockets"):
            sys.modules.pop(f"segment_mock.transports.inprocess.{name}", None)
        with mock.intercept(transport=transport):
            assert [1, 1] == [count_groups(client) for client in clients]
