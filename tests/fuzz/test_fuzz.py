"""Hostile bytes over a real socket get a response in a known format or a clean close, without side effects."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segment_mock import SegmentMock, faults
from tests.fuzz.fuzz_server import Siege, besieged
from tests.fuzz.oversized import monsters, put
from tests.fuzz.raw_client import Broken, strike

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
def siege() -> Iterator[Siege]:
    """Return one mock for all attacks, which must be sound after each."""
    with besieged() as one:
        yield one


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rng=st.randoms(use_true_random=False))
def test_bytes_that_hypothesis_draws(siege: Siege, rng: Random) -> None:
    """Any hostile request is answered or closed, changes no record and logs nothing; Hypothesis shrinks failures."""
    siege.draw(rng)


def test_bytes_of_fixed_seeds(siege: Siege) -> None:
    """Hundreds of requests, the same in each run, include both answered and closed ones."""
    for seed in range(200):
        siege.draw(Random(seed))

    assert {200, 400, 403, 404, 431} <= {*siege.statuses}


def test_monsters(siege: Siege) -> None:
    """100 MiB, endless lists and deep nesting are refused with a suitable status."""
    for name, pieces, statuses in monsters(20_000):
        if "300" not in name:
            (answer,) = siege.send(pieces)

            assert answer in statuses, name


@pytest.mark.parametrize("host", TUNNELS)
def test_a_tunnel_to_what_is_no_name(siege: Siege, host: str) -> None:
    """A vendor's host by its ending, but nothing a certificate could be for: 400, and no traceback."""
    assert [400] == siege.send((f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode(),))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.Error(status=500), "500: "),
        (faults.Disconnect(after=True), "the records have changed"),
        (faults.Disconnect(reset=True), "reset, after"),
        (faults.Truncate(at=3), "3 bytes of a body of"),
        (faults.Garble(how="bytes"), "no head of a response"),
        (faults.Garble(how="html"), "nobody's words"),
    ],
)
def test_harm_is_seen(fault: Any, message: str) -> None:
    """The checks of this suite detect each kind of harm in a faulty server."""
    with besieged() as siege:
        siege.mock.faults.add(fault)

        with pytest.raises(Broken, match=message):
            siege.send(tuple(put("/segments/s", b'{"name": "other"}')))


@pytest.mark.parametrize("tunnelled", [False, True])
def test_what_is_no_tls(tunnelled: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Plain HTTP, half a handshake and noise, at a TLS port or in a tunnel: closed, and in no log."""
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
            reply = strike((server.host, server.port), [head, noise] if head else [noise])

            assert b"HTTP/1.1 400" not in reply
        assert 0 == len(mock.journal)
    assert [] == caplog.records
