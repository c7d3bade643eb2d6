"""The records that a credential sees: shared records, its own copy, or none, depending on the setting credentials."""

import pytest

from segment_mock import SegmentMock
from tests.vendors.people import CRM, assign, email, members, metrics, person, supporter_id, upsert

STATE = "/_mock/state"
SALSA = "/api/integration/ext/v1"
SEGMENT = {"name": "s", "broadcastMediumId": "email", "segmentType": "static"}


def make_api(salsa, credentials="isolated", **settings):
    return salsa(
        [{"segmentId": CRM, "name": "crm"}],
        supporters=[person(0)],
        members=[{"segment": CRM, "supporters": [supporter_id(0)]}],
        settings={"credentials": credentials, **settings},
    )


def group_names(state):
    return [segment["name"] for segment in state.segments]


def test_with_credentials_any_all_tokens_share_one_organization(salsa):
    """Groups that one token adds are visible to another, and both share the metrics."""
    api = make_api(salsa, credentials="any")
    api.send("PUT", "/segments", {"payload": {"segments": [{"name": "new"}]}}, authToken="one")

    assert ["crm", "new"] == group_names(api.mock.salsa) == group_names(api.mock.salsa.of("two"))
    assert 1 == metrics(api, authToken="two")["segmentAdd"]


def test_with_credentials_isolated_each_token_has_its_own_records(salsa):
    api, other = make_api(salsa), {"authToken": "other"}
    api.upsert({"segmentId": CRM, "name": "mine"})
    new, _ = upsert(api, {"contacts": [email("new@example.org")]}, person(0, title="Dr"))
    assign(api, new["supporterId"])

    assert ["mine"] == group_names(api.mock.salsa.of("token"))
    assert 2 == members(api)["total"]
    for state in (api.mock.salsa, api.mock.salsa.of("other")):
        assert ["crm"] == group_names(state)
        assert [(supporter_id(0), None)] == [(row["supporterId"], row.get("title")) for row in state.supporters]
        assert 1 == len(state.members)
    body = {"payload": {"segmentId": CRM, "supporterIds": [new["supporterId"]]}}
    response = api.send("POST", "/segments/members/search", body, **other)
    assert ["NOT_FOUND"] == [item["result"] for item in response.json()["payload"]["supporters"]]


def test_each_organization_has_its_own_metrics(salsa):
    """The calls and records of other organizations are not counted."""
    api = make_api(salsa)
    api.search()
    api.upsert({"name": "new"})
    figures = [metrics(api, **headers) for headers in ({}, {"authToken": "other"})]

    counted = ("totalAPICalls", "segmentRead", "segmentAdd", "currentRateLimit")
    assert [(2, 1, 1, 297), (0, 0, 0, 299)] == [tuple(each[name] for name in counted) for each in figures]


def test_deleting_an_id_does_not_delete_it_in_other_organizations(salsa):
    """An organization can revive only an id that it deleted itself."""
    api = make_api(salsa)
    for token in ("token", "other"):
        api.send("DELETE", "/segments", {"payload": {"segments": [{"segmentId": CRM}]}}, authToken=token)
    group = {"segmentId": CRM, "name": "crm"}
    send = {"payload": {"segments": [group]}}

    assert ["ADDED"] == [item["result"] for item in api.upsert(group)["segments"]]
    assert [] == group_names(api.mock.salsa.of("other"))
    third = api.send("PUT", "/segments", send, authToken="third").json()["payload"]["segments"]
    assert ["UPDATED"] == [item["result"] for item in third]


def test_the_state_of_one_organization_can_be_read_and_written(salsa):
    api = make_api(salsa)
    api.upsert({"name": "mine"})
    states = [api.session.get(STATE, params=query).json() for query in ({}, {"organization": "token"})]

    assert [["crm"], ["crm", "mine"]] == [[group["name"] for group in state["salsa"]["segments"]] for state in states]
    assert states == [api.mock.state(), api.mock.state("token")]
    response = api.session.put(STATE, params={"organization": "other"}, json=states[1])
    assert 200 == response.status_code
    assert ["crm", "mine"] == group_names(api.mock.salsa.of("other"))
    assert ["crm"] == group_names(api.mock.salsa) == group_names(api.mock.salsa.of("fourth"))


def test_records_can_be_added_to_one_organization(salsa):
    """Records added through ``mock.salsa.of(token)`` are visible to that token only."""
    api = make_api(salsa)
    state = api.mock.salsa.of("token")
    supporter = state.add_supporter(email="new@example.org")
    state.add_member(state.add_segment("new")["segmentId"], supporter["supporterId"])

    assert [1, 1] == [group["totalMembers"] for group in api.search()["segments"]]
    assert (["crm"], 1) == (group_names(api.mock.salsa.of("other")), len(api.mock.salsa.supporters))


def test_a_reset_restores_every_organization(salsa):
    """Records return to the initial data, and metrics to zero."""
    api = make_api(salsa)
    state = api.mock.salsa.of("token")
    api.upsert({"name": "mine"})
    api.mock.reset()

    assert ["crm"] == group_names(state)
    assert 0 == metrics(api)["totalAPICalls"]


def test_a_snapshot_has_all_organizations(salsa):
    """Restoring it undoes the later writes of every token."""
    api = make_api(salsa)
    api.upsert({"name": "before"})
    snapshot = api.mock.snapshot()
    for token in ("token", "other"):
        api.send("PUT", "/segments", {"payload": {"segments": [{"name": "after"}]}}, authToken=token)
    api.mock.restore(snapshot)

    assert ["crm", "before"] == group_names(api.mock.salsa.of("token"))
    assert ["crm"] == group_names(api.mock.salsa.of("other"))


def test_keys_of_the_segmenter_are_isolated_too():
    """A credential names the same organization for both vendors."""
    with SegmentMock(credentials="isolated") as mock, mock.session() as session:
        for key in ("one", "two", "one"):
            assert 200 == session.post("/segments", json=SEGMENT, headers={"x-api-key": key}).status_code
        body = {"payload": {"segments": [{"name": "group"}]}}
        session.put(f"{SALSA}/segments", json=body, headers={"authToken": "two"})

        assert [2, 1, 0] == [len(mock.segmenter.of(key).segments) for key in ("one", "two", "three")]
        state = session.get(STATE, params={"organization": "two"}).json()
        assert (1, 1) == (len(state["salsa"]["segments"]), len(state["segmenter"]["segments"]))


@pytest.mark.parametrize(
    ("method", "path", "header", "refusal"),
    [("GET", f"{SALSA}/metrics", "authToken", 401), ("POST", "/segments", "x-api-key", 403)],
)
def test_only_listed_credentials_are_accepted(method, path, header, refusal):
    """Each vendor has its own list and refusal; it does not accept the other vendor's credentials."""
    settings = {"credentials": "listed", "salsa_token": ["t1", "t2"], "segmenter_key": ["k1", "k2"]}
    listed_credentials, others = (("t1", "t2"), ("k1", "k2")) if header == "authToken" else (("k1", "k2"), ("t1", "t2"))
    with SegmentMock(**settings) as mock, mock.session() as session:

        def status_with(credential):
            return session.request(method, path, json=SEGMENT, headers={header: credential}).status_code

        assert [200, 200] == [status_with(credential) for credential in listed_credentials]
        assert [refusal] * 5 == [
            status_with(credential) for credential in (*others, "", listed_credentials[0].upper(), "x")
        ]
        assert refusal == session.request(method, path, json=SEGMENT).status_code


def test_listed_credentials_share_one_organization():
    """The list controls access; it does not separate records."""
    settings = {"credentials": "listed", "salsa_token": ["one", "two"]}
    with SegmentMock(**settings) as mock, mock.session() as session:
        body = {"payload": {"segments": [{"name": "new"}]}}
        session.put(f"{SALSA}/segments", json=body, headers={"authToken": "one"})

        assert ["new"] == group_names(mock.salsa.of("two")) == group_names(mock.salsa)
