"""``--cors``: a page of any origin may call the vendors' operations."""

from __future__ import annotations

from segment_mock import SegmentMock

SEARCH = "/api/integration/ext/v1/segments/search"
PREFLIGHT_HEADERS = {
    "Origin": "http://front.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authtoken,content-type",
}


def test_a_preflight_gets_a_response_and_is_not_in_the_journal() -> None:
    with SegmentMock(cors=True) as mock:
        responses = [
            mock.session().options(path, headers=PREFLIGHT_HEADERS) for path in (SEARCH, "/segments", "/segments/x")
        ]

        assert [204] * 3 == [response.status_code for response in responses]
        assert "*" == responses[0].headers["Access-Control-Allow-Origin"]
        assert "POST" in responses[0].headers["Access-Control-Allow-Methods"]
        assert "*, Authorization" == responses[0].headers["Access-Control-Allow-Headers"]
        assert 0 == len(mock.journal)


def test_every_response_has_cors_headers() -> None:
    with SegmentMock(cors=True) as mock:
        good = mock.session().post(SEARCH, json={"payload": {}}, headers={"authToken": "t"})
        refused = mock.session().post(SEARCH, json={})
        mock.faults.add({"kind": "error", "status": 503})
        broken = mock.session().post(SEARCH, json={}, headers={"authToken": "t"})

        assert [200, 401, 503] == [good.status_code, refused.status_code, broken.status_code]
        for response in (good, refused, broken):
            assert (
                "*"
                == response.headers["Access-Control-Allow-Origin"]
                == response.headers["Access-Control-Expose-Headers"]
            )
        assert "*" == mock.journal.get(1).response_headers["Access-Control-Allow-Origin"]  # type: ignore[union-attr]


def test_cors_is_off_by_default_and_for_the_control_plane() -> None:
    with SegmentMock() as mock:
        response = mock.session().options(SEARCH, headers=PREFLIGHT_HEADERS)
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.status_code >= 400
    with SegmentMock(cors=True) as mock:
        response = mock.session().options("/_mock/state", headers=PREFLIGHT_HEADERS)
        assert "Access-Control-Allow-Origin" not in response.headers
        assert 403 == mock.session().get("/_mock/state", headers={"Origin": "http://front.example"}).status_code


def test_a_live_server_keeps_the_connection_after_a_preflight() -> None:
    import http.client

    with SegmentMock(cors=True) as mock:
        server = mock.serve()
        connection = http.client.HTTPConnection(server.host, server.port)
        connection.request("OPTIONS", SEARCH, headers=PREFLIGHT_HEADERS)
        first = connection.getresponse()
        first.read()
        connection.request("GET", "/_mock/health")
        second = connection.getresponse()
        second.read()
        connection.close()

    assert (204, 200) == (first.status, second.status)
