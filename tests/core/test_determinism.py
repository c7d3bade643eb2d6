"""With the same seed, calls and frozen clock, all bytes are the same; and each id belongs to one record only."""

import json
import re

import pytest

from segment_mock import SegmentMock, SettingError

SALSA = "/api/integration/ext/v1/segments"
HEADERS = {"authToken": "t", "x-api-key": "k"}
GROUP = "69afe9fc-dcde-4533-92d6-cbf069008c30"
DATA = {
    "salsa": {"segments": [{"name": "initial"}, {"segmentId": GROUP, "name": "built in", "type": "DEFAULT"}]},
    "segmenter": {"segments": [{"name": "initial", "persons": [{"externalId": "0"}]}]},
}
SEGMENT = {"name": "s", "broadcastMediumId": "b", "segmentType": "t", "persons": [{"externalId": "1"}, {"email": "e"}]}
ADD = ("PUT", SALSA, {"payload": {"segments": [{"name": "a"}, {"name": "a"}]}})
CREATE = ("POST", "/segments", SEGMENT)
SEARCH = ("POST", f"{SALSA}/search", {"payload": {}})


def send(mock, method, path, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body)
    return mock.session().request(method, path, data=data, headers={**HEADERS, **headers})


def responses_of_calls(mock):
    mock.clock.freeze("2018-03-21T15:12:09.310Z")
    calls = [SEARCH, ADD, CREATE, ("PUT", "/nowhere", {}), ("PUT", SALSA, b"{"), SEARCH]
    responses = [send(mock, *call) for call in calls]
    return [(response.status_code, dict(response.headers), response.content) for response in responses]


def test_the_same_seed_gives_the_same_bytes():
    """Headers, bodies, ids and times are the same in another mock and after a reset, for successes and refusals."""
    first, again = SegmentMock(data=DATA, seed=7), SegmentMock(data=DATA, seed=7)
    first_responses = responses_of_calls(first)

    assert first_responses == responses_of_calls(again)
    first.reset()
    assert first_responses == responses_of_calls(first)
    assert first.state() == again.state()


def test_another_seed_gives_other_ids():
    """No id is the same, in responses or records."""
    id_sets = [
        {*re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", json.dumps([str(responses_of_calls(mock)), mock.state()]))} - {GROUP}
        for mock in (SegmentMock(data=DATA, seed=seed) for seed in (1, 2))
    ]

    assert set() == id_sets[0] & id_sets[1]
    assert len(id_sets[0]) == len(id_sets[1]) > 10


FAILED = [
    ("PUT", SALSA, b"{", {}),
    ("PUT", SALSA, {"payload": {"segments": [{"name": "x"}]}}, {"authToken": ""}),
    ("PUT", SALSA, {"payload": {"segments": [{"name": "x"}] * 21}}, {}),
    ("PUT", SALSA, {"payload": {"segments": [{"name": "x"}, {"segmentId": GROUP, "name": "mine"}]}}, {}),
    ("PUT", SALSA, {"payload": {"segments": [{"name": ""}, {"name": "initial"}, {"segmentId": "x", "name": "y"}]}}, {}),
    ("PUT", f"{SALSA}/nowhere", {}, {}),
    ("POST", "/segments", {**SEGMENT, "name": ""}, {}),
    ("POST", "/segments", {**SEGMENT, "persons": [{"externalId": "x"}, {}]}, {}),
    ("PUT", "/segments", {"id": "none", "persons": [{"externalId": "x"}]}, {}),
    ("PUT", "/segments/none", {"persons": [{"externalId": "x"}]}, {"x-api-key": ""}),
    (*SEARCH, {}),
]


@pytest.mark.parametrize(("method", "path", "body", "headers"), FAILED)
def test_a_call_that_adds_nothing_uses_up_no_id(method, path, body, headers):
    """Later records get the same ids as without the call."""
    plain, disturbed = (SegmentMock(data=DATA) for _ in range(2))
    for _ in range(3):
        send(disturbed, method, path, body, **headers)
    for mock in (plain, disturbed):
        send(mock, *ADD)
        send(mock, *CREATE)

    assert plain.state() == disturbed.state()


def test_a_call_to_one_vendor_uses_up_no_id_of_the_other():
    """Each kind of record has its own stream of ids."""
    one, other = (SegmentMock(data=DATA) for _ in range(2))
    for mock, calls in ((one, (ADD, CREATE)), (other, (CREATE, ADD))):
        for call in calls:
            send(mock, *call)

    assert one.state() == other.state()


def test_a_new_id_differs_from_all_loaded_ids():
    """Another run with the same seed loads exported records, and adds a record."""
    first = SegmentMock(data=DATA)
    send(first, *ADD)
    send(first, *CREATE)
    second = SegmentMock(data=first.state())
    second.salsa.add_segment(name="by face")
    second.segmenter.add_segment(name="by face", persons=[{"externalId": "by face"}])
    send(second, "PUT", SALSA, {"payload": {"segments": [{"name": "new"}]}})
    send(second, "POST", "/segments", {**SEGMENT, "persons": [{"externalId": "new"}]})

    assert ["initial", "built in", "a", "by face", "new"] == [row["name"] for row in second.salsa.segments]
    assert ["initial", "s", "by face", "s"] == [row["name"] for row in second.segmenter.segments]
    people = [person.get("externalId") for person in second.segmenter.persons]
    assert ["0", "1", None, "by face", "new"] == people


def test_rows_without_ids_join_an_exported_state():
    """Rows with ids keep their ids, whichever data file comes first."""
    state = SegmentMock(data=DATA).state()
    more = {
        "salsa": {"segments": [{"name": "more"}]},
        "segmenter": {"segments": [{"name": "more", "persons": [{"externalId": "9"}]}], "persons": [{"email": "e"}]},
    }
    for data in ([state, more], [more, state]):
        mock = SegmentMock(data=data)

        assert {"initial", "built in", "more"} == {row["name"] for row in mock.salsa.segments}
        assert {"initial", "more"} == {row["name"] for row in mock.segmenter.segments}
        assert {"0", "9", None} == {person.get("externalId") for person in mock.segmenter.persons}


def test_records_of_the_api_can_be_exported_and_loaded():
    """Loading an export restores the state, including empty values, unusual characters and cleared fields."""
    mock = SegmentMock(data=DATA)
    odd = {"description": "", "externalSystemId": ""}
    send(mock, "PUT", SALSA, {"payload": {"segments": [{"name": " \x00\ud800☃ ", **odd}]}})
    person = {"externalId": "1", "email": "", "phone": None, "substitutionTags": [{"tag": "t", "value": ""}]}
    send(mock, "POST", "/segments", {**SEGMENT, "description": "", "filters": [None, {}], "persons": [person]})
    state = mock.state()
    mock.load(json.loads(json.dumps(state)))

    assert state == mock.state()
    assert 3 == len(state["salsa"]["segments"])


def test_a_refused_record_of_mock_vendor_changes_nothing():
    mock = SegmentMock(data=DATA)
    before = mock.state()
    with pytest.raises(SettingError, match="another record already has the externalId '0'"):
        mock.segmenter.add_segment(name="n", persons=[{"externalId": "new"}, {"id": "x", "externalId": "0"}])
    with pytest.raises(SettingError, match=f"'{GROUP}' exists already"):
        mock.salsa.add_segment(name="n", segmentId=GROUP)

    assert before == mock.state()
