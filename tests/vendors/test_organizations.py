"""Whose records a call sees: those of all, a copy of one's own, or none, as the credentials setting says."""

import pytest

from segment_mock import SegmentMock
from tests.vendors.people import CRM, assign, email, members, metrics, person, sid, upsert

STATE = "/_mock/state"
SALSA = "/api/integration/ext/v1"
SEGMENT = {"name": "s", "broadcastMediumId": "email", "segmentType": "static"}


def world(salsa, credentials="isolated", **settings):
    return salsa(
        [{"segmentId": CRM, "name": "crm"}],
        supporters=[person(0)],
        members=[{"segment": CRM, "supporters": [sid(0)]}],
        settings={"credentials": credentials, **settings},
    )


def names(face):
    return [segment["name"] for segment in face.segments]


def test_any_token_names_the_one_organization(salsa):
    """What one token writes, another reads, and both count for one set of figures."""
    api = world(salsa, credentials="any")
    api.send("PUT", "/segments", {"payload": {"segments": [{"name": "new"}]}}, authToken="one")

    assert ["crm", "new"] == names(api.mock.salsa) == names(api.mock.salsa.of("two"))
    assert 1 == metrics(api, authToken="two")["segmentAdd"]


def test_each_token_has_its_own_copy(salsa):
    api, other = world(salsa), {"authToken": "other"}
    api.upsert({"segmentId": CRM, "name": "mine"})
    new, _ = upsert(api, {"contacts": [email("new@example.org")]}, person(0, title="Dr"))
    assign(api, new["supporterId"])

    assert ["mine"] == names(api.mock.salsa.of("token"))
    assert 2 == members(api)["total"]
    for face in (api.mock.salsa, api.mock.salsa.of("other")):
        assert ["crm"] == names(face)
        assert [(sid(0), None)] == [(row["supporterId"], row.get("title")) for row in face.supporters]
        assert 1 == len(face.members)
    body = {"payload": {"segmentId": CRM, "supporterIds": [new["supporterId"]]}}
    reply = api.send("POST", "/segments/members/search", body, **other)
    assert ["NOT_FOUND"] == [item["result"] for item in reply.json()["payload"]["supporters"]]


def test_each_organization_has_its_own_metrics(salsa):
    """Another's calls and records count for them."""
    api = world(salsa)
    api.search()
    api.upsert({"name": "new"})
    figures = [metrics(api, **headers) for headers in ({}, {"authToken": "other"})]

    counted = ("totalAPICalls", "segmentRead", "segmentAdd", "currentRateLimit")
    assert [(2, 1, 1, 297), (0, 0, 0, 299)] == [tuple(each[name] for name in counted) for each in figures]


def test_an_id_deleted_by_one_is_not_retired_for_another(salsa):
    """A revival is a matter of one's own records."""
    api = world(salsa)
    for token in ("token", "other"):
        api.send("DELETE", "/segments", {"payload": {"segments": [{"segmentId": CRM}]}}, authToken=token)
    group = {"segmentId": CRM, "name": "crm"}
    send = {"payload": {"segments": [group]}}

    assert ["ADDED"] == [item["result"] for item in api.upsert(group)["segments"]]
    assert [] == names(api.mock.salsa.of("other"))
    third = api.send("PUT", "/segments", send, authToken="third").json()["payload"]["segments"]
    assert ["UPDATED"] == [item["result"] for item in third]


def test_state_of_one_organization(salsa):
    api = world(salsa)
    api.upsert({"name": "mine"})
    states = [api.session.get(STATE, params=query).json() for query in ({}, {"organization": "token"})]

    assert [["crm"], ["crm", "mine"]] == [[group["name"] for group in state["salsa"]["segments"]] for state in states]
    assert states == [api.mock.state(), api.mock.state("token")]
    reply = api.session.put(STATE, params={"organization": "other"}, json=states[1])
    assert 200 == reply.status_code
    assert ["crm", "mine"] == names(api.mock.salsa.of("other"))
    assert ["crm"] == names(api.mock.salsa) == names(api.mock.salsa.of("fourth"))


def test_a_face_prepares_one_organization(salsa):
    """Records added without the API belong to that token only."""
    api = world(salsa)
    face = api.mock.salsa.of("token")
    supporter = face.add_supporter(email="new@example.org")
    face.add_member(face.add_segment("new")["segmentId"], supporter["supporterId"])

    assert [1, 1] == [group["totalMembers"] for group in api.search()["segments"]]
    assert (["crm"], 1) == (names(api.mock.salsa.of("other")), len(api.mock.salsa.supporters))


def test_reset_restores_every_copy(salsa):
    """All begin with the initial data again, and their figures with nothing."""
    api = world(salsa)
    face = api.mock.salsa.of("token")
    api.upsert({"name": "mine"})
    api.mock.reset()

    assert ["crm"] == names(face)
    assert 0 == metrics(api)["totalAPICalls"]


def test_a_snapshot_is_of_all_organizations(salsa):
    """Restoring it undoes what any token has written since."""
    api = world(salsa)
    api.upsert({"name": "before"})
    snapshot = api.mock.snapshot()
    for token in ("token", "other"):
        api.send("PUT", "/segments", {"payload": {"segments": [{"name": "after"}]}}, authToken=token)
    api.mock.restore(snapshot)

    assert ["crm", "before"] == names(api.mock.salsa.of("token"))
    assert ["crm"] == names(api.mock.salsa.of("other"))


def test_tokens_and_keys_are_isolated_alike():
    """The Segmenter's keys name copies of their own as well; a credential is one organization for both vendors."""
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
def test_only_listed_credentials_get_in(method, path, header, refusal):
    """Each vendor has its own list and its own refusal; another vendor's credential is unknown to it."""
    settings = {"credentials": "listed", "salsa_token": ["t1", "t2"], "segmenter_key": ["k1", "k2"]}
    listed_credentials, others = (("t1", "t2"), ("k1", "k2")) if header == "authToken" else (("k1", "k2"), ("t1", "t2"))
    with SegmentMock(**settings) as mock, mock.session() as session:

        def status(credential):
            return session.request(method, path, json=SEGMENT, headers={header: credential}).status_code

        assert [200, 200] == [status(credential) for credential in listed_credentials]
        assert [refusal] * 5 == [status(credential) for credential in (*others, "", listed_credentials[0].upper(), "x")]
        assert refusal == session.request(method, path, json=SEGMENT).status_code


def test_listed_credentials_share_one_organization():
    """Being listed says who may come in, not whose records they see."""
    settings = {"credentials": "listed", "salsa_token": ["one", "two"]}
    with SegmentMock(**settings) as mock, mock.session() as session:
        body = {"payload": {"segments": [{"name": "new"}]}}
        session.put(f"{SALSA}/segments", json=body, headers={"authToken": "one"})

        assert ["new"] == names(mock.salsa.of("two")) == names(mock.salsa)
