"""Malformed bytes over a socket get a valid response or a clean close, and have no side effects."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment_mock import SegmentMock, faults
from tests.fuzz.fuzz_server import AttackedServer, attacked_server
from tests.fuzz.oversized import oversized_requests, put
from tests.fuzz.raw_client import Broken, send_raw

HELLO = bytes.fromhex("16030100650100006103030000") + bytes(93)
"""The beginning of a handshake, with nothing in it that can be agreed on."""
TUNNELS = (
    "a..instaleap.io",
    "a_b.instaleap.io",
    "x" * 70 + ".instaleap.io",
    ".instaleap.io",
    "a." * 999 + "instaleap.io",
)


@pytest.fixture(scope="module")
def target() -> Iterator[AttackedServer]:
    """Return one server for all attacks; each attack checks it afterwards."""
    with attacked_server() as one:
        yield one


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rng=st.randoms(use_true_random=False))
def test_attacks_of_hypothesis(target: AttackedServer, rng: Random) -> None:
    """Each is answered or closed, changes no record and logs nothing; Hypothesis shrinks failures."""
    target.draw(rng)


def test_attacks_of_fixed_seeds(target: AttackedServer) -> None:
    """Hundreds of requests, the same in each run, have responses of each kind."""
    for seed in range(200):
        target.draw(Random(seed))

    assert {200, 400, 403, 404, 431} <= {*target.statuses}


def test_oversized_requests_are_refused(target: AttackedServer) -> None:
    """They have 100 MiB, very long lists or deep nesting."""
    for name, pieces, statuses in oversized_requests(20_000):
        if "300" not in name:
            (answer,) = target.send(pieces)

            assert answer in statuses, name


@pytest.mark.parametrize("host", TUNNELS)
def test_a_tunnel_to_an_invalid_name_is_refused(target: AttackedServer, host: str) -> None:
    """The name ends like a vendor's host, but no certificate is possible for it."""
    assert [400] == target.send((f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode(),))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.Error(status=500), "500: "),
        (faults.Disconnect(after=True), "the records have changed"),
        (faults.Disconnect(reset=True), "reset, after"),
        (faults.Truncate(at=3), "3 bytes of a body of"),
        (faults.Garble(how="bytes"), "no head of a response"),
        (faults.Garble(how="html"), "is no format of the mock"),
    ],
)
def test_the_checks_detect_a_faulty_server(fault: Any, message: str) -> None:
    """They detect each kind of harm."""
    with attacked_server() as target:
        target.mock.faults.add(fault)

        with pytest.raises(Broken, match=message):
            target.send(tuple(put("/segments/s", b'{"name": "other"}')))


@pytest.mark.parametrize("tunnelled", [False, True])
def test_a_client_without_tls_is_disconnected(tunnelled: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Plain HTTP, half a handshake or random bytes, on a TLS port or in a tunnel, leave no line in the log."""
    head = b"CONNECT api.salsalabs.org:443 HTTP/1.1\r\n\r\n" if tunnelled else b""
    with SegmentMock() as mock:
        server = mock.serve(tls=not tunnelled, proxy=tunnelled)
        for noise in (
            b"GET / HTTP/1.1\r\n\r\n",
            HELLO[:40],
            HELLO + b"\0" * 99,
            b"\x16\x03\x03\xff\xff",
            b"\x15\x03\x01\0\x02\2\x28",
        ):
            response = send_raw((server.host, server.port), [head, noise] if head else [noise])

            assert b"HTTP/1.1 400" not in response
        assert 0 == len(mock.journal)
    assert [] == caplog.records
