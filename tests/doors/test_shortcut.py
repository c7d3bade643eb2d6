"""Nobody can tell the shortcut from the whole way: not the client, not the emulator, not the rules for connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests
from clients import ALL, HEADERS, SALSA, SEARCH
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from segment_mock import SegmentMock, faults

URL = SALSA + SEARCH
WHOLE = Retry(total=0, status_forcelist=[599])
"""Makes a session of requests take the whole way: there is something that only urllib3 can decide."""
F: Any = faults
Deed = Callable[[Any], Any]


@contextlib.contextmanager
def session_of_the_mock(mock: SegmentMock, whole: bool) -> Iterator[Any]:
    """A session that the mock gives."""
    yield mock.session(max_retries=WHOLE if whole else 0)


@contextlib.contextmanager
def intercepted_session(mock: SegmentMock, whole: bool) -> Iterator[Any]:
    """A session of requests that is intercepted."""
    with mock.intercept(), requests.Session() as session:
        if whole:
            session.mount("https://", HTTPAdapter(max_retries=WHOLE))
            session.mount("http://", HTTPAdapter(max_retries=WHOLE))
        yield session


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock of nothing."""
    with SegmentMock() as made:
        yield made


SESSIONS = [session_of_the_mock, intercepted_session]


def post(session: Any, url: str = URL, **more: Any) -> Any:
    """Search as `more` says, and return what came of it."""
    try:
        reply = session.post(url, **{"json": ALL, "headers": HEADERS, "timeout": 9, **more})
    except (OSError, ValueError) as error:
        return type(error)
    return reply.status_code, reply.reason


def turns(way: Any, whole: bool, deed: Deed, fault: Any = None) -> list[int]:
    """Return which request of its connection each call of *deed* was to the emulator; *fault* strikes ``?slow``."""
    seen: list[int] = []

    async def watched(call: Any, proceed: Any) -> Any:
        seen.append(call.request.number)
        return await proceed()

    with SegmentMock(limits="off") as mock:
        mock.faults.add(watched)
        if fault is not None:
            mock.faults.add(fault, match=lambda call: "slow" in call.request.target)
        with way(mock, whole) as client:
            deed(client)
    return seen


TURNS: dict[str, tuple[Deed, list[int]]] = {
    "plain": (lambda s: [post(s) for _ in range(3)], [1, 2, 3]),
    "text": (lambda s: [post(s), post(s, json=None, data=json.dumps(ALL)), post(s)], [1, 2, 3]),
    "HEAD": (lambda s: [post(s), s.head(URL, headers=HEADERS, timeout=9), post(s)], [1, 2, 3]),
    "close": (lambda s: [post(s), post(s, headers={**HEADERS, "Connection": "close"}), post(s)], [1, 2, 1]),
    "streamed": (lambda s: [post(s, stream=True), post(s)], [1, 1]),
    "pieces": (lambda s: [post(s, json=None, data=iter([b"{}"])), post(s)], [1, 2]),
    "schemes": (lambda s: [post(s), post(s, URL.replace("https", "http")), post(s)], [1, 1, 2]),
    "hosts": (lambda s: [post(s), post(s, URL.replace(".org", ".org:8443")), post(s)], [1, 1, 2]),
    "ports": (lambda s: [post(s), post(s, URL.replace(".org", ".ORG:443")), post(s)], [1, 2, 3]),
    "closed": (lambda s: [post(s, stream=True), s.close(), post(s)], [1, 1]),
}


@pytest.mark.parametrize("way", SESSIONS)
@pytest.mark.parametrize("name", TURNS)
def test_turns_are_counted_over_both_ways(way: Any, name: str) -> None:
    """A rule for new or reused connections strikes the same calls, whichever of them take the shortcut."""
    deed, expected = TURNS[name]

    assert expected == turns(way, False, deed)
    assert expected == turns(way, True, deed)


async def breaks(call: Any, proceed: Any) -> Any:
    """Fail as a socket does."""
    raise ConnectionResetError("by a stage")


FAULTS = {
    "late": (F.Latency(1), [1, 2, 3, 4]),
    "lengthless": (F.Error(204), [1, 2, 3, 4]),
    "never": (F.Hang(), [1, 2, 1, 2]),
    "broken": (F.Disconnect(), [1, 2, 1, 2]),
    "cut": (F.Truncate(), [1, 2, 1, 2]),
    "closing": (F.Error(500, headers={"Connection": "close"}), [1, 2, 1, 2]),
    "in no chunks": (F.Error(500, headers={"Transfer-Encoding": "chunked"}), [1, 2, 1, 2]),
    "too short": (F.Error(500, headers={"Content-Length": "99999"}), [1, 2, 1, 2]),
    "a stage that breaks": (breaks, [1, 2, 1, 2]),
}


@pytest.mark.parametrize("way", SESSIONS)
@pytest.mark.parametrize("name", FAULTS)
def test_turns_go_on_after_a_call_that_needs_a_connection(way: Any, name: str) -> None:
    """A late or lengthless answer leaves the connection as it is, one that never comes whole ends it."""
    fault, expected = FAULTS[name]

    def second_is_slow(session: Any) -> None:
        for query in ("", "?slow", "", ""):
            post(session, URL + query)

    assert expected == turns(way, False, second_is_slow, fault)
    assert expected == turns(way, True, second_is_slow, fault)


def test_turns_of_httpx_go_on_too() -> None:
    """Also over its asynchronous client, which pauses within a call."""

    async def asynchronously() -> None:
        async with httpx.AsyncClient(timeout=9) as client:
            for query in ("", "?slow", "", ""):
                await client.post(URL + query, json=ALL, headers=HEADERS)

    def deed(client: Any) -> None:
        for query in ("", "?slow", "", ""):
            client.post(URL + query, json=ALL, headers=HEADERS)
        asyncio.run(asynchronously())

    @contextlib.contextmanager
    def way(mock: SegmentMock, _: bool) -> Iterator[Any]:
        with mock.intercept(), httpx.Client(timeout=9) as client:
            yield client

    assert [1, 2, 3, 4] * 2 == turns(way, False, deed, F.Latency(1))


STRANGE: dict[str, dict[str, Any]] = {
    "no time": {"timeout": 0},
    "three times": {"timeout": (1, 2, 3)},
    "two times": {"timeout": (3.05, 27)},
    "a wide header": {"headers": {**HEADERS, "X-Name": "\u017c"}},
    "a long header": {"headers": {**HEADERS, "X-Name": "x" * 100_000}},
    "a header of no name": {"headers": {**HEADERS, "X Name": "x"}},
    "a tab": {"headers": {**HEADERS, "X-Name": "x\ty"}},
    "a space at the end": {"headers": {**HEADERS, "X-Name": "x "}},
    "a space before": {"headers": {**HEADERS, b"X-Name": b" x"}},
    "nobody's name": {"headers": {**HEADERS, "User-Agent": None, "Accept-Encoding": None}},
    "no certificate": {"verify": "/nowhere"},
    "a long address": {"params": {"q": "x" * 100_000}},
}


@pytest.mark.parametrize("way", SESSIONS)
@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_call_ends_as_it_does_the_whole_way(mock: SegmentMock, way: Any, name: str) -> None:
    """The same error of the client's, or the same answer, and the same request in the journal."""
    found = []
    for whole in (False, True):
        with way(mock, whole) as session:
            found.append((post(session, **STRANGE[name]), [dict(e.request_headers) for e in mock.journal]))
        mock.reset()

    assert found[0] == found[1]


ODD: dict[str, Any] = {
    "a space before": [("X-Name", " x")],
    "a space after": [("X-Name", "x ")],
    "two hosts": [("Host", "api.salsalabs.org"), ("Host", "b")],
    "a length too long": [("Content-Length", "300")],
    "a length too short": [("Content-Length", "3")],
    "no length": [("Content-Length", "abc")],
}


@pytest.mark.parametrize("name", ODD)
def test_what_h11_refuses_is_refused(mock: SegmentMock, name: str) -> None:
    """The same error as the whole way, and nothing reaches the emulator."""
    raised = []
    with mock.intercept(), httpx.Client(timeout=9) as client:
        for extensions in ({}, {"trace": lambda *_: None}):
            with pytest.raises(Exception, match=r"header|Length|length|data|Host") as caught:
                client.post(URL, json=ALL, headers=[*HEADERS.items(), *ODD[name]], extensions=extensions)
            raised.append((caught.type, str(caught.value)))

    assert raised[0] == raised[1]
    assert "LocalProtocolError" == raised[0][0].__name__
    assert 0 == len(mock.journal)


@pytest.mark.parametrize("way", SESSIONS)
@pytest.mark.parametrize("verb", ["GE T", "GET\r\nX: Y", "M-SEARCH", "get"])
def test_a_strange_verb_ends_as_it_does_the_whole_way(mock: SegmentMock, way: Any, verb: str) -> None:
    """http.client refuses some; the others reach the emulator as they are."""
    found = []
    for whole in (False, True):
        with way(mock, whole) as session:
            try:
                found.append(str(session.request(verb, URL, headers=HEADERS).status_code))
            except ValueError as error:
                found.append(str(error))

    assert found[0] == found[1]


@pytest.mark.parametrize("way", SESSIONS)
def test_cookies_are_kept(mock: SegmentMock, way: Any) -> None:
    """What a reply sets is there for the next call."""
    mock.faults.add(F.Error(200, headers={"Set-Cookie": "sid=abc; Path=/"}), times=1)
    with way(mock, False) as session:
        for _ in range(2):
            post(session)

        assert {"sid": "abc"} == dict(session.cookies)
    assert "cookie" in mock.journal.entries()[-1].request_headers


def test_a_call_whose_client_gives_up_before_it_is_sent_is_abandoned(mock: SegmentMock) -> None:
    """A late call that no connection ever asks for is closed, and not left open for ever."""
    door = mock._doors()()
    mock.faults.add(F.Latency(1))
    client = F  # anything that can be pointed at weakly
    rest = door.ask(client, "https://x", "POST", SEARCH, {"host": "api.salsalabs.org", "authtoken": "t"}, b"{}")
    with door.continued(client, "https://x", rest):
        pass

    assert ["abandoned"] == [entry.outcome for entry in mock.journal]
