"""A state that was exported and imported behaves as the one that it was made of."""

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
    with mock.session() as session:
        reply = session.request(method, f"{ROOT}/{path}", json={"payload": payload}, headers={"authToken": "t"})
    return reply.json()["payload"]


def world(**settings: Any) -> SegmentMock:
    people = [
        {"supporterId": key, "contacts": [{"type": "EMAIL", "value": f"{key}@example.org"}]} for key in (ADA, BOB)
    ]
    groups = [{"segmentId": GROUP, "name": "Group"}, {"segmentId": OTHER, "name": "Other"}]
    return SegmentMock(data={"salsa": {"segments": groups, "supporters": people}}, **settings)


def delete_and_export(mock: SegmentMock) -> Any:
    send(mock, "DELETE", "segments", segments=[{"segmentId": GROUP}])
    send(mock, "DELETE", "supporters", supporters=[{"supporterId": ADA}])
    return mock.state(deleted=True)


def revive(mock: SegmentMock) -> list[str]:
    """Return the responses to adding records with deleted ids, and with an id that never existed."""
    unseen = GROUP.replace("a", "9")
    groups = send(mock, "PUT", "segments", segments=[{"segmentId": key, "name": key} for key in (GROUP, unseen)])
    person = {"supporterId": ADA.upper(), "contacts": [{"type": "EMAIL", "value": "new@example.org"}]}
    people = send(mock, "PUT", "supporters", supporters=[person])
    return [item["result"] for item in [*groups["segments"], *people["supporters"]]]


def test_deleted_ids_survive_export_and_import() -> None:
    """They are listed, and a new world revives them as the old one does: by load, as initial data, and over HTTP."""
    old = world()
    state = delete_and_export(old)
    loaded, initial = SegmentMock(), SegmentMock(data=state)
    loaded.load(state)
    with SegmentMock() as served:
        url = f"{served.serve().url}/_mock/state"
        assert 200 == requests.put(url, json=state, timeout=5).status_code
        fetched = requests.get(url, params={"deleted": "true"}, timeout=5).json()
        exported = CliRunner().invoke(main, ["state", "export", "--url", url.removesuffix("/_mock/state")])

        deleted = [{"collection": "segments", "id": GROUP}, {"collection": "supporters", "id": ADA}]
        assert deleted == state["salsa"]["deleted"]
        assert (
            state == loaded.state(deleted=True) == initial.state(deleted=True) == fetched == json.loads(exported.stdout)
        )
        assert ["ADDED", "NOT_FOUND", "ADDED"] == revive(old) == revive(loaded) == revive(initial) == revive(served)
        assert "deleted" not in old.state(deleted=True)["salsa"]


def test_a_state_has_deletions_only_if_it_is_told_to() -> None:
    """So that a clean-up can be seen by comparing states; an import without them forgets them."""
    mock = world()
    before = mock.state(deleted=True)
    delete_and_export(mock)
    assert "deleted" not in {*before["salsa"], *mock.state()["salsa"]}
    mock.load(before)

    assert before == mock.state(deleted=True)
    assert ["UPDATED", "NOT_FOUND", "UPDATED"] == revive(mock)


def test_a_reset_returns_to_the_deletions_of_the_initial_data() -> None:
    """Also an id that was revived meanwhile."""
    mock = SegmentMock(data=delete_and_export(world()))
    revive(mock)
    mock.reset()

    assert ["ADDED", "NOT_FOUND", "ADDED"] == revive(mock)


def test_an_id_of_a_data_file_is_normalized() -> None:
    """Salsa's ids are the same in any case."""
    mock = SegmentMock(data={"salsa": {"deleted": [{"collection": "segments", "id": GROUP.upper()}]}})

    assert (
        "ADDED" == send(mock, "PUT", "segments", segments=[{"segmentId": GROUP, "name": "G"}])["segments"][0]["result"]
    )


def test_a_capsule_remembers_what_had_been_deleted(tmp_path: Path) -> None:
    """Replayed, its calls revive the ids, though the journal no longer has the deletion; response ids differ."""
    mock = world(journal_size=2)
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
def test_a_bad_row_is_named(row: Any, message: str) -> None:
    """With its place, and nothing is changed."""
    mock = world()
    before = mock.state()
    document = {"salsa": {**before["salsa"], "deleted": [row]}}

    with pytest.raises(SettingError, match=rf"^salsa\.deleted\[0\].*{message}"):
        mock.load(document)
    assert before == mock.state()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_members_survives(seed: int) -> None:
    """Of the members of a group and of the groups of a member, after any assigning and removing."""
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
def test_the_order_of_people_survives(seed: int) -> None:
    """Of those in a segment and of all whom the Segmenter knows, members of several segments or of none."""
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
