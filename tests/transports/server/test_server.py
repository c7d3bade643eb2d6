"""Start and stop of the live server, after which no resource is left."""

import errno
import gc
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from segment_mock.clock import Clock
from segment_mock.messages import Response
from segment_mock.transports.server.server import LiveServer

from .raw_client import GET, HOLD, TIMEOUT, Holding, RawClient, always, control, echo, serving, threads


def sockets():
    """Count the sockets and pollers that this process has open."""
    gc.collect()
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:  # the directory itself
            continue
    return sum(link.startswith(("socket:", "anon_inode:[eventpoll]")) for link in links)


def test_start_binds_a_free_port_and_says_where():
    """Port 0 selects a free port, and requests to `url` are answered once `start` returns."""
    with serving() as server:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert requests.get(server.url, timeout=TIMEOUT).status_code == 200


def test_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with serving(host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}"
        assert requests.get(server.url, timeout=TIMEOUT).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_busy_port_is_an_error_at_once(host):
    """`start` raises an OSError with the address, and no thread is left."""
    try:
        busy = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        pytest.skip("no IPv6 here")
    with busy:
        server = LiveServer(echo, control, Clock(), host=host, port=busy.getsockname()[1])
        with pytest.raises(OSError, match="Address already in use") as caught:
            server.start()

    assert caught.value.errno == errno.EADDRINUSE
    assert server.url.removeprefix("http://") in str(caught.value)
    assert threads() == []


def test_second_start_is_an_error_and_second_stop_is_not():
    """`start` raises for a running server; `stop` does nothing for a stopped one."""
    server = LiveServer(echo, control, Clock())
    server.stop()
    server.start()
    with pytest.raises(RuntimeError, match=server.url):
        server.start()
    server.stop()
    server.stop()
    server.interrupt()


def test_a_stopped_server_starts_again_at_its_address():
    """The port is free as soon as `stop` returns, though clients were connected."""
    with serving() as server:
        first = server.url
        with RawClient(server) as wire:
            wire.send(GET).reply()
            server.stop()
            server.start()

        assert server.url == first
        assert requests.get(server.url, timeout=TIMEOUT).status_code == 200


def test_stop_leaves_nothing_behind():
    """Idle connections, held calls and the worker of the control plane have ended when `stop` returns."""
    before, core = sockets(), Holding()
    with ExitStack() as stack:
        server = stack.enter_context(serving(core))
        wires = [stack.enter_context(RawClient(server)) for _ in range(20)]
        for wire in wires:
            wire.send(GET).reply()
        wires[0].send(b"GET /_mock/health HTTP/1.1\r\n\r\n").reply()
        wires[1].send(HOLD)
        assert core.started.acquire(timeout=TIMEOUT)
        began = time.perf_counter()
        server.stop()
        took = time.perf_counter() - began
        threads_afterwards = threads()
        ends = [wire.rest() for wire in wires]

    assert threads_afterwards == []
    assert ends == [b""] * 20
    assert core.ended == ["unperformed"]
    assert sockets() == before
    assert took < 10  # some 2 ms; the margin is for a busy machine


def test_stop_while_clients_connect(caplog):
    """Connections that are just being accepted are closed too, without a word."""
    for _ in range(5):
        with ExitStack() as stack:
            server = stack.enter_context(serving())
            wires = [stack.enter_context(RawClient(server)) for _ in range(40)]
            server.stop()
            for wire in wires:
                with suppress(ConnectionResetError):  # what the system had not handed over yet
                    assert wire.rest() == b""
    gc.collect()

    assert caplog.records == []


def test_stop_from_the_loop_and_from_the_control_plane():
    for target in ("/", "/_mock/stop"):
        holder = []

        async def answer(request, holder=holder):
            holder[0].stop()
            return Response(200)

        def stop(request, holder=holder):
            holder[0].stop()
            return Response(200)

        with serving(answer, control=stop) as server, RawClient(server) as wire:
            holder.append(server)
            names = [thread for thread in threading.enumerate() if thread.name.startswith("segment-mock")]
            wire.send(b"GET %s HTTP/1.1\r\n\r\n" % target.encode()).rest()
            for thread in names:
                thread.join(TIMEOUT)

        assert not any(thread.is_alive() for thread in names)


def test_the_date_is_the_worlds():
    """The Date header has the time of the mock's frozen clock."""
    clock = Clock()
    clock.freeze("2018-03-21T15:12:09.310Z")
    with serving(always(), clock=clock) as server, RawClient(server) as wire:
        assert wire.send(GET).reply()[1]["date"] == "Wed, 21 Mar 2018 15:12:09 GMT"
        clock.advance(1)
        assert wire.send(GET).reply()[1]["date"] == "Wed, 21 Mar 2018 15:12:10 GMT"


def test_time_scale():
    """Every pause of the core is scaled: an hour at 0 takes no time."""
    with serving(Holding(3600), time_scale=0) as server, RawClient(server) as wire:
        assert wire.send(HOLD).reply()[0] == 200


FROZEN = """
import sys, time
library = sys.argv[1]
if library == "freezegun":
    import freezegun
    frozen = freezegun.freeze_time("2020-01-01")
elif library == "freezegun, asyncio too":
    import freezegun
    frozen = freezegun.freeze_time("2020-01-01", ignore=[])
else:
    import time_machine
    frozen = time_machine.travel("2020-01-01", tick=False)
if sys.argv[2] == "before":
    import segment_mock
frozen.start()
import segment_mock
from segment_mock import SegmentMock, faults
mock = SegmentMock()
mock.faults.add(faults.Latency(seconds=0.05))
server = mock.serve()
frozen.stop()
import http.client
frozen.start()
connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
connection.request("GET", "/api/integration/ext/v1/metrics", headers={"authToken": "t"})
assert connection.getresponse().status == 200
connection.close()
server.stop()
print("answered")
"""


@pytest.mark.slow
@pytest.mark.parametrize("library", ["freezegun", "freezegun, asyncio too", "time-machine"])
@pytest.mark.parametrize("imported", ["before", "while frozen"])
def test_waiting_is_real_while_a_test_freezes_time(library, imported):
    """Timers of the server use a time source that no test library replaces."""
    command = [sys.executable, "-c", FROZEN, library, imported]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (done.stdout, done.returncode) == ("answered\n", 0), done.stderr
