"""An exported state behaves the same way after it is imported."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from segment_mock import SegmentMock, SettingError
from segment_mock.cli import main

ROOT = "/api/integration/ext/v1"
GROUP, OTHER, ADA, BOB = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcd")


def send(mock: SegmentMock, method: str, path: str, **payload: Any) -> Any:
    """Send *payload* to Salsa and return the payload of the response."""
    with mock.session() as session:
        response = session.request(method, f"{ROOT}/{path}", json={"payload": payload}, headers={"authToken": "t"})
    return response.json()["payload"]


def make_mock(**settings: Any) -> SegmentMock:
    """Return a mock with two groups and two supporters."""
    people = [
        {"supporterId": key, "contacts": [{"type": "EMAIL", "value": f"{key}@example.org"}]} for key in (ADA, BOB)
    ]
    groups = [{"segmentId": GROUP, "name": "Group"}, {"segmentId": OTHER, "name": "Other"}]
    return SegmentMock(data={"salsa": {"segments": groups, "supporters": people}}, **settings)


def delete_and_export(mock: SegmentMock) -> Any:
    """Delete a group and a supporter through the API and return the state, including deleted ids."""
    send(mock, "DELETE", "segments", segments=[{"segmentId": GROUP}])
    send(mock, "DELETE", "supporters", supporters=[{"supporterId": ADA}])
    return mock.state(deleted=True)


def revive(mock: SegmentMock) -> list[str]:
    """Upsert records with two deleted ids and one id that never existed, and return the results."""
    unseen = GROUP.replace("a", "9")
    groups = send(mock, "PUT", "segments", segments=[{"segmentId": key, "name": key} for key in (GROUP, unseen)])
    person = {"supporterId": ADA.upper(), "contacts": [{"type": "EMAIL", "value": "new@example.org"}]}
    people = send(mock, "PUT", "supporters", supporters=[person])
    return [item["result"] for item in [*groups["segments"], *people["supporters"]]]


def test_deleted_ids_survive_export_and_import() -> None:
    """The state lists them; after an import by load, as initial data, or over HTTP, the ids can be revived."""
    old = make_mock()
    state = delete_and_export(old)
    loaded, initial = SegmentMock(), SegmentMock(data=state)
    loaded.load(state)
    with SegmentMock() as served:
        url = f"{served.serve().url}/_mock/state"
        assert 200 == requests.put(url, json=state, timeout=60).status_code
        fetched = requests.get(url, params={"deleted": "true"}, timeout=60).json()
        exported = CliRunner().invoke(main, ["state", "export", "--url", url.removesuffix("/_mock/state")])

        deleted = [{"collection": "segments", "id": GROUP}, {"collection": "supporters", "id": ADA}]
        assert deleted == state["salsa"]["deleted"]
        assert (
            state == loaded.state(deleted=True) == initial.state(deleted=True) == fetched == json.loads(exported.stdout)
        )
        assert ["ADDED", "NOT_FOUND", "ADDED"] == revive(old) == revive(loaded) == revive(initial) == revive(served)
        assert "deleted" not in old.state(deleted=True)["salsa"]


def test_a_state_lists_deleted_ids_only_on_request() -> None:
    """Two states can therefore be compared after a clean-up. Importing a state without deleted ids forgets them."""
    mock = make_mock()
    before = mock.state(deleted=True)
    delete_and_export(mock)
    assert "deleted" not in {*before["salsa"], *mock.state()["salsa"]}
    mock.load(before)

    assert before == mock.state(deleted=True)
    assert ["UPDATED", "NOT_FOUND", "UPDATED"] == revive(mock)


def test_a_reset_restores_the_deleted_ids_of_the_initial_data() -> None:
    """One of the ids was revived before the reset."""
    mock = SegmentMock(data=delete_and_export(make_mock()))
    revive(mock)
    mock.reset()

    assert ["ADDED", "NOT_FOUND", "ADDED"] == revive(mock)


def test_a_deleted_id_of_a_data_file_is_case_insensitive() -> None:
    mock = SegmentMock(data={"salsa": {"deleted": [{"collection": "segments", "id": GROUP.upper()}]}})

    assert (
        "ADDED" == send(mock, "PUT", "segments", segments=[{"segmentId": GROUP, "name": "G"}])["segments"][0]["result"]
    )


def test_a_capsule_has_the_deleted_ids(tmp_path: Path) -> None:
    """Its replay revives them, though the journal no longer has the deletion; only the ids of responses differ."""
    mock = make_mock(journal_size=2)
    delete_and_export(mock)
    revive(mock)
    file = tmp_path / "capsule.json"
    file.write_text(json.dumps(mock.journal.capsule()), encoding="utf-8")

    replayed = CliRunner().invoke(main, ["replay", str(file)]).output
    assert 2 == replayed.count("expected ") == replayed.count("body.json.id: expected "), replayed


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (GROUP, "expected a collection and an id, got "),
        ({"collection": "segments"}, "expected a collection and an id, got "),
        ({"collection": "segments", "id": 1}, "expected a collection and an id, got "),
        ({"collection": "segmets", "id": GROUP}, r"unknown collection \(did you mean 'segments'\?\)"),
        ({"collection": "segments", "id": GROUP}, "is listed as deleted, but segments has it"),
    ],
)
def test_an_invalid_deleted_row_is_an_error_that_names_it(row: Any, message: str) -> None:
    """Nothing of the state is imported."""
    mock = make_mock()
    before = mock.state()
    document = {"salsa": {**before["salsa"], "deleted": [row]}}

    with pytest.raises(SettingError, match=rf"^salsa\.deleted\[0\].*{message}"):
        mock.load(document)
    assert before == mock.state()


@pytest.mark.parametrize("seed", range(5))
def test_export_and_import_keep_the_order_of_members(seed: int) -> None:
    """The test compares members of groups and groups of supporters, after random assignments and removals."""
    rng, mock = Random(seed), SegmentMock(limits="off")
    groups = [mock.salsa.add_segment(f"g{number}")["segmentId"] for number in range(4)]
    people = [mock.salsa.add_supporter(f"{number}@example.org")["supporterId"] for number in range(6)]
    for _ in range(40):
        method, group = rng.choice(["PUT", "PUT", "DELETE"]), rng.choice(groups)
        send(mock, method, "segments/members", segmentId=group, supporterIds=rng.sample(people, 2))
    copy = SegmentMock(data=mock.state(), limits="off")

    assert mock.salsa.members == copy.salsa.members
    for group in groups:
        assert send(mock, "POST", "segments/members/search", segmentId=group) == send(
            copy, "POST", "segments/members/search", segmentId=group
        )
    payload = {"identifiers": people, "identifierType": "SUPPORTER_ID"}
    assert send(mock, "POST", "supporters/groups", **payload) == send(copy, "POST", "supporters/groups", **payload)


@pytest.mark.parametrize("seed", range(5))
def test_export_and_import_keep_the_order_of_persons(seed: int) -> None:
    """The test compares each segment, and all persons of the Segmenter."""
    rng, mock = Random(seed), SegmentMock()
    people = [{"externalId": str(number), "email": f"{number}@example.org"} for number in range(8)]
    segments = [mock.segmenter.add_segment(f"s{number}")["id"] for number in range(3)]
    with mock.session() as session:
        for _ in range(10):
            body = {"id": rng.choice(segments), "persons": rng.sample(people, 3)}
            assert session.put("/segments", json=body, headers={"x-api-key": "k"}).ok
    copy = SegmentMock(data=mock.state())

    assert mock.segmenter.persons == copy.segmenter.persons
    assert mock.segmenter.segments == copy.segmenter.segments
    assert mock.state() == copy.state()
