"""Salsa: any state that the API accepted can be exported and loaded, and groups and supporters agree on memberships."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mock import SegmentMock, SettingError
from segment_mock.vendors.salsa.schemas import ADDRESS, CONTACTS, STATUSES, TEXTS
from tests.vendors.people import email, person, supporter_id

ROOT = "/api/integration/ext/v1"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"address": {"postalCode": 12345}}, {"postalCode": "12345"}),
        ({"address": {"longitude": 10.5}}, {"longitude": 10.5}),
        ({"customFieldValues": [{"name": "Shoe", "value": 44}]}, "44"),
        ({"customFieldValues": [{"name": "Shoe", "value": True}]}, "true"),
    ],
)
def test_a_number_in_a_data_file_is_converted_as_in_a_request(members, expected):
    """YAML reads an unquoted postal code as a number."""
    with SegmentMock(data={"salsa": {"supporters": [person(1, **members)]}}) as mock:
        (supporter,) = mock.salsa.supporters

    assert expected == (supporter["address"] or supporter["customFieldValues"][0]["value"])


@pytest.mark.parametrize("value", [5, True, [], {}, object()])
def test_a_value_of_the_wrong_type_in_a_nested_row_is_an_error(value):
    for members in ({"address": {"city": value}}, {"customFieldValues": [{"name": value, "value": "x"}]}):
        with pytest.raises(SettingError, match=r"data.salsa.supporters\[0\].* is not text"):
            SegmentMock(data={"salsa": {"supporters": [person(1, **members)]}})


TEXT = st.text(st.characters(), max_size=8)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
CONTACT = st.fixed_dictionaries(
    {"type": st.sampled_from(CONTACTS)},
    optional={"value": st.none() | TEXT, "status": st.none() | st.sampled_from(STATUSES), "unknown": SCALAR},
)
ADDRESSES = st.sampled_from(["a@example.org", "A@Example.org", "b@example.org", "İ@example.org"])
FIELD = st.fixed_dictionaries(
    {"name": TEXT.filter(bool)}, optional={"value": SCALAR, "type": st.just("STRING"), "unknown": JSON}
)
SUPPORTER = st.builds(
    lambda address, contacts, more: {**more, "contacts": [*contacts, email(address)]},
    ADDRESSES,
    st.lists(CONTACT.filter(lambda contact: contact["type"] != "EMAIL"), max_size=2),
    st.fixed_dictionaries(
        {},
        optional={
            "supporterId": st.sampled_from([None, supporter_id(1), supporter_id(1).upper(), supporter_id(2)]),
            "address": st.none() | st.dictionaries(st.sampled_from(ADDRESS[:5]) | st.just("x"), TEXT, max_size=3),
            "customFieldValues": st.none() | st.lists(FIELD, max_size=2),
            **{name: st.none() | TEXT for name in TEXTS if name not in ("dateOfBirth", "gender")},
            "dateOfBirth": st.sampled_from([None, "1980-12-10", "1980-12-10T04:00:00.000Z"]),
            "gender": st.sampled_from([None, "MALE", "FEMALE"]),
        },
    ),
)


class Client:
    """Sends payloads to a mock and returns the payloads of its responses."""

    def __init__(self, mock):
        self.session = mock.session()
        self.session.headers["authToken"] = "t"

    def send(self, method, path, **payload):
        response = self.session.request(method, ROOT + path, data=json.dumps({"payload": payload}))
        assert response.status_code == 200, response.text
        return response.json()["payload"]

    def supporters(self):
        return self.send("POST", "/supporters/search", modifiedFrom="0001-01-01")["supporters"]


def client(mock):
    """Return a client of *mock*, whose clock is frozen."""
    mock.clock.freeze("2024-05-06T12:00:00Z")
    return Client(mock)


@settings(max_examples=25, deadline=None)
@given(st.lists(SUPPORTER, min_size=1, max_size=4))
def test_supporters_survive_export_and_load(supporters):
    """Another mock that loads the state has the same state and the same responses."""
    with SegmentMock(salsa_unknown_id="create") as mock, SegmentMock() as other:
        api = client(mock)
        items = api.send("PUT", "/supporters", supporters=supporters)["supporters"]
        state = mock.state()
        other.load(json.loads(json.dumps(state)))

        assert "ADDED" == items[0]["result"]
        assert state == other.state()
        assert api.supporters() == client(other).supporters()
        mock.load(state)
        assert state == mock.state()


GROUPS, PEOPLE = [supporter_id(n) for n in (100, 101, 102)], [supporter_id(n) for n in (1, 2, 3)]
MEMBERSHIP = st.fixed_dictionaries(
    {"segmentId": st.sampled_from(GROUPS), "supporterIds": st.lists(st.sampled_from(PEOPLE), max_size=4)}
)
GROUP = st.builds(lambda key: {"segmentId": key, "name": f"group {key[-3:]}"}, st.sampled_from(GROUPS))
PERSON = st.builds(lambda key: {"supporterId": key, "contacts": [email(f"{key}@example.org")]}, st.sampled_from(PEOPLE))
METHOD = st.sampled_from(["PUT", "DELETE"])
ACTIONS = st.one_of(
    st.tuples(METHOD, st.just("/segments/members"), MEMBERSHIP),
    st.tuples(METHOD, st.just("/segments/members"), MEMBERSHIP),
    st.tuples(METHOD, st.just("/segments"), GROUP.map(lambda one: {"segments": [one]})),
    st.tuples(METHOD, st.just("/supporters"), PERSON.map(lambda one: {"supporters": [one]})),
)


def memberships(api):
    """Return the pairs of group and supporter as listed by groups, as listed by supporters, and all totalMembers."""
    groups = api.send("POST", "/segments/search")["segments"]
    people = [item["supporterId"] for item in api.supporters()]
    by_group = {
        (group["segmentId"], item["supporterId"])
        for group in groups
        for item in api.send("POST", "/segments/members/search", segmentId=group["segmentId"])["supporters"]
    }
    results = api.send("POST", "/supporters/groups", identifierType="SUPPORTER_ID", identifiers=people)["results"]
    by_person = {(group["segmentId"], each["supporterId"]) for each in results for group in each["segments"]}
    return by_group, by_person, {group["segmentId"]: group["totalMembers"] for group in groups}


@settings(max_examples=25, deadline=None)
@given(st.lists(ACTIONS, max_size=12))
def test_groups_and_supporters_agree_on_memberships(actions):
    """After any sequence of writes, and after export and load, both have the same memberships, and counts are right."""
    with SegmentMock(salsa_unknown_id="create", limits="off") as mock:
        api = client(mock)
        api.send("PUT", "/segments", segments=[{"segmentId": key, "name": key} for key in GROUPS[:2]])
        people = [{"supporterId": key, "contacts": [email(f"{key}@example.org")]} for key in PEOPLE[:2]]
        api.send("PUT", "/supporters", supporters=people)
        for method, path, payload in actions:
            mock.clock.advance(1)
            api.send(method, path, **payload)
        by_group, by_person, counts = memberships(api)
        state, member_ids = mock.state(), sorted(map(str, mock.salsa.members))

        assert by_group == by_person == {(row["segmentId"], row["supporterId"]) for row in mock.salsa.members}
        assert counts == {key: sum(group == key for group, _ in by_group) for key in counts}
        mock.load(state)
        assert state == mock.state()
        assert member_ids == sorted(map(str, mock.salsa.members))
        assert by_group == memberships(api)[0]
