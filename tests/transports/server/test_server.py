"""Starting and stopping the live server; after stopping, it leaves no resources open."""

import errno
import gc
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from segment_mock.clock import Clock
from segment_mock.messages import Response
from segment_mock.transports.server.server import LiveServer
from tests.ports import free_port

from .raw_client import GET, HOLD, TIMEOUT, HoldingCore, RawClient, control, echo, respond_with, serve, server_threads


def open_sockets():
    """Return the open sockets and pollers of this process, each with its number."""
    gc.collect()
    links = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.add((entry.name, str(entry.readlink())))
        except FileNotFoundError:  # the directory itself
            continue
    return {link for link in links if link[1].startswith(("socket:", "anon_inode:[eventpoll]"))}


def test_start_binds_a_free_port():
    """Requests to ``url`` are answered as soon as ``start`` returns."""
    with serve() as server:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert requests.get(server.url, timeout=TIMEOUT).status_code == 200


def test_the_server_can_listen_on_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serve(host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}"
        assert requests.get(server.url, timeout=TIMEOUT).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_an_error_at_start(host):
    """The error names the address, and no thread is left."""
    try:
        busy = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with busy:
        server = LiveServer(echo, control, Clock(), host=host, port=busy.getsockname()[1])
        with pytest.raises(OSError, match="Address already in use") as caught:
            server.start()

    assert caught.value.errno == errno.EADDRINUSE
    assert server.url.removeprefix("http://") in str(caught.value)
    assert server_threads() == []


def test_a_second_start_is_an_error_and_a_second_stop_is_not():
    server = LiveServer(echo, control, Clock())
    server.stop()
    server.start()
    with pytest.raises(RuntimeError, match=server.url):
        server.start()
    server.stop()
    server.stop()
    server.interrupt()


def test_a_stopped_server_can_be_started_at_the_same_address():
    """The port is free as soon as ``stop`` returns, even if clients were connected."""
    with serve(port=free_port()) as server:  # no other process is given the port meanwhile
        first = server.url
        with RawClient(server) as client:
            client.send(GET).read_response()
            server.stop()
            server.start()

        assert server.url == first
        assert requests.get(server.url, timeout=TIMEOUT).status_code == 200


def test_stop_closes_connections_and_ends_calls_and_threads():
    """All of them have ended when ``stop`` returns."""
    before, core = open_sockets(), HoldingCore()
    with ExitStack() as stack:
        server = stack.enter_context(serve(core))
        clients = [stack.enter_context(RawClient(server)) for _ in range(20)]
        for client in clients:
            client.send(GET).read_response()
        clients[0].send(b"GET /_mock/health HTTP/1.1\r\n\r\n").read_response()
        clients[1].send(HOLD)
        assert core.started.acquire(timeout=TIMEOUT)
        server.stop()
        threads_afterwards = server_threads()
        ends = [client.read_to_end() for client in clients]

    assert threads_afterwards == []
    assert ends == [b""] * 20
    assert core.outcomes == ["unperformed"]
    assert open_sockets() <= before


def test_stop_closes_connections_that_are_being_accepted(caplog):
    """No message is logged."""
    for _ in range(5):
        with ExitStack() as stack:
            server = stack.enter_context(serve())
            clients = [stack.enter_context(RawClient(server)) for _ in range(40)]
            server.stop()
            for client in clients:
                with suppress(ConnectionResetError):  # the system had not handed the connection over
                    assert client.read_to_end() == b""
    gc.collect()

    assert caplog.records == []


def test_the_core_or_the_control_plane_may_stop_the_server():
    for target in ("/", "/_mock/stop"):
        holder = []

        async def answer(request, holder=holder):
            holder[0].stop()
            return Response(200)

        def stop(request, holder=holder):
            holder[0].stop()
            return Response(200)

        with serve(answer, control=stop) as server, RawClient(server) as client:
            holder.append(server)
            names = [thread for thread in threading.enumerate() if thread.name.startswith("segment-mock")]
            client.send(b"GET %s HTTP/1.1\r\n\r\n" % target.encode()).read_to_end()
            for thread in names:
                thread.join(TIMEOUT)

        assert not any(thread.is_alive() for thread in names)


def test_the_date_header_has_the_time_of_the_clock():
    clock = Clock()
    clock.freeze("2018-03-21T15:12:09.310Z")
    with serve(respond_with(), clock=clock) as server, RawClient(server) as client:
        assert client.send(GET).read_response()[1]["date"] == "Wed, 21 Mar 2018 15:12:09 GMT"
        clock.advance(1)
        assert client.send(GET).read_response()[1]["date"] == "Wed, 21 Mar 2018 15:12:10 GMT"


def test_time_scale_applies_to_pauses_of_the_core():
    """A pause of an hour takes no time with a time scale of 0."""
    with serve(HoldingCore(3600), time_scale=0) as server, RawClient(server) as client:
        assert client.send(HOLD).read_response()[0] == 200


FREEZE_SCRIPT = """
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
connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
connection.request("GET", "/api/integration/ext/v1/metrics", headers={"authToken": "t"})
assert connection.getresponse().status == 200
connection.close()
server.stop()
print("answered")
"""


@pytest.mark.slow
@pytest.mark.parametrize("library", ["freezegun", "freezegun, asyncio too", "time-machine"])
@pytest.mark.parametrize("imported", ["before", "while frozen"])
def test_delays_end_while_a_library_freezes_time(library, imported):
    """Timers of the server use a time source that no such library replaces."""
    command = [sys.executable, "-c", FREEZE_SCRIPT, library, imported]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert (result.stdout, result.returncode) == ("answered\n", 0), result.stderr
