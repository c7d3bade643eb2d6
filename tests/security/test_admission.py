"""Who may call the control plane: by Host, Origin and token, on a live server and on every path of it."""

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

OPEN = {"/_mock/health", "/_mock/ca.pem", "/_mock/", "/_mock/static/<name>", "/_mock/docs", "/_mock/docs/<name>"}
STATE = {"salsa": {"segments": [{"name": "Theirs"}]}}


@pytest.mark.parametrize(
    ("host", "admitted"),
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
def test_a_name_that_only_leads_here_is_refused(host: str, admitted: bool) -> None:
    """A page whose own host was pointed at 127.0.0.1 is shut out, however much its name looks like this machine's."""
    environ = {**create_environ("/_mock/state"), "HTTP_HOST": host}
    _, status, _ = run_wsgi_app(create_app(), environ)

    assert ("200 OK" if admitted else "403 FORBIDDEN") == status


@pytest.mark.parametrize(
    ("origin", "admitted"),
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
def test_a_page_of_another_origin_changes_nothing(origin: str | None, admitted: bool, token: str | None) -> None:
    """Another site's form or script is refused even where it may call the host, and even with the token."""
    client = create_app(admin_token=token).test_client()
    headers = {"Host": "localhost:7357", "Authorization": "Bearer t"} | ({} if origin is None else {"Origin": origin})
    reply = client.put("/_mock/state", json=STATE, headers=headers)

    assert (200 if admitted else 403) == reply.status_code
    state = client.get("/_mock/state", headers={"Host": "localhost:7357", "Authorization": "Bearer t"}).json
    assert ([{"name": "Theirs"}] if admitted else []) == [{"name": row["name"]} for row in state["salsa"]["segments"]]


def test_no_page_gets_cors_headers() -> None:
    """No reply of either vendor or the control plane lets a browser read it or send a key from another site."""
    client = create_app().test_client()
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Headers": "authtoken"}
    for path in ("/segments", "/api/integration/ext/v1/segments", "/_mock/state", "/_mock/health"):
        for method in ("OPTIONS", "GET", "POST"):
            reply = client.open(path, method=method, headers=headers)

            assert [] == [name for name in [*reply.headers.keys()] if name.lower().startswith("access-control")]


def test_every_view_asks_for_the_token() -> None:
    """Whatever is added under /_mock is guarded too; health, the CA and the pages' files are open, and tell nothing."""
    app = create_app(admin_token="s3cret")
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/_mock")]
    client = app.test_client()
    seen = {
        (rule.rule, client.open(rule.build(dict.fromkeys(rule.arguments, "1"))[1], method=method).status_code)
        for rule in rules
        for method in rule.methods or ()
        if method != "OPTIONS"
    }

    assert len(rules) > 20
    assert OPEN == {path for path, status in seen if status != 401}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "127.evil.example", "192.0.2.1"])
def test_off_this_machine_nothing_starts_without_a_token(host: str) -> None:
    """The host is refused before anything is bound, with what to do."""
    with SegmentMock() as mock, pytest.raises(SettingError, match=r"refusing to listen on .* without --admin-token"):
        mock.serve(host)


def test_other_machines_need_the_token() -> None:
    with SegmentMock(admin_token="t") as mock:
        url = f"http://127.0.0.1:{mock.serve('0.0.0.0').port}/_mock/state"
        keys = ({}, {"Authorization": "Bearer t"})
        seen = [requests.get(url, headers={"Host": "mock.ci", **key}, timeout=5).status_code for key in keys]

    assert [401, 200] == seen


@pytest.mark.parametrize("command", [["serve"], ["exec"]])
def test_no_command_starts_without_a_token_either(command: list[str]) -> None:
    """``serve`` and ``exec`` exit with 2 and say what to do; a busy port is 3 for both."""
    rest = ["--", "true"] if command == ["exec"] else []
    with socket.create_server(("127.0.0.1", 0)) as other_server:
        port = str(other_server.getsockname()[1])
        refused = CliRunner().invoke(main, [*command, "--host", "0.0.0.0", "--port", "0", *rest])
        busy = CliRunner().invoke(main, [*command, "--port", port, *rest])

    assert (2, 3) == (refused.exit_code, busy.exit_code)
    assert "refusing to listen on 0.0.0.0 without --admin-token; listen on 127.0.0.1 or set a token" in refused.stderr


@pytest.mark.parametrize("token", ["t0ken", "t0keX", "", "t0ken-and-more", "\xff"])
def test_credentials_are_compared_in_constant_time(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each listed credential and the admin token are compared whole, whether an earlier one fits or none does."""
    compared: list[Any] = []

    def noted(one: Any, other: Any) -> bool:
        compared.append(other)
        return one == other

    settings: dict[str, Any] = {"credentials": "listed", "salsa_token": ["t0ken", "other"], "admin_token": "t0ken"}
    client = create_app(**settings).test_client()
    monkeypatch.setattr(hmac, "compare_digest", noted)
    vendor = client.get("/api/integration/ext/v1/metrics", headers={"authToken": token})
    control = client.get("/_mock/state", headers={"Authorization": f"Bearer {token}"})

    fits = token == "t0ken"
    assert [200 if fits else 401] * 2 == [vendor.status_code, control.status_code]
    assert ([b"t0ken", b"other"] if token else []) + [b"t0ken"] == compared


@pytest.mark.parametrize("token", ["t", "a b", "p\u00e4ss", "\u65e5\u672c", "~+/=", "x" * 1000])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_any_token_works_in_any_case_of_bearer(token: str, scheme: str) -> None:
    """Live and by WSGI, however the client encodes it; and no other token does."""
    encodings = ["utf-8", *(["latin-1"] if token.isascii() or max(token) < "\u0100" else [])]
    with SegmentMock(admin_token=token) as mock, requests.Session() as session:
        url = mock.serve().url + "/_mock/state"
        for encoding in encodings:
            key = f"{scheme} {token}".encode(encoding)
            assert 200 == session.get(url, headers={"Authorization": key}).status_code
            by_wsgi = (
                create_app(mock._emulator)
                .test_client()
                .get("/_mock/state", headers={"Authorization": key.decode("latin-1")})
            )
            assert 200 == by_wsgi.status_code
        for wrong in (token + "x", "", "?", "?" * len(token), token.encode().decode("latin-1") + "?"):
            assert 401 == session.get(url, headers={"Authorization": f"{scheme} {wrong}".encode()}).status_code
