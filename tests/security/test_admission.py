"""Access to the control plane: the checks of Host, Origin and admin token, on every path; and listening addresses."""

from __future__ import annotations

import hmac
import socket
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from werkzeug.test import create_environ, run_wsgi_app

from segment_mock import SegmentMock, SettingError, create_app
from segment_mock.cli import main

OPEN_PATHS = {"/_mock/health", "/_mock/ca.pem", "/_mock/", "/_mock/static/<name>", "/_mock/docs", "/_mock/docs/<name>"}
STATE = {"salsa": {"segments": [{"name": "Theirs"}]}}


@pytest.mark.parametrize(
    ("host", "is_admitted"),
    [
        ("localhost", True),
        ("LOCALHOST:1", True),
        ("127.0.0.1", True),
        ("127.9.9.9:80", True),
        ("127.1", True),
        ("localhost.", True),
        ("127.0.0.1.", True),
        ("[::1]", True),
        ("127.0.0.256", False),
        ("127.0.0.1234", False),
        ("2130706433", False),
        ("0x7f.1", False),
        ("0177.0.0.1", False),
        ("[::]", False),
        ("[::ffff:127.0.0.1]", False),
        ("[::1%25lo]", False),
        ("::1", False),
        ("user@localhost", False),
        ("user:password@localhost", False),
        ("localhost\\@evil.example", False),
        ("evil.example#localhost", False),
        ("evil.example/localhost", False),
        ("localhost:80:80", False),
        ("localhost/", False),
        ("localhost?", False),
        ("a.localhost", False),
        ("localhost.localdomain", False),
        ("xn--lclhost-9ya", False),
        ("l\xf6calhost", False),
        ("*", False),
        ("0", False),
        (" ", False),
        ("[::1]:80", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.evil.example", False),
        ("localhost.evil.example", False),
        ("localhost, evil.example", False),
        ("evil.example:localhost", False),
        ("localhost@evil.example", False),
        ("[::1", False),
        ("[", False),
        ("0.0.0.0", False),
        ("api.salsalabs.org", False),
        ("\xff", False),
        ("127.0.0.1\n", False),
    ],
)
def test_only_host_headers_that_name_this_machine_are_accepted(host: str, is_admitted: bool) -> None:
    """This stops DNS rebinding: a page whose own host name resolves to 127.0.0.1 gets a 403."""
    environ = {**create_environ("/_mock/state"), "HTTP_HOST": host}
    _, status, _ = run_wsgi_app(create_app(), environ)

    assert ("200 OK" if is_admitted else "403 FORBIDDEN") == status


@pytest.mark.parametrize(
    ("origin", "is_admitted"),
    [
        (None, True),
        ("http://localhost:7357", True),
        ("https://LOCALHOST:7357", True),
        ("http://localhost", False),
        ("http://localhost:7358", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
        ("localhost:7357", False),
        ("http://localhost:7357.evil.example", False),
    ],
)
@pytest.mark.parametrize("token", [None, "t"])
def test_a_request_from_another_origin_is_refused(origin: str | None, is_admitted: bool, token: str | None) -> None:
    """This holds even if the host is allowed and the request has the token."""
    client = create_app(admin_token=token).test_client()
    headers = {"Host": "localhost:7357", "Authorization": "Bearer t"} | ({} if origin is None else {"Origin": origin})
    response = client.put("/_mock/state", json=STATE, headers=headers)

    assert (200 if is_admitted else 403) == response.status_code
    state = client.get("/_mock/state", headers={"Host": "localhost:7357", "Authorization": "Bearer t"}).json
    assert ([{"name": "Theirs"}] if is_admitted else []) == [
        {"name": row["name"]} for row in state["salsa"]["segments"]
    ]


def test_no_response_has_cors_headers() -> None:
    """Therefore a page of another site can neither read a response nor send a credential."""
    client = create_app().test_client()
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Headers": "authtoken"}
    for path in ("/segments", "/api/integration/ext/v1/segments", "/_mock/state", "/_mock/health"):
        for method in ("OPTIONS", "GET", "POST"):
            response = client.open(path, method=method, headers=headers)

            assert [] == [name for name in [*response.headers.keys()] if name.lower().startswith("access-control")]


def test_every_control_path_but_the_open_ones_needs_the_token() -> None:
    """New paths below /_mock are checked too. Health, the CA certificate and static files are open."""
    app = create_app(admin_token="s3cret")
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/_mock")]
    client = app.test_client()
    statuses = {
        (rule.rule, client.open(rule.build(dict.fromkeys(rule.arguments, "1"))[1], method=method).status_code)
        for rule in rules
        for method in rule.methods or ()
        if method != "OPTIONS"
    }

    assert len(rules) > 20
    assert OPEN_PATHS == {path for path, status in statuses if status != 401}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "127.evil.example", "192.0.2.1"])
def test_listening_on_other_addresses_needs_a_token(host: str) -> None:
    """The error occurs before the socket is bound, and says what to do."""
    with SegmentMock() as mock, pytest.raises(SettingError, match=r"refusing to listen on .* without an admin_token"):
        mock.serve(host)


def test_requests_with_another_host_need_the_token() -> None:
    with SegmentMock(admin_token="t") as mock:
        url = f"http://127.0.0.1:{mock.serve('0.0.0.0').port}/_mock/state"
        keys = ({}, {"Authorization": "Bearer t"})
        statuses = [requests.get(url, headers={"Host": "mock.ci", **key}, timeout=5).status_code for key in keys]

    assert [401, 200] == statuses


@pytest.mark.parametrize("command", [["serve"], ["exec"]])
def test_commands_refuse_to_listen_on_other_addresses_without_a_token(command: list[str]) -> None:
    """``serve`` and ``exec`` exit with 2; for a port in use they exit with 3."""
    rest = ["--", "true"] if command == ["exec"] else []
    with socket.create_server(("127.0.0.1", 0)) as other_server:
        port = str(other_server.getsockname()[1])
        refusal = CliRunner().invoke(main, [*command, "--host", "0.0.0.0", "--port", "0", *rest])
        port_in_use = CliRunner().invoke(main, [*command, "--port", port, *rest])

    assert (2, 3) == (refusal.exit_code, port_in_use.exit_code)
    assert (
        "refusing to listen on 0.0.0.0 without an admin_token (--admin-token); listen on 127.0.0.1 or set a token"
        in refusal.stderr
    )


@pytest.mark.parametrize("token", ["t0ken", "t0keX", "", "t0ken-and-more", "\xff"])
def test_credentials_are_compared_in_constant_time(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every listed credential is compared, even after one has matched; so is the admin token."""
    comparisons: list[Any] = []

    def compare(one: Any, other: Any) -> bool:
        comparisons.append(other)
        return one == other

    settings: dict[str, Any] = {"credentials": "listed", "salsa_token": ["t0ken", "other"], "admin_token": "t0ken"}
    client = create_app(**settings).test_client()
    monkeypatch.setattr(hmac, "compare_digest", compare)
    vendor = client.get("/api/integration/ext/v1/metrics", headers={"authToken": token})
    control = client.get("/_mock/state", headers={"Authorization": f"Bearer {token}"})

    is_valid = token == "t0ken"
    assert [200 if is_valid else 401] * 2 == [vendor.status_code, control.status_code]
    assert ([b"t0ken", b"other"] if token else []) + [b"t0ken"] == comparisons


@pytest.mark.parametrize("token", ["t", "a b", "p\u00e4ss", "\u65e5\u672c", "~+/=", "x" * 1000])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_any_token_is_accepted_with_any_case_of_bearer(token: str, scheme: str) -> None:
    """This holds for a live server and WSGI, with a token in UTF-8 or Latin-1. Other tokens are refused."""
    encodings = ["utf-8", *(["latin-1"] if token.isascii() or max(token) < "\u0100" else [])]
    with SegmentMock(admin_token=token) as mock, requests.Session() as session:
        url = mock.serve().url + "/_mock/state"
        for encoding in encodings:
            key = f"{scheme} {token}".encode(encoding)
            assert 200 == session.get(url, headers={"Authorization": key}).status_code
            wsgi_response = (
                create_app(mock._emulator)
                .test_client()
                .get("/_mock/state", headers={"Authorization": key.decode("latin-1")})
            )
            assert 200 == wsgi_response.status_code
        for wrong in (token + "x", "", "?", "?" * len(token), token.encode().decode("latin-1") + "?"):
            assert 401 == session.get(url, headers={"Authorization": f"{scheme} {wrong}".encode()}).status_code
