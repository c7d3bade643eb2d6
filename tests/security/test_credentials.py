"""Credentials: every interface accepts text that a header can carry, and refuses text that a header can't carry."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

import segment_mock
from segment_mock import SegmentMock, SettingError, create_app
from segment_mock.cli import main
from tests.conform.test_conform_command import run as run_conform

TOKENS = ["pässword", "日本語-token", "🔑👩‍💻", "a b", "~+/=:;,\"'"]
UNUSABLE = {
    "": "it is empty",
    "a\nb": "it has a line break",
    "a\r\nX-Evil: 1": "it has a line break",
    "a\0b": "control character",
    "a\x7f": "control character",
    "a\u2028b": "it has a line break",
    " a": "begins or ends with a blank",
    "a\t": "control character",
}
METRICS = "/api/integration/ext/v1/metrics"


def _by_keyword(token: Any, folder: Path) -> str:
    """Return the error of a mock with this admin token."""
    with pytest.raises(SettingError) as error:
        SegmentMock(admin_token=token)
    return str(error.value)


def _by_app(token: Any, folder: Path) -> str:
    """Return the error of a WSGI application with this admin token."""
    with pytest.raises(SettingError) as error:
        create_app(admin_token=token)
    return str(error.value)


def _by_client(token: Any, folder: Path) -> str:
    """Return the error of `connect` with this admin token."""
    with pytest.raises(SettingError) as error:
        segment_mock.connect("http://127.0.0.1:9", admin_token=token)
    return str(error.value)


def _command(*args: str, env: Mapping[str, str] | None = None) -> str:
    """Run a command that has to exit with 2, and return its output on stderr."""
    result = CliRunner().invoke(main, args, env=env)
    assert 2 == result.exit_code, result.output
    return result.stderr


def _by_flag(token: str, folder: Path) -> str:
    return _command("serve", "--port", "0", "--admin-token", token)


def _by_flag_of_exec(token: str, folder: Path) -> str:
    return _command("exec", "--admin-token", token, "--", "true")


def _by_flag_of_a_client(token: str, folder: Path) -> str:
    return _command("journal", "--url", "http://127.0.0.1:9", "--admin-token", token)


def _by_file(token: str, folder: Path) -> str:
    import yaml

    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump({"admin-token": token}))
    error = _command("serve", "--port", "0", "--config", str(file))
    assert str(file) in error
    return error


def _by_variable(token: str, folder: Path) -> str:
    return _command("serve", "--port", "0", env={"SEGMENT_MOCK_ADMIN_TOKEN": token})


def _by_variable_of_exec(token: str, folder: Path) -> str:
    return _command("exec", "--", "true", env={"SEGMENT_MOCK_ADMIN_TOKEN": token})


INTERFACES: list[Callable[[Any, Path], str]] = [
    _by_keyword, _by_app, _by_client, _by_flag, _by_flag_of_exec, _by_flag_of_a_client, _by_file, _by_variable,
    _by_variable_of_exec,
]  # fmt: skip


# An environment variable can't contain a NUL.
@pytest.mark.parametrize(
    ("start", "token"),
    [
        (start, token)
        for start in INTERFACES
        for token in UNUSABLE
        if not ("\0" in token and "variable" in start.__name__)
    ],
)
def test_an_admin_token_that_no_header_can_carry_is_refused_at_start(
    start: Callable[[Any, Path], str], token: str, tmp_path: Path
) -> None:
    """The error names the setting and the reason, but not the token."""
    error = start(token, tmp_path)

    assert "admin_token: " in error
    assert UNUSABLE[token] in error
    assert "Evil" not in error


@pytest.mark.parametrize("token", [True, 1.5, ["a"], {"a": 1}, b"a", object()])
def test_an_admin_token_that_is_not_a_string_is_refused_at_start(token: Any, tmp_path: Path) -> None:
    assert "admin_token: expected text, not " in _by_keyword(token, tmp_path)


@pytest.mark.parametrize("setting", ["salsa_token", "segmenter_key"])
def test_a_listed_credential_that_no_header_can_carry_is_refused_at_start(setting: str) -> None:
    for token, reason in UNUSABLE.items():
        with pytest.raises(SettingError, match=f"{setting}: .*{reason}"):
            SegmentMock(credentials="listed", **{setting: ["good", token]})


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_every_client_of_the_control_plane_can_send_any_token(token: str, scheme: str) -> None:
    """The clients are `connect`, a command, and requests with the scheme ``Bearer`` in any case."""
    with SegmentMock(admin_token=token) as mock:
        url = mock.serve().url
        with segment_mock.connect(url, admin_token=token) as remote:
            assert 0 == len(remote.journal)
            assert "begin" == next(remote._client.events())[0]
        command = CliRunner().invoke(main, ["clock", "--url", url, "--admin-token", token])
        plain = requests.get(f"{url}/_mock/state", headers={"Authorization": f"{scheme} {token}".encode()}, timeout=5)

    assert (0, 200) == (command.exit_code, plain.status_code), command.output


@pytest.mark.parametrize("token", TOKENS)
def test_conform_can_send_any_token(token: str) -> None:
    settings: dict[str, Any] = {"credentials": "listed", "salsa_token": [token], "admin_token": token}
    with SegmentMock(**settings) as mock:
        names = ("--admin-token", token, "--salsa-token", token)
        result = run_conform(mock.serve().url, "--only", "salsa/recorded-metrics", *names)

    assert 0 == result.exit_code, result.output


@pytest.mark.parametrize(
    ("token", "header_bytes"),
    [*((token, token.encode()) for token in TOKENS), (TOKENS[0], TOKENS[0].encode("latin-1"))],
)
def test_a_listed_credential_can_be_any_text(token: str, header_bytes: bytes) -> None:
    """This holds for a live server and in process, with a header in UTF-8 or Latin-1."""
    with SegmentMock(credentials="listed", salsa_token=[token]) as mock, mock.session() as session:
        live = requests.get(mock.serve().url + METRICS, headers={"authToken": header_bytes}, timeout=5)
        responses = [live, session.get(METRICS, headers={"authToken": header_bytes})]
        wrong = session.get(METRICS, headers={"authToken": header_bytes + b"x"})

    assert [200, 200, 401] == [*(response.status_code for response in responses), wrong.status_code]


def test_a_credential_in_two_encodings_is_one_organization() -> None:
    with SegmentMock(credentials="isolated") as mock, mock.session() as session:
        for encoding in ("utf-8", "latin-1"):
            group = {"payload": {"segments": [{"name": encoding}]}}
            session.put("/api/integration/ext/v1/segments", json=group, headers={"authToken": "é".encode(encoding)})
        state = session.get("/_mock/state?organization=%C3%A9").json()

    assert 2 == len(state["salsa"]["segments"])


@pytest.mark.slow  # starts a process
def test_a_server_starts_with_a_token_in_utf_8() -> None:
    """The token is in an environment variable, which the process decodes with the encoding of the locale."""
    environment = {**os.environ, "SEGMENT_MOCK_ADMIN_TOKEN": "schlüssel", "PYTHONUTF8": "1"}
    script = (
        "import os, urllib.request as r; t = os.environ['SEGMENT_MOCK_ADMIN_TOKEN'].encode().decode('latin-1');"
        "q = r.Request(os.environ['SEGMENT_MOCK_URL'] + '/_mock/state', headers={'Authorization': 'Bearer ' + t});"
        "print(r.urlopen(q).status)"
    )
    command = [sys.executable, "-m", "segment_mock", "exec", "--", sys.executable, "-c", script]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert "200\n" == result.stdout, result.stderr
