"""Limits on the memory and time that a hostile client can use, and the blocking of other hosts."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from marshmallow import fields

from segment_mock import NetworkBlocked, SegmentMock
from segment_mock.core.world import RateWindow
from segment_mock.transports.server.tls import CertificateAuthority


def test_a_rate_window_remembers_a_limited_number_of_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """It forgets the credentials that were used least recently."""
    monkeypatch.setattr("segment_mock.core.world._REMEMBERED_NAMES", 2)
    window = RateWindow(2, 60)
    for name in ("kept", "a", "kept", "b", "kept"):
        is_admitted = window.admit(name, 0)

    assert not is_admitted
    assert (2, 1) == (window.remaining("a", 0), window.remaining("b", 0))


def test_a_certificate_authority_caches_a_limited_number_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segment_mock.transports.server.tls._CONTEXTS", 2)
    authority = CertificateAuthority(())
    first, second = authority.context_for("a.instaleap.io"), authority.context_for("b.instaleap.io")
    authority.context_for("c.instaleap.io")

    assert second is authority.context_for("b.instaleap.io")
    assert first is not authority.context_for("a.instaleap.io")
    authority.close()


def test_a_mock_counts_a_limited_number_of_refused_hosts() -> None:
    """Further calls to a host that is already counted still increase its count."""
    with SegmentMock() as mock:
        for number in range(1100):
            mock._admit(f"{number}.example")
        mock._admit("0.example")

        assert (1000, 2) == (len(mock.refused), mock.refused["0.example"])


@pytest.mark.parametrize(
    "host", ["127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0.evil.example"]
)
def test_a_host_name_that_looks_local_is_blocked(host: str) -> None:
    """``block_network`` allows the addresses of this machine only, not names that begin with one."""
    with SegmentMock() as mock, mock.intercept(block_network=True), pytest.raises(NetworkBlocked, match=host):
        requests.get(f"http://{host}/", timeout=1)


def test_validation_of_a_long_list_stops_after_an_early_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the first invalid item. If it is among the first thousand, later items are not validated."""
    lengths: list[int] = []
    real = fields.List._deserialize

    def counted(field: Any, value: Any, *args: Any, **more: Any) -> Any:
        lengths.append(len(value))
        return real(field, value, *args, **more)

    with SegmentMock(data="demo") as mock, mock.session() as client:
        people = [{"externalId": "1"}] * 1500
        monkeypatch.setattr(fields.List, "_deserialize", counted)
        first = client.put("/segments/vip", json={"persons": [{}, *people]}, headers={"x-api-key": "k"})
        longest = max(lengths)
        last = client.put("/segments/vip", json={"persons": [*people, {}]}, headers={"x-api-key": "k"})

    assert "persons[0].externalId" in first.json()["message"]
    assert "persons[1500].externalId" in last.json()["message"]
    assert (1000, 1501) == (longest, max(lengths))
