"""Hostile bytes over a real socket: a reply in someone's words or a clean close, and nothing else happens."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monsters import monsters, put
from siege import Siege, besieged
from strike import Broken

from segment_mock import faults

TUNNELS = (
    "a..instaleap.io",
    "a_b.instaleap.io",
    "x" * 70 + ".instaleap.io",
    ".instaleap.io",
    "a." * 999 + "instaleap.io",
)


@pytest.fixture(scope="module")
def siege() -> Iterator[Siege]:
    """One mock for all attacks; it must be sound after each."""
    with besieged() as one:
        yield one


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(luck=st.randoms(use_true_random=False))
def test_bytes_that_hypothesis_draws(siege: Siege, luck: Random) -> None:
    """Any hostile request is answered plainly or closed, changes no record, and is in no log; a failure shrinks."""
    siege.draw(luck)


def test_bytes_of_fixed_seeds(siege: Siege) -> None:
    """So for hundreds more, the same in each run; both sides of the promise are met."""
    for seed in range(400):
        siege.draw(Random(seed))

    assert {200, 400, 403, 404, 431} <= {*siege.statuses}


def test_monsters(siege: Siege) -> None:
    """100 MiB, endless lists and bottomless nesting are refused with the status that says why."""
    for name, pieces, statuses in monsters(20_000):
        if "300" not in name:
            (told,) = siege.send(pieces)

            assert told in statuses, name


@pytest.mark.parametrize("host", TUNNELS)
def test_a_tunnel_to_what_is_no_name(siege: Siege, host: str) -> None:
    """A vendor's host by its ending, but nothing a certificate could be for: 400, and no traceback."""
    assert [400] == siege.send((f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode(),))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (faults.Error(status=500), "500: "),
        (faults.Disconnect(after=True), "the records have changed"),
        (faults.Disconnect(reset=True), "reset, after"),
        (faults.Truncate(at=3), "3 bytes of a body of"),
        (faults.Garble(how="bytes"), "no head of a reply"),
        (faults.Garble(how="html"), "nobody's words"),
    ],
)
def test_harm_is_seen(fault: Any, told: str) -> None:
    """What this suite holds would not hold of a server that does harm: each sort of it is caught."""
    with besieged() as siege:
        siege.mock.faults.add(fault)

        with pytest.raises(Broken, match=told):
            siege.send(tuple(put("/segments/s", b'{"name": "other"}')))
