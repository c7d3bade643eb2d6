"""Capsules: the calls of a mock are written to a file and replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from segment_mock import SegmentMock, SettingError, WouldHangForever, faults
from segment_mock.cli import main
from segment_mock.testing.replay import Replay

SEGMENTS = "https://api.salsalabs.org/api/integration/ext/v1/segments"


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    with SegmentMock(data="demo", seed=3) as mock:
        yield mock


def put(mock: SegmentMock, token: str = "t", **group: Any) -> None:
    with mock.session() as session, suppress(requests.RequestException):
        session.put(SEGMENTS, json={"payload": {"segments": [group]}}, headers={"authToken": token}, timeout=5)


def replay_differences(mock: SegmentMock) -> dict[int, list[str]]:
    """Write the mock's capsule to JSON, read and replay it, and return the differences of each call by its id."""
    replay = Replay(json.loads(json.dumps(mock.journal.capsule())))
    return {
        call.id: [call.skipped or str(difference) for difference in call.differences or [""]] for call in replay.calls()
    }


def no_differences(count: int) -> dict[int, list[str]]:
    """Return the result of `replay_differences` for *count* calls without a difference."""
    return {number: [""] for number in range(1, count + 1)}


def test_a_replay_repeats_all_changes_between_the_calls(mock: SegmentMock) -> None:
    """It repeats added and deleted records, changes of fault rules, and changes of the clock."""
    put(mock, name="One")
    with mock.faults.injected(faults.Error(status=503), "salsa.*", skip=1):
        put(mock, name="Two")
        added = mock.salsa.add_segment("Three")
        put(mock, name="Three")
    mock.faults.add(faults.Disconnect(after=True), match={"json": {"payload.segments[0].name": "Four"}}, chance=0.5)
    mock.clock.advance(3600)
    for _ in range(4):
        put(mock, name="Four", segmentId=added["segmentId"])
    mock.faults.add(faults.Hang(), match=lambda call: True, times=1)
    put(mock, name="Five")
    put(mock, name="Six")

    assert no_differences(9) == replay_differences(mock)
    assert "abandoned" in [entry.outcome for entry in mock.journal]


def test_creating_a_capsule_does_not_change_the_mock(mock: SegmentMock) -> None:
    """It rewinds the records temporarily; the mock can still be rewound afterwards."""
    put(mock, name="One")
    before = mock.state()

    mock.journal.capsule()

    assert before == mock.state()
    mock.rewind(1)
    assert before == mock.state()


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({"credentials": "isolated"}, ("a", "b", "a", "")),
        ({"credentials": "listed", "salsa_token": ["a"]}, ("a", "b", "", "a")),
        ({"limits": "vendor"}, ("a", "")),
    ],
)
def test_a_capsule_replaces_credentials(settings: dict[str, Any], tokens: tuple[str, ...]) -> None:
    with SegmentMock(**settings) as mock:
        for token in tokens:
            put(mock, token and f"{token}-very-secret", name="One")
        if "salsa_token" in settings:
            assert mock.journal.entries(status=401)

        assert no_differences(len(tokens)) == replay_differences(mock)
        assert "very-secret" not in json.dumps(mock.journal.capsule())


def test_a_capsule_warns_of_data_that_it_can_not_store(mock: SegmentMock) -> None:
    """It can't store functions, connections, replaced records, truncated bodies and dropped entries."""

    async def fail_with_418(call: Any, proceed: Any) -> Any:
        return call.fail(418)

    mock.faults.add(fail_with_418, times=1)
    put(mock, name="One")
    mock.faults.add(faults.Hang(), connection="reused", times=0)
    mock.load({"salsa": {"segments": [{"name": "Zero"}]}})
    put(mock, name="Two", description="x" * 70_000)
    with SegmentMock(journal_size=1) as small:
        put(small, name="One")
        put(small, name="Two")
        capsules = [json.loads(json.dumps(one.journal.capsule())) for one in (mock, small)]

    warnings = [[*Replay(capsule).warnings()] for capsule in capsules]
    assert warnings == [
        [
            "rule 1 is the function fail_with_418, which a capsule can't store: it never strikes",
            "rule 2 depends on a call's number on its connection; in a replay, it is always 1",
            "all records were replaced before call 2, and the capsule does not have the new ones",
        ],
        ["the journal had dropped 1 earlier call; new ids and limits may differ"],
    ]
    assert "its body was cut in the journal" in [call.skipped for call in Replay(capsules[0]).calls()]


def test_a_replay_sends_the_bytes_of_each_body(mock: SegmentMock) -> None:
    """The bodies are invalid UTF-8, compact JSON, invalid JSON and empty."""
    bodies = [b"\xff\xfe{", b'{"payload":{"segments":[{"name":"\xc3\xa9"}]}}', b"{broken", b""]
    with mock.session() as session:
        for body in bodies:
            session.put(SEGMENTS, data=body, headers={"authToken": "t"})

    assert no_differences(4) == replay_differences(mock)
    in_capsule = [call["body"] for call in mock.journal.capsule()["calls"]]
    assert [["base64"], ["compact"], ["text"], ["text"]] == [[*body] for body in in_capsule]


def test_a_replay_abandons_a_hanging_call(mock: SegmentMock) -> None:
    mock.faults.add(faults.Hang(after=True))
    with mock.session() as session, pytest.raises(WouldHangForever):
        session.put(SEGMENTS, json={"payload": {"segments": [{"name": "One"}]}}, headers={"authToken": "t"})

    assert no_differences(1) == replay_differences(mock)


@pytest.mark.parametrize(
    ("document", "phrase"),
    [
        ({"capsule": 2}, "capsule: 2 is not 1"),
        ([], "it is not a capsule: "),
        ({"capsule": 1}, "settings: missing in the capsule"),
        ({"capsule": 1, "settings": {"sede": 1}}, "did you mean 'seed'?"),
    ],
)
def test_an_invalid_capsule_is_an_error(document: Any, phrase: str, tmp_path: Path) -> None:
    """The command exits with 2 and names the file, even if the file is not JSON."""
    file = tmp_path / "capsule.json"
    file.write_text(json.dumps(document))
    with pytest.raises(SettingError) as error:
        Replay(document)
    result = CliRunner().invoke(main, ["replay", str(file)])
    file.write_text("{")
    broken = CliRunner().invoke(main, ["replay", str(file)])

    assert phrase in str(error.value)
    assert (2, 2) == (result.exit_code, broken.exit_code)
    assert phrase in result.output
    assert f"{file}: it is not valid JSON: " in broken.output
