"""Starting a mock with a store: the state from which it continues, and the settings and stores that it refuses."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import requests

from segment_mock import SegmentMock, SettingError, faults
from segment_mock.vendors import find_vendors
from tests.persistence.engines import sqlite_url

UPSERT = "http://localhost/api/integration/ext/v1/segments"


def open_mock(folder: Path, **settings: Any) -> SegmentMock:
    """Return a mock whose SQLite store is in *folder*; a second call continues from the state of the first mock."""
    return SegmentMock(store=sqlite_url(folder), **settings)


def add_group(mock: SegmentMock, name: str, token: str = "t") -> requests.Response:
    """Send the request that creates the group *name* with the credential *token*, and return the response."""
    with mock.session() as session:
        body = {"payload": {"segments": [{"name": name}]}}
        return session.put(UPSERT, json=body, headers={"authToken": token})


def names(mock: SegmentMock, token: str = "") -> list[str]:
    """Return the names of the groups in the organization of *token* (default: the default organization)."""
    return [row["name"] for row in mock.salsa.of(token).segments]


def data(*groups: str) -> dict[str, Any]:
    """Return initial data with groups of these names."""
    return {"salsa": {"segments": [{"name": name} for name in groups]}}


@pytest.mark.parametrize("calls", [0, 1])
def test_start_without_data_keeps_the_records_of_the_store(
    tmp_path: Path, calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    with open_mock(tmp_path, data=data("A", "B")) as mock:
        for number in range(calls):
            add_group(mock, f"added {number}")
        expected = mock.state(deleted=True)
    with open_mock(tmp_path) as mock:
        assert mock.state(deleted=True) == expected
        add_group(mock, "late")
        mock.reset()
        assert names(mock) == ["A", "B"]
    assert caplog.records == []


def test_start_with_other_data_keeps_the_records_until_a_reset(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_mock(tmp_path, data=data("A")) as mock:
        ids = [row["segmentId"] for row in mock.salsa.segments]
    with caplog.at_level(logging.WARNING), open_mock(tmp_path, data=data("X", "Y")) as mock:
        assert names(mock) == ["A"]
        add_group(mock, "B")
    assert "a reset returns to the new data and stubs" in caplog.text
    with open_mock(tmp_path, data=data("X", "Y")) as mock:
        assert names(mock) == ["A", "B"]
        mock.reset()
        assert names(mock) == ["X", "Y"]
        assert not {row["segmentId"] for row in mock.salsa.segments} & {*ids}
        assert add_group(mock, "Z").json()["payload"]["segments"][0]["result"] == "ADDED"
    assert caplog.text.count("a reset returns to the new data and stubs") == 1


def test_rules_stubs_and_scenarios_of_the_first_start_are_kept(tmp_path: Path) -> None:
    first: dict[str, Any] = {
        "faults": [{"kind": "error", "status": 500, "when": {"times": 2}}],
        "stubs": [{"method": "GET", "path": "/x", "json": {"a": 1}, "times": 2}],
        "scenario": ["flaky"] if "flaky" in SegmentMock()._core.scenarios() else [],
    }
    with open_mock(tmp_path, **first) as mock:
        assert add_group(mock, "A").status_code == 500
        rules = [rule.as_dict() for rule in mock.faults]
        with mock.session() as session:
            assert session.get("http://localhost/x").status_code in (200, 500)
        stubs = [stub.as_dict() for stub in mock.stubs]
        rules = [rule.as_dict() for rule in mock.faults]
    for _ in range(2):
        with open_mock(tmp_path) as mock:
            assert [rule.as_dict() for rule in mock.faults] == rules
            assert [stub.as_dict() for stub in mock.stubs] == stubs
    with open_mock(tmp_path) as mock:
        mock.reset()
        assert [stub.calls for stub in mock.stubs] == [0]
        assert len(mock.faults) == 0


def test_store_keeps_its_seed_and_refuses_another(tmp_path: Path) -> None:
    with SegmentMock(seed=5) as memory:
        expected = [add_group(memory, name).json()["payload"]["segments"][0]["segmentId"] for name in "AB"]
    with open_mock(tmp_path, seed=5) as mock:
        ids = [add_group(mock, "A").json()["payload"]["segments"][0]["segmentId"]]
    with pytest.raises(SettingError, match="was created with the seed 5"):
        open_mock(tmp_path, seed=6)
    with open_mock(tmp_path) as mock:
        ids.append(add_group(mock, "B").json()["payload"]["segments"][0]["segmentId"])
    assert ids == expected


def test_organizations_and_rate_limits_are_kept_without_storing_credentials(tmp_path: Path) -> None:
    secrets = ["token-of-the-first", "token-of-the-second"]
    with open_mock(tmp_path, credentials="isolated", data=data("A")) as mock:
        for secret in secrets:
            add_group(mock, f"of {secret[-5:]}", secret)
        remaining = [mock._core._policy.windows["salsa"].remaining(secret, mock.clock.now()) for secret in secrets]
    assert remaining[0] < 300
    for file in tmp_path.iterdir():
        assert not [secret for secret in secrets if secret.encode() in file.read_bytes()]
    with open_mock(tmp_path, credentials="isolated", data=data("A")) as mock:
        assert names(mock, secrets[0])[-1] == f"of {secrets[0][-5:]}"
        assert names(mock, secrets[1])[-1] == f"of {secrets[1][-5:]}"
        assert names(mock, "another") == ["A"]
        add_group(mock, "more", secrets[0])
        window = mock._core._policy.windows["salsa"]
        assert window.remaining(secrets[0], mock.clock.now()) == remaining[0] - 1
        assert len([*mock._core.world]) == 2


def test_lower_limit_of_organizations_applies_at_the_start_and_lasts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_mock(tmp_path, credentials="isolated", data=data("A")) as mock:
        for token in ("first", "second", "third"):
            add_group(mock, f"of the {token}", token)
    with open_mock(tmp_path, credentials="isolated", max_organizations=1) as mock:
        assert (1, 2) == (len([*mock._core.world]), mock._core.world.dropped)
        assert ["A", "of the third"] == names(mock, "third")
    texts = [record.getMessage().partition("it was ")[2] for record in caplog.records]
    assert [f"the least recently used of {number} (--max-organizations)" for number in (3, 2)] == texts
    with open_mock(tmp_path, credentials="isolated") as mock:
        assert {"first": ["A"], "second": ["A"], "third": ["A", "of the third"]} == {
            token: names(mock, token) for token in ("first", "second", "third")
        }


def uninstall_all_vendors_but_salsa(patch: pytest.MonkeyPatch) -> None:
    """Let new mocks find only the vendor Salsa, as if no other vendor were installed."""
    patch.setattr(
        "segment_mock.emulator.find_vendors", lambda: [vendor for vendor in find_vendors() if vendor.name == "salsa"]
    )


def test_store_with_records_of_an_uninstalled_vendor_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_mock(tmp_path).close()
    uninstall_all_vendors_but_salsa(monkeypatch)
    with pytest.raises(SettingError, match="its vendor is not installed"):
        open_mock(tmp_path)


def test_vendor_can_be_installed_after_the_store_was_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        uninstall_all_vendors_but_salsa(patch)
        with open_mock(tmp_path) as mock:
            add_group(mock, "A")
    with open_mock(tmp_path) as mock:
        assert names(mock) == ["A"]
        mock.segmenter.add_segment("S")
        assert len(mock.segmenter.segments) == 1


def test_store_of_another_program_is_refused_and_unlocked(tmp_path: Path) -> None:
    from segment_mock.persistence import open_log

    with closing(open_log(sqlite_url(tmp_path))) as log:
        log.acquire()
        log.append(json.dumps({"seed": 0}).encode())
    with pytest.raises(SettingError, match="can't read"):
        open_mock(tmp_path)
    with pytest.raises(SettingError, match="can't read"):  # the first attempt released the lock
        open_mock(tmp_path)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"store": "memory", "standby": True}, "standby: there is nothing to wait for"),
        ({"store": "nonsense"}, "store: 'nonsense' is not memory"),
        ({"store": "sqlite:///:memory:"}, "store: 'sqlite:///:memory:' is not memory"),
        ({"max_organizations": 3}, "max_organizations: it needs credentials='isolated' "),
    ],
)
def test_invalid_store_settings_are_refused(tmp_path: Path, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        SegmentMock(**{"store": sqlite_url(tmp_path), **settings})


async def _pass_through(call: Any, proceed: Any) -> Any:
    return await proceed()


class _CustomFault(faults.Disconnect):
    pass


@pytest.mark.parametrize(
    ("fault", "match", "sentence"),
    [
        (_pass_through, None, "a Python function can't be armed with a store"),
        (_CustomFault(), None, "a Python function can't be armed with a store"),
        ("hang", lambda call: True, "a Python function can't be armed with a store"),
        ("hang", {"json": {"payload": object()}}, "has to be valid JSON"),
    ],
)
def test_rule_that_is_not_json_is_refused(tmp_path: Path, fault: Any, match: Any, sentence: str) -> None:
    with open_mock(tmp_path) as mock:
        with pytest.raises(SettingError, match=sentence):
            mock.faults.add(fault, match=match)
        assert len(mock.faults) == 0
        mock.faults.add("hang", match={"json": {"payload.a": 1}})
    with open_mock(tmp_path) as mock:
        assert len(mock.faults) == 1


def test_lone_surrogates_long_digits_and_bytes_are_kept(tmp_path: Path) -> None:
    members: dict[str, Any] = {"description": "lone \ud800", "externalSystemId": str(10**30)}
    with open_mock(tmp_path) as mock:
        mock.salsa.add_segment("A", **members)
        mock.stub("GET", "/x", body=b"\xff\x00")
        mock.stub("GET", "/y", body="text")
        expected = mock.state()
    with open_mock(tmp_path) as mock, mock.session() as session:
        assert mock.state() == expected
        assert session.get("http://localhost/x").content == b"\xff\x00"
        assert session.get("http://localhost/y").content == b"text"


def test_encoded_values_are_decoded_exactly() -> None:
    from segment_mock.lasting.plain import bytes_of, decode, encode, tuples

    for value in (10**400, "\ud800", {"a": [1.5, None, True, 2**64]}):
        assert decode(encode(value)) == value
    assert bytes_of(decode(encode({"\ud800": b"\xff"}))["\ud800"]) == b"\xff"
    assert decode(encode(MappingProxyType({"a": "\ud800"}))) == {"a": "\ud800"}
    assert tuples(decode(encode(("a", (1, "b"))))) == ("a", (1, "b"))
    with pytest.raises(TypeError, match="object is not JSON"):
        encode(object())
