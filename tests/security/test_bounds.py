"""What a hostile client could make grow has a bound, and what could lead out of this machine is shut."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from marshmallow import fields

from segment_mock import NetworkBlocked, SegmentMock
from segment_mock.core.world import RateWindow
from segment_mock.transports.server.tls import CertificateAuthority


def test_memory_is_bounded_for_thousands_of_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many names the ones seen last are remembered, with all their calls."""
    monkeypatch.setattr("segment_mock.core.world._REMEMBERED_NAMES", 2)
    window = RateWindow(2, 60)
    for name in ("kept", "a", "kept", "b", "kept"):
        admitted = window.admit(name, 0)

    assert not admitted
    assert (2, 1) == (window.remaining("a", 0), window.remaining("b", 0))


def test_memory_is_bounded_for_hundreds_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segment_mock.transports.server.tls._CONTEXTS", 2)
    authority = CertificateAuthority(())
    first, second = authority.context_for("a.instaleap.io"), authority.context_for("b.instaleap.io")
    authority.context_for("c.instaleap.io")

    assert second is authority.context_for("b.instaleap.io")
    assert first is not authority.context_for("a.instaleap.io")
    authority.close()


def test_a_proxy_tells_of_some_hosts_only() -> None:
    """The summary of hosts that were refused does not grow without end; one it has is still counted."""
    with SegmentMock() as mock:
        for number in range(1100):
            mock._admit(f"{number}.example")
        mock._admit("0.example")

        assert (1000, 2) == (len(mock.refused), mock.refused["0.example"])


@pytest.mark.parametrize(
    "host", ["127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0.evil.example"]
)
def test_a_name_that_looks_local_is_blocked(host: str) -> None:
    """With block_network only this machine's own addresses are let through, not names that begin like one."""
    with SegmentMock() as mock, mock.intercept(block_network=True), pytest.raises(NetworkBlocked, match=host):
        requests.get(f"http://{host}/", timeout=1)


def test_a_million_wrong_items_cost_what_the_first_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaint names the first wrong item; if that is among the first thousand, no other is looked at."""
    seen: list[int] = []
    real = fields.List._deserialize

    def counted(field: Any, value: Any, *args: Any, **more: Any) -> Any:
        seen.append(len(value))
        return real(field, value, *args, **more)

    with SegmentMock(data="demo") as mock, mock.session() as client:
        people = [{"externalId": "1"}] * 1500
        monkeypatch.setattr(fields.List, "_deserialize", counted)
        first = client.put("/segments/vip", json={"persons": [{}, *people]}, headers={"x-api-key": "k"})
        cost = max(seen)
        last = client.put("/segments/vip", json={"persons": [*people, {}]}, headers={"x-api-key": "k"})

    assert "persons[0].externalId" in first.json()["message"]
    assert "persons[1500].externalId" in last.json()["message"]
    assert (1000, 1501) == (cost, max(seen))
