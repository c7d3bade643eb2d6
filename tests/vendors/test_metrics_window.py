"""Salsa: what is left of the minute, when the last call was, and how many items a call may have."""

import pytest

from tests.vendors.people import CRM, metrics, person, refused, sid

NOON = "2024-05-06T12:00:00.000Z"
RATE, BATCH = "Your per minute call rate", "Requested batch size exceeds the allowed size"


def world(salsa, **settings):
    """Return a Salsa of one group and one supporter, at noon."""
    api = salsa([{"segmentId": CRM, "name": "crm"}], supporters=[person(0)], settings=settings)
    api.mock.clock.freeze(NOON)
    return api


def test_what_is_left_of_the_minute(salsa):
    """Every call takes one, metrics calls and refused ones too; after a minute it is there again."""
    api = world(salsa)
    for _ in range(3):
        api.search()
    api.send("POST", "/segments/search", b"{")

    assert [295, 294] == [metrics(api)["currentRateLimit"] for _ in range(2)]
    api.mock.clock.advance(60)
    assert 299 == metrics(api)["currentRateLimit"]


def test_figures_with_limits_off(salsa):
    api = world(salsa, limits="off")
    for _ in range(305):
        figures = metrics(api)
    api.search(count=21)

    assert (300, 20, 0) == tuple(figures[name] for name in ("rateLimit", "maxBatchSize", "currentRateLimit"))
    assert (1, 1) == tuple(metrics(api)[name] for name in ("segmentRead", "totalAPICalls"))


@pytest.mark.parametrize("moment", ["2024-05-06T12:00:59.999Z", "2024-05-06T12:01:00.310Z", "2039-05-28T15:57:24.345Z"])
def test_the_last_call(salsa, moment):
    """Its moment, to the millisecond, on the mock's clock; metrics calls are none, refused calls are."""
    api = world(salsa)
    api.search()
    api.mock.clock.set(moment)
    api.send("POST", "/segments/search", b"{")
    api.mock.clock.advance(5)

    assert [moment, moment] == [metrics(api)["lastAPICall"] for _ in range(2)]


def test_the_very_first_moment(salsa):
    """A call at the epoch was a call, too."""
    api = world(salsa)
    api.mock.clock.set(0)
    api.search()
    api.mock.clock.advance(5)

    assert "1970-01-01T00:00:00.000Z" == metrics(api)["lastAPICall"]


def test_reset_restarts_the_window(salsa):
    """After a reset nothing was used."""
    api = world(salsa)
    api.search()
    api.mock.reset()

    figures = metrics(api)

    assert (0, 0, 299) == tuple(figures[name] for name in ("totalAPICalls", "segmentRead", "currentRateLimit"))


IDS = {"identifierType": "SUPPORTER_ID", "identifiers": [sid(0)] * 21}
MANY = [
    ("POST", "/segments/members/search", {"segmentId": CRM, "supporterIds": [sid(0)] * 21}, "supporterIds"),
    ("POST", "/segments/members/search", {"segmentId": CRM, "count": 21}, "count"),
    ("PUT", "/segments/members", {"segmentId": CRM, "supporterIds": [sid(0)] * 21}, "supporterIds"),
    ("DELETE", "/segments/members", {"segmentId": CRM, "supporterIds": [sid(0)] * 21}, "supporterIds"),
    ("POST", "/supporters/search", IDS, "identifiers"),
    ("POST", "/supporters/search", {"modifiedFrom": NOON, "count": "21"}, "count"),
    ("PUT", "/supporters", {"supporters": [person(n) for n in range(21)]}, "supporters"),
    ("DELETE", "/supporters", {"supporters": [{"supporterId": sid(0)}] * 21}, "supporters"),
    ("POST", "/supporters/groups", IDS, "identifiers"),
    ("POST", "/supporters/groups", {"modifiedFrom": NOON, "count": 10**30}, "count"),
]


def lessened(payload, field):
    """Return *payload* with twenty where it had more."""
    value = payload[field]
    return {**payload, field: value[:20] if isinstance(value, list) else 20}


@pytest.mark.parametrize(("method", "path", "payload", "field"), MANY)
def test_more_than_twenty_are_refused(salsa, method, path, payload, field):
    """429 with the sentence about the batch and never the one about the rate; nothing is done."""
    api = world(salsa)
    before = api.mock.state()
    reply = api.send(method, path, {"payload": payload})

    assert (429, field) == refused(reply)
    assert f"{BATCH} of: 20" == reply.json()["errors"][0]["message"]
    assert RATE not in reply.text
    assert before == api.mock.state()


@pytest.mark.parametrize(("method", "path", "payload", "field"), MANY)
def test_twenty_are_allowed(salsa, method, path, payload, field):
    """Twenty is the limit, not the first number beyond it; without limits any number will do."""
    assert 200 == world(salsa).send(method, path, {"payload": lessened(payload, field)}).status_code
    assert 200 == world(salsa, limits="off").send(method, path, {"payload": payload}).status_code


def test_each_token_has_its_own_window(salsa):
    """Three hundred calls of one, metrics calls too, take nothing from another who sees the same totals."""
    api = world(salsa)
    for remaining in range(299, -1, -1):
        assert remaining == metrics(api)["currentRateLimit"]
    replies = [api.send("GET", "/metrics"), api.send("POST", "/segments/search", {"payload": {}})]

    for reply in replies:
        assert (429, None) == refused(reply)
        assert RATE in reply.json()["errors"][0]["message"]
        assert BATCH not in reply.text
    other = metrics(api, authToken="another")
    assert (299, 1, 1) == tuple(other[name] for name in ("currentRateLimit", "totalAPICalls", "totalAPICallFailures"))
    api.mock.clock.advance(60)
    assert 299 == metrics(api)["currentRateLimit"]
