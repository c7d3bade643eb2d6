"""Salsa: twenty items a call, three hundred calls a minute for each token."""

import pytest

SEARCH = ("POST", "/segments/search")
RATE, BATCH = "Your per minute call rate", "Requested batch size exceeds the allowed size"


def sentence(reply):
    (error,) = reply.json()["errors"]
    assert (429, 429) == (reply.status_code, error["code"])
    return error["message"]


def spend(api, calls, **headers):
    return api.spend(calls, *SEARCH, {"payload": {}}, **headers)


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
    """429 with the sentence about the batch and never the one about the rate; nothing is applied."""
    api = salsa()
    reply = api.send(method, path, {"payload": payload})

    assert f"{BATCH} of: 20" == sentence(reply)
    assert RATE not in reply.text
    assert field == reply.json()["errors"][0]["fieldName"]
    assert "Retry-After" not in reply.headers
    assert [] == api.names


def test_twenty_items_are_allowed(salsa):
    """Twenty to write, twenty ids to read, a page of twenty."""
    api = salsa()
    ids = [segment["segmentId"] for segment in api.upsert(*({"name": str(n)} for n in range(20)))["segments"]]

    assert 20 == api.search(count=20)["count"]
    assert 20 == api.search(identifierType="SEGMENT_ID", identifiers=ids)["count"]
    assert 20 == api.delete(*ids)["count"]


def test_three_hundred_calls_a_minute_are_allowed(salsa):
    """The 301st is 429 with the sentence about the rate and never the one about the batch."""
    api = salsa()
    api.mock.clock.freeze()

    assert [200] * 300 == spend(api, 300)
    reply = api.send(*SEARCH, {"payload": {}})
    assert f"{RATE} has been exceeded" == sentence(reply)
    assert BATCH not in reply.text
    assert "Retry-After" not in reply.headers


def test_the_window_slides(salsa):
    """A call counts for sixty seconds from its own moment, not till the end of a minute."""
    api = salsa()
    api.mock.clock.freeze("2018-03-21T15:12:09Z")
    spend(api, 299)
    api.mock.clock.advance(30)

    assert [200, 429] == spend(api, 2)
    api.mock.clock.advance(29.9)
    assert [429] == spend(api, 1)
    api.mock.clock.advance(0.1)
    assert [200] == spend(api, 1)


def test_refused_calls_count_too(salsa):
    """Every authenticated call takes its place: malformed, unknown, too many items, or beyond the limit."""
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

    assert [200] * 296 + [429] == spend(api, 297)
    api.mock.clock.advance(59)
    assert [429] * 300 == spend(api, 300)
    api.mock.clock.advance(1)
    assert [429] == spend(api, 1)


def test_each_token_has_its_own_window_until_a_reset(salsa):
    api = salsa()
    api.mock.clock.freeze()
    assert [401] * 5 == spend(api, 5, authToken="")
    assert [200] * 300 == spend(api, 300)

    assert [429] == spend(api, 1)
    assert [200] == spend(api, 1, authToken="another")
    api.mock.reset()
    assert [200] == spend(api, 1)


def test_limits_can_be_lifted(salsa):
    """With limits off neither calls nor items are limited."""
    api = salsa(settings={"limits": "off"})

    assert 25 == api.upsert(*({"name": str(n)} for n in range(25)))["count"]
    assert 25 == api.search(count=100)["count"]
    assert [200] * 301 == spend(api, 301)
