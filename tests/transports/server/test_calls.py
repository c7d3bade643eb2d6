"""Calls on the live server: calls of the control plane, and waiting, interrupted, abandoned and failing calls."""

import math
import resource
import threading
from contextlib import ExitStack, suppress

import pytest

from segment_mock.clock import sleep
from segment_mock.messages import Delivery, Response

from .raw_client import GET, HOLD, TIMEOUT, Holding, RawClient, control, serving, threads


def test_slow_control_plane_does_not_delay_other_calls():
    """The control plane runs on a separate thread, while the vendors' clients are served."""
    entered, go = threading.Event(), threading.Event()

    def slow(request):
        entered.set()
        assert go.wait(TIMEOUT)
        return control(request)

    with serving(control=slow) as server, RawClient(server) as admin, RawClient(server) as wire:
        admin.send(b"PUT /_mock/state?x HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
        assert entered.wait(TIMEOUT)
        assert wire.send(GET).reply()[0] == 200
        go.set()
        status, headers, body = admin.reply()

    assert (status, body) == (200, b"hi")
    assert headers["x-thread"].startswith("segment-mock-control")


@pytest.mark.parametrize(
    ("target", "is_control"),
    [("/_mock", True), ("/_mock?a", True), ("/_mock/", True), ("/_mockery", False), ("/a/_mock/", False)],
)
def test_what_is_the_control_planes(target, is_control):
    """Only /_mock and what is below it."""
    with serving() as server, RawClient(server) as wire:
        _, headers, _ = wire.send(f"GET {target} HTTP/1.1\r\n\r\n".encode()).reply()

    assert ("x-thread" in headers) == is_control


def test_interrupt_closes_the_calls_that_wait():
    """A waiting call is closed without being performed, and its client is disconnected."""
    for seconds in (math.inf, 3600):
        core = Holding(seconds)
        with serving(core) as server, RawClient(server) as wire, RawClient(server) as idle:
            idle.send(GET).reply()
            wire.send(HOLD)
            assert core.started.acquire(timeout=TIMEOUT)
            server.interrupt()

            assert core.ended == ["unperformed"]
            assert wire.rest() == b""
            assert idle.send(GET).reply()[0] == 200


@pytest.mark.parametrize("target", ["/_mock/reset", "/reset"])
def test_interrupt_from_within(target):
    """The control plane or the core may interrupt, and its own response is still sent."""
    holding, holder = Holding(), []

    def reset(request):
        holder[0].interrupt()
        return Response(200)

    async def answer(request):
        return reset(request) if request.target == target else await holding(request)

    with serving(answer, control=reset) as server, RawClient(server) as wire, RawClient(server) as other:
        holder.append(server)
        wire.send(HOLD)
        assert holding.started.acquire(timeout=TIMEOUT)

        assert other.send(f"POST {target} HTTP/1.1\r\n\r\n".encode()).reply()[0] == 200
        assert holding.ended == ["unperformed"]


@pytest.mark.parametrize(("seconds", "expected"), [(math.inf, "unperformed"), (0.05, "performed")])
def test_a_client_that_leaves(seconds, expected):
    """A late call continues without its client, as the vendor's would; a call without end is closed."""
    core = Holding(seconds)
    with serving(core) as server:
        with RawClient(server) as wire:
            wire.send(HOLD)
            assert core.started.acquire(timeout=TIMEOUT)
        assert core.over.wait(TIMEOUT)

        assert core.ended == [expected]


def test_a_late_call_that_is_then_held_without_its_client():
    has_left, over = threading.Event(), threading.Event()

    async def answer(request):
        try:
            while not has_left.is_set():
                await sleep(0.001)
            await sleep(0.01)
            await sleep(math.inf)
        finally:
            over.set()

    with serving(answer) as server:
        with RawClient(server) as wire:
            wire.send(GET)
        has_left.set()

        assert over.wait(TIMEOUT)


def test_a_thousand_hanging_calls():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip("too few file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    core = Holding()
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = stack.enter_context(serving(core))
        for _ in range(1000):
            stack.enter_context(RawClient(server)).send(HOLD)
            assert core.started.acquire(timeout=TIMEOUT)
        other = stack.enter_context(RawClient(server))

        assert other.send(GET).reply()[0] == 200
        assert threads() == ["segment-mock"]
        server.stop()
        assert core.ended == ["unperformed"] * 1000


async def raises(request):
    """Fail."""
    raise ValueError(request.target)


async def awaits_a_stranger(request):
    """Await an object that is not a pause."""

    class Stranger:
        def __await__(self):
            yield "not seconds"

    await Stranger()


@pytest.mark.parametrize("answer", [raises, awaits_a_stranger])
def test_a_broken_core(answer, caplog):
    """A bug in the core is logged and answered with a plain 500; the server continues."""
    with serving(answer) as server:
        for _ in range(2):
            with RawClient(server) as wire:
                status, headers, body = wire.send(GET).reply()

                assert (status, headers["content-type"]) == (500, "text/plain; charset=utf-8")
                assert b"failed to answer" in body
                assert wire.rest() == b""

    assert [(record.name, record.levelname) for record in caplog.records] == [("segment_mock", "ERROR")] * 2
    assert all(record.exc_info for record in caplog.records)


def test_a_broken_control_plane(caplog):
    """A bug in the control plane is logged and answered too."""

    def broken(request):
        raise ValueError

    with serving(control=broken) as server, RawClient(server) as wire:
        assert wire.send(b"GET /_mock/ HTTP/1.1\r\n\r\n").reply()[0] == 500

    assert "failed to answer" in caplog.text


def test_a_call_that_fails_to_close(caplog):
    """A call that can't be closed affects neither the other calls nor `stop`."""
    started = threading.Semaphore(0)

    async def stubborn(request):
        try:
            started.release()
            await sleep(math.inf)
        finally:
            raise ValueError("no")

    with serving(stubborn) as server, RawClient(server) as one, RawClient(server) as two:
        for wire in (one, two):
            wire.send(GET)
            assert started.acquire(timeout=TIMEOUT)
        server.interrupt()
        ends = [one.rest(), two.rest()]

    assert (ends, threads()) == ([b"", b""], [])
    assert caplog.text.count("ValueError: no") == 2


@pytest.mark.parametrize("seconds", [math.nan, None, "1", -math.nan])
def test_invalid_pause_is_an_error_of_the_call(seconds, caplog):
    """It does not affect the timers of other calls."""

    async def odd(request):
        if request.target == "/odd":
            await sleep(0.0)
            await Pausing(seconds)
        await sleep(0.01)
        return Response(200)

    with serving(odd) as server, RawClient(server) as one, RawClient(server) as two:
        two.send(GET)
        assert one.send(b"GET /odd HTTP/1.1\r\n\r\n").reply()[0] == 500
        assert two.reply()[0] == 200
        assert two.send(GET).reply()[0] == 200

    assert "failed to answer" in caplog.text


class Pausing:
    """Asks for a pause of any value."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __await__(self):
        yield self.seconds


def test_negative_pause_does_not_wait():
    """The call continues immediately."""
    with serving(Holding(-5)) as server, RawClient(server) as wire:
        assert wire.send(HOLD).reply()[0] == 200


def test_a_stream_that_breaks_ends_its_connection(caplog):
    """The client does not wait for more."""
    pieces = [b"a"]

    def stream(request):
        return Response(200, {}, b"", Delivery(more=pieces.pop, pause=0.001))

    with serving(control=stream) as server, RawClient(server) as wire:
        with suppress(ConnectionResetError):
            assert wire.send(b"GET /_mock/events HTTP/1.1\r\n\r\n").rest().endswith(b"a")
        with RawClient(server) as other:
            assert other.send(GET).reply()[0] == 200

    assert "IndexError" in caplog.text
