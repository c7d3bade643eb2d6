"""Calls on the live server: the control plane, and delayed, interrupted, abandoned and failing calls."""

import math
import resource
import threading
from contextlib import ExitStack, suppress

import pytest

from segment_mock.clock import sleep
from segment_mock.messages import Delivery, Response

from .raw_client import GET, HOLD, TIMEOUT, HoldingCore, RawClient, control, serve, server_threads


def test_a_slow_control_plane_does_not_delay_other_calls():
    """The control plane runs on a separate thread."""
    entered, go = threading.Event(), threading.Event()

    def slow(request):
        entered.set()
        assert go.wait(TIMEOUT)
        return control(request)

    with serve(control=slow) as server, RawClient(server) as admin, RawClient(server) as client:
        admin.send(b"PUT /_mock/state?x HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
        assert entered.wait(TIMEOUT)
        assert client.send(GET).read_response()[0] == 200
        go.set()
        status, headers, body = admin.read_response()

    assert (status, body) == (200, b"hi")
    assert headers["x-thread"].startswith("segment-mock-control")


@pytest.mark.parametrize(
    ("target", "is_control"),
    [("/_mock", True), ("/_mock?a", True), ("/_mock/", True), ("/_mockery", False), ("/a/_mock/", False)],
)
def test_the_control_plane_has_slash_mock_and_the_paths_below_it(target, is_control):
    with serve() as server, RawClient(server) as client:
        _, headers, _ = client.send(f"GET {target} HTTP/1.1\r\n\r\n".encode()).read_response()

    assert ("x-thread" in headers) == is_control


def test_interrupt_cancels_delayed_calls():
    """They are not performed, and their clients are disconnected; idle connections stay open."""
    for seconds in (math.inf, 3600):
        core = HoldingCore(seconds)
        with serve(core) as server, RawClient(server) as client, RawClient(server) as idle:
            idle.send(GET).read_response()
            client.send(HOLD)
            assert core.started.acquire(timeout=TIMEOUT)
            server.interrupt()

            assert core.outcomes == ["unperformed"]
            assert client.read_to_end() == b""
            assert idle.send(GET).read_response()[0] == 200


@pytest.mark.parametrize("target", ["/_mock/reset", "/reset"])
def test_a_call_may_interrupt_the_server(target):
    """Its own response is still sent, whether the control plane or the core handles it."""
    holding, holder = HoldingCore(), []

    def reset(request):
        holder[0].interrupt()
        return Response(200)

    async def answer(request):
        return reset(request) if request.target == target else await holding(request)

    with serve(answer, control=reset) as server, RawClient(server) as client, RawClient(server) as other:
        holder.append(server)
        client.send(HOLD)
        assert holding.started.acquire(timeout=TIMEOUT)

        assert other.send(f"POST {target} HTTP/1.1\r\n\r\n".encode()).read_response()[0] == 200
        assert holding.outcomes == ["unperformed"]


@pytest.mark.parametrize(("seconds", "expected"), [(math.inf, "unperformed"), (0.05, "performed")])
def test_a_delayed_call_whose_client_disconnects_is_performed_unless_endless(seconds, expected):
    """A vendor would perform it, too; a call without end is cancelled."""
    core = HoldingCore(seconds)
    with serve(core) as server:
        with RawClient(server) as client:
            client.send(HOLD)
            assert core.started.acquire(timeout=TIMEOUT)
        assert core.finished.wait(TIMEOUT)

        assert core.outcomes == [expected]


def test_a_call_that_hangs_after_its_client_disconnected_is_cancelled():
    has_left, finished = threading.Event(), threading.Event()

    async def answer(request):
        try:
            while not has_left.is_set():
                await sleep(0.001)
            await sleep(0.01)
            await sleep(math.inf)
        finally:
            finished.set()

    with serve(answer) as server:
        with RawClient(server) as client:
            client.send(GET)
        has_left.set()

        assert finished.wait(TIMEOUT)


def test_a_thousand_hanging_calls_need_one_thread():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip("too few file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    core = HoldingCore()
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = stack.enter_context(serve(core))
        for _ in range(1000):
            stack.enter_context(RawClient(server)).send(HOLD)
            assert core.started.acquire(timeout=TIMEOUT)
        other = stack.enter_context(RawClient(server))

        assert other.send(GET).read_response()[0] == 200
        assert server_threads() == ["segment-mock"]
        server.stop()
        assert core.outcomes == ["unperformed"] * 1000


async def raise_error(request):
    """Raise an error."""
    raise ValueError(request.target)


async def await_unsupported(request):
    """Await an object that does not yield a number of seconds."""

    class Unsupported:
        def __await__(self):
            yield "not seconds"

    await Unsupported()


@pytest.mark.parametrize("answer", [raise_error, await_unsupported])
def test_an_exception_in_the_core_is_a_500(answer, caplog):
    """The error is logged, the connection is closed, and the server continues."""
    with serve(answer) as server:
        for _ in range(2):
            with RawClient(server) as client:
                status, headers, body = client.send(GET).read_response()

                assert (status, headers["content-type"]) == (500, "text/plain; charset=utf-8")
                assert b"failed to answer" in body
                assert client.read_to_end() == b""

    assert [(record.name, record.levelname) for record in caplog.records] == [("segment_mock", "ERROR")] * 2
    assert all(record.exc_info for record in caplog.records)


def test_an_exception_in_the_control_plane_is_a_500(caplog):
    def broken(request):
        raise ValueError

    with serve(control=broken) as server, RawClient(server) as client:
        assert client.send(b"GET /_mock/ HTTP/1.1\r\n\r\n").read_response()[0] == 500

    assert "failed to answer" in caplog.text


def test_an_exception_while_a_call_is_cancelled_is_logged(caplog):
    """Other calls and ``stop`` are not affected."""
    started = threading.Semaphore(0)

    async def stubborn(request):
        try:
            started.release()
            await sleep(math.inf)
        finally:
            raise ValueError("no")

    with serve(stubborn) as server, RawClient(server) as one, RawClient(server) as two:
        for client in (one, two):
            client.send(GET)
            assert started.acquire(timeout=TIMEOUT)
        server.interrupt()
        ends = [one.read_to_end(), two.read_to_end()]

    assert (ends, server_threads()) == ([b"", b""], [])
    assert caplog.text.count("ValueError: no") == 2


@pytest.mark.parametrize("seconds", [math.nan, None, "1", -math.nan])
def test_an_invalid_pause_is_an_error_of_the_call(seconds, caplog):
    """The timers of other calls are not affected."""

    async def pause_if_invalid(request):
        if request.target == "/invalid":
            await sleep(0.0)
            await Pause(seconds)
        await sleep(0.01)
        return Response(200)

    with serve(pause_if_invalid) as server, RawClient(server) as one, RawClient(server) as two:
        two.send(GET)
        assert one.send(b"GET /invalid HTTP/1.1\r\n\r\n").read_response()[0] == 500
        assert two.read_response()[0] == 200
        assert two.send(GET).read_response()[0] == 200

    assert "failed to answer" in caplog.text


class Pause:
    """An awaitable that asks for a pause of any value."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __await__(self):
        yield self.seconds


def test_a_negative_pause_does_not_wait():
    with serve(HoldingCore(-5)) as server, RawClient(server) as client:
        assert client.send(HOLD).read_response()[0] == 200


def test_an_exception_in_a_stream_closes_its_connection(caplog):
    """The client does not wait for more, and the server continues."""
    pieces = [b"a"]

    def stream(request):
        return Response(200, {}, b"", Delivery(more=pieces.pop, pause=0.001))

    with serve(control=stream) as server, RawClient(server) as client:
        with suppress(ConnectionResetError):
            assert client.send(b"GET /_mock/events HTTP/1.1\r\n\r\n").read_to_end().endswith(b"a")
        with RawClient(server) as other:
            assert other.send(GET).read_response()[0] == 200

    assert "IndexError" in caplog.text
