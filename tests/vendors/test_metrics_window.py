"""Salsa: remaining calls of the rate limit, the time of the last call, and the maximum batch size."""

import pytest

from tests.vendors.people import CRM, metrics, person, refusal, supporter_id

NOON = "2024-05-06T12:00:00.000Z"
RATE, BATCH = "Your per minute call rate", "Requested batch size exceeds the allowed size"


def make_api(salsa, **settings):
    """Return a client of a mock with one group and one supporter; the clock stands at noon."""
    api = salsa([{"segmentId": CRM, "name": "crm"}], supporters=[person(0)], settings=settings)
    api.mock.clock.freeze(NOON)
    return api


def test_current_rate_limit_is_the_number_of_remaining_calls(salsa):
    """Every call counts, including metrics calls and refused calls, for one minute."""
    api = make_api(salsa)
    for _ in range(3):
        api.search()
    api.send("POST", "/segments/search", b"{")

    assert [295, 294] == [metrics(api)["currentRateLimit"] for _ in range(2)]
    api.mock.clock.advance(60)
    assert 299 == metrics(api)["currentRateLimit"]


def test_metrics_with_limits_off_have_the_limits_and_no_remaining_calls(salsa):
    api = make_api(salsa, limits="off")
    for _ in range(305):
        figures = metrics(api)
    api.search(count=21)

    assert (300, 20, 0) == tuple(figures[name] for name in ("rateLimit", "maxBatchSize", "currentRateLimit"))
    assert (1, 1) == tuple(metrics(api)[name] for name in ("segmentRead", "totalAPICalls"))


@pytest.mark.parametrize("moment", ["2024-05-06T12:00:59.999Z", "2024-05-06T12:01:00.310Z", "2039-05-28T15:57:24.345Z"])
def test_last_api_call_is_the_time_of_the_last_call(salsa, moment):
    """The time is that of the mock's clock; refused calls count, metrics calls do not."""
    api = make_api(salsa)
    api.search()
    api.mock.clock.set(moment)
    api.send("POST", "/segments/search", b"{")
    api.mock.clock.advance(5)

    assert [moment, moment] == [metrics(api)["lastAPICall"] for _ in range(2)]


def test_last_api_call_may_be_the_epoch(salsa):
    """The timestamp 0 is not mistaken for a missing time."""
    api = make_api(salsa)
    api.mock.clock.set(0)
    api.search()
    api.mock.clock.advance(5)

    assert "1970-01-01T00:00:00.000Z" == metrics(api)["lastAPICall"]


def test_a_reset_clears_metrics_and_the_rate_limit_window(salsa):
    api = make_api(salsa)
    api.search()
    api.mock.reset()

    figures = metrics(api)

    assert (0, 0, 299) == tuple(figures[name] for name in ("totalAPICalls", "segmentRead", "currentRateLimit"))


IDS = {"identifierType": "SUPPORTER_ID", "identifiers": [supporter_id(0)] * 21}
TOO_LARGE_CALLS = [
    ("POST", "/segments/members/search", {"segmentId": CRM, "supporterIds": [supporter_id(0)] * 21}, "supporterIds"),
    ("POST", "/segments/members/search", {"segmentId": CRM, "count": 21}, "count"),
    ("PUT", "/segments/members", {"segmentId": CRM, "supporterIds": [supporter_id(0)] * 21}, "supporterIds"),
    ("DELETE", "/segments/members", {"segmentId": CRM, "supporterIds": [supporter_id(0)] * 21}, "supporterIds"),
    ("POST", "/supporters/search", IDS, "identifiers"),
    ("POST", "/supporters/search", {"modifiedFrom": NOON, "count": "21"}, "count"),
    ("PUT", "/supporters", {"supporters": [person(n) for n in range(21)]}, "supporters"),
    ("DELETE", "/supporters", {"supporters": [{"supporterId": supporter_id(0)}] * 21}, "supporters"),
    ("POST", "/supporters/groups", IDS, "identifiers"),
    ("POST", "/supporters/groups", {"modifiedFrom": NOON, "count": 10**30}, "count"),
]


def within_limit(payload, field):
    """Return *payload* with at most twenty items in *field*, or with the count twenty."""
    value = payload[field]
    return {**payload, field: value[:20] if isinstance(value, list) else 20}


@pytest.mark.parametrize(("method", "path", "payload", "field"), TOO_LARGE_CALLS)
def test_more_than_twenty_items_are_refused(salsa, method, path, payload, field):
    """The response is 429 with the message about the batch size, not the message about the rate; nothing is stored."""
    api = make_api(salsa)
    before = api.mock.state()
    response = api.send(method, path, {"payload": payload})

    assert (429, field) == refusal(response)
    assert f"{BATCH} of: 20" == response.json()["errors"][0]["message"]
    assert RATE not in response.text
    assert before == api.mock.state()


@pytest.mark.parametrize(("method", "path", "payload", "field"), TOO_LARGE_CALLS)
def test_twenty_items_are_allowed(salsa, method, path, payload, field):
    """With limits off, larger numbers are allowed as well."""
    assert 200 == make_api(salsa).send(method, path, {"payload": within_limit(payload, field)}).status_code
    assert 200 == make_api(salsa, limits="off").send(method, path, {"payload": payload}).status_code


def test_each_token_has_its_own_window(salsa):
    """300 calls with a token, including metrics calls, don't affect the limit of another; both see the same totals."""
    api = make_api(salsa)
    for remaining in range(299, -1, -1):
        assert remaining == metrics(api)["currentRateLimit"]
    responses = [api.send("GET", "/metrics"), api.send("POST", "/segments/search", {"payload": {}})]

    for response in responses:
        assert (429, None) == refusal(response)
        assert RATE in response.json()["errors"][0]["message"]
        assert BATCH not in response.text
    other = metrics(api, authToken="another")
    assert (299, 1, 1) == tuple(other[name] for name in ("currentRateLimit", "totalAPICalls", "totalAPICallFailures"))
    api.mock.clock.advance(60)
    assert 299 == metrics(api)["currentRateLimit"]
