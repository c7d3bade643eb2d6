"""Salsa: the limits of twenty items a call, and of three hundred calls a minute for each token."""

import pytest

SEARCH = ("POST", "/segments/search")
RATE, BATCH = "Your per minute call rate", "Requested batch size exceeds the allowed size"


def message_of_429(response):
    """Expect the status and the error code 429, and return the message."""
    (error,) = response.json()["errors"]
    assert (429, 429) == (response.status_code, error["code"])
    return error["message"]


def send_searches(api, calls, **headers):
    """Send *calls* searches and return their statuses."""
    return api.send_repeatedly(calls, *SEARCH, {"payload": {}}, **headers)


@pytest.mark.parametrize(
    ("method", "path", "payload", "field"),
    [
        ("PUT", "/segments", {"segments": [{"name": str(n)} for n in range(21)]}, "segments"),
        ("DELETE", "/segments", {"segments": [{}] * 21}, "segments"),
        ("POST", "/segments/search", {"count": 21}, "count"),
        ("POST", "/segments/search", {"count": "21"}, "count"),
        ("POST", "/segments/search", {"count": 10**30}, "count"),
        ("POST", "/segments/search", {"identifierType": "EXTERNAL_ID", "identifiers": ["x"] * 21}, "identifiers"),
    ],
)
def test_more_than_twenty_items_are_refused(salsa, method, path, payload, field):
    """The response is 429 with the message about the batch size, not the message about the rate; nothing is stored."""
    api = salsa()
    response = api.send(method, path, {"payload": payload})

    assert f"{BATCH} of: 20" == message_of_429(response)
    assert RATE not in response.text
    assert field == response.json()["errors"][0]["fieldName"]
    assert "Retry-After" not in response.headers
    assert [] == api.names


def test_twenty_items_are_allowed(salsa):
    """The limit applies to a write, to a search by id, and to a page."""
    api = salsa()
    ids = [segment["segmentId"] for segment in api.upsert(*({"name": str(n)} for n in range(20)))["segments"]]

    assert 20 == api.search(count=20)["count"]
    assert 20 == api.search(identifierType="SEGMENT_ID", identifiers=ids)["count"]
    assert 20 == api.delete(*ids)["count"]


def test_the_301st_call_in_a_minute_is_refused(salsa):
    """The response is 429 with the message about the rate, not the message about the batch size."""
    api = salsa()
    api.mock.clock.freeze()

    assert [200] * 300 == send_searches(api, 300)
    response = api.send(*SEARCH, {"payload": {}})
    assert f"{RATE} has been exceeded" == message_of_429(response)
    assert BATCH not in response.text
    assert "Retry-After" not in response.headers


def test_a_call_counts_for_sixty_seconds(salsa):
    """The window of the rate limit slides; it does not end with the minute of the clock."""
    api = salsa()
    api.mock.clock.freeze("2018-03-21T15:12:09Z")
    send_searches(api, 299)
    api.mock.clock.advance(30)

    assert [200, 429] == send_searches(api, 2)
    api.mock.clock.advance(29.9)
    assert [429] == send_searches(api, 1)
    api.mock.clock.advance(0.1)
    assert [200] == send_searches(api, 1)


def test_refused_calls_count_too(salsa):
    """Every authenticated call counts: malformed, with an unknown path, with too many items, or beyond the limit."""
    api = salsa()
    api.mock.clock.freeze()
    for method, path, body, token in (
        ("POST", "/segments/search", b"{", "token"),
        ("PUT", "/nowhere", None, "token"),
        ("PATCH", "/segments", None, "token"),
        ("POST", "/segments/search", {"payload": {"count": 21}}, "token"),
        ("POST", "/segments/search", {"payload": {}}, ""),
    ):
        api.send(method, path, body, authToken=token)

    assert [200] * 296 + [429] == send_searches(api, 297)
    api.mock.clock.advance(59)
    assert [429] * 300 == send_searches(api, 300)
    api.mock.clock.advance(1)
    assert [429] == send_searches(api, 1)


def test_each_token_has_its_own_window_and_a_reset_clears_it(salsa):
    api = salsa()
    api.mock.clock.freeze()
    assert [401] * 5 == send_searches(api, 5, authToken="")
    assert [200] * 300 == send_searches(api, 300)

    assert [429] == send_searches(api, 1)
    assert [200] == send_searches(api, 1, authToken="another")
    api.mock.reset()
    assert [200] == send_searches(api, 1)


def test_with_limits_off_neither_calls_nor_items_are_limited(salsa):
    api = salsa(settings={"limits": "off"})

    assert 25 == api.upsert(*({"name": str(n)} for n in range(25)))["count"]
    assert 25 == api.search(count=100)["count"]
    assert [200] * 301 == send_searches(api, 301)
