"""The command, as a shell and a CI script use it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from segment_mock import SegmentMock
from segment_mock.cli import main

SEARCH = "/api/integration/ext/v1/segments/search"
ALL = {"payload": {"offset": 0, "count": 20}}
Start = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start ``serve`` on a free port and wait, by its own first lines, until it answers."""
    running: list[subprocess.Popen[str]] = []

    def started(*args: str, env: dict[str, str] | None = None) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        ready = tmp_path / f"ready-{len(running)}.json"
        command = [sys.executable, "-m", "segment_mock", "serve", "--port", "0", "--ready-file", str(ready), *args]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        running.append(process)
        assert process.stderr
        for line in process.stderr:
            if line.startswith(("Ctrl-C", "{")):
                break
        return process, json.loads(ready.read_text())

    yield started
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def live() -> Iterator[tuple[SegmentMock, str]]:
    """A live mock with one group, and its address."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock, mock.serve().url


def run(*args: str, env: dict[str, str] | None = None, stdin: str = "") -> Any:
    return CliRunner().invoke(main, args, env=env, input=stdin)


def test_serve_answers_until_a_signal_ends_it(start: Start) -> None:
    """Demo data, both vendors, health by the command; SIGTERM ends it with 0 and takes the ready file along."""
    process, ready = start("--data", "demo")
    reply = requests.post(ready["url"] + SEARCH, json=ALL, headers={"authToken": "t"}, timeout=5)
    health = run("health", "--url", ready["url"])
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=5)

    assert (process.pid, 25) == (ready["pid"], reply.json()["payload"]["total"])
    assert (0, {"status": "ok"}) == (health.exit_code, json.loads(health.stdout))
    assert (0, "") == (process.returncode, out)
    assert f"200 POST {SEARCH} salsa.search_segments" in err
    assert not Path(process.args[7]).exists()


def test_two_interrupts_are_harmless(start: Start) -> None:
    """Ctrl-C pressed twice ends the server as cleanly as once."""
    process, _ = start()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)

    assert 0 == process.wait(timeout=5)


def test_json_log(start: Start) -> None:
    """--log-format json writes a call a line, with no credential in it."""
    process, ready = start("--log-format", "json")
    requests.post(ready["url"] + SEARCH + "?authToken=secret", json=ALL, headers={"authToken": "secret"}, timeout=5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)

    problem = json.loads(err.splitlines()[-1])

    assert ("salsa.search_segments", 200, SEARCH + "?authToken=[redacted]") == (
        problem["operation"], problem["status"], problem["path"],
    )  # fmt: skip
    assert "secret" not in err


def test_environment_and_file_set_what_no_flag_does(start: Start, tmp_path: Path) -> None:
    """A flag wins over the environment, which wins over the file."""
    file = tmp_path / "settings.yaml"
    file.write_text("salsa-non-crm: result\nseed: 1\nlimits: vendor")
    _, ready = start("--seed", "3", "--config", str(file), env={"SEGMENT_MOCK_LIMITS": "off", "SEGMENT_MOCK_SEED": "2"})
    settings = requests.get(ready["url"] + "/_mock/vendors", timeout=5).json()["settings"]

    assert (3, "off", "result") == (settings["seed"], settings["limits"], settings["salsa_non_crm"])


def test_busy_port_is_an_error_at_once() -> None:
    """A port in use exits with 3 and names the address; it never hangs."""
    with socket.create_server(("127.0.0.1", 0)) as other_server:
        port = other_server.getsockname()[1]
        result = run("serve", "--port", str(port))

    assert 3 == result.exit_code
    assert f"127.0.0.1:{port}" in result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--seed", "x"], "seed: 'x' is not a whole number (--seed)"),
        (["--salsa-non-crm", "405"], "salsa_non_crm: '405' is not one of http-405, result (did you mean 'http-405'?)"),
        (["--port", "70000"], "port: expected at most 65535, got 70000"),
        (["--data", "nowhere.yaml"], "nowhere.yaml: "),
        (["--host", "0.0.0.0"], "refusing to listen on 0.0.0.0 without --admin-token"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: "),
        (["--sede", "1"], "--sede"),
    ],
)
def test_what_cannot_be_used_refuses_to_start(args: list[str], message: str) -> None:
    """A bad flag, file or address exits with 2 and names the field, the value and the way out."""
    result = run("serve", *args)

    assert 2 == result.exit_code
    assert message in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("salsa: {segments: [{nmae: A}]}", "data.salsa.segments[0].nmae: unknown member (did you mean 'name'?)"),
        ("salsa: {segments: [{name: A, externalSystemId: 5}]}", "externalSystemId: 5 is not text"),
        ("salsaa: {}", "data.salsaa: unknown vendor (did you mean 'salsa'?)"),
        (
            "salsa: {members: [{segment: A, supporters: []}]}",
            "data.salsa.members[0].segment: no segment of this data has the id, external id or name 'A'",
        ),
        ("salsa: [", "data.yaml: "),
    ],
)
def test_a_bad_data_file_names_row_field_and_value(tmp_path: Path, text: str, message: str) -> None:
    """A data file that can't be used stops the start with 2 and the place of the mistake."""
    file = tmp_path / "data.yaml"
    file.write_text(text)
    result = run("serve", "--data", str(file))

    assert 2 == result.exit_code
    assert message in result.stderr


def test_a_tls_server_is_looked_after(start: Start) -> None:
    """health asks it with no CA at hand, as a container's health check must; state wants to know whom it talks to."""
    _, ready = start("--tls", "--data", "demo")
    variables = {"SEGMENT_MOCK_TLS": "true", "SEGMENT_MOCK_PORT": str(ready["port"])}
    codes = [run(*words, env=variables).exit_code for words in (["health"], ["state", "export"])]
    export = run("state", "export", "--url", ready["url"], "--ca-file", ready["ca_file"])

    assert [0, 1] == codes
    assert "salsa" in json.loads(export.stdout)


def test_a_misspelt_command_names_the_nearest() -> None:
    """Exit code 2, and the command that was probably meant."""
    result = run("srve")

    assert 2 == result.exit_code
    assert "No such command 'srve' (did you mean 'serve'?)." in result.stderr


def test_health_without_a_server_fails() -> None:
    """Without a server, health exits with 1 and names the address that the settings give."""
    result = run("health", env={"SEGMENT_MOCK_PORT": "1"})

    assert 1 == result.exit_code
    assert "http://127.0.0.1:1: no segment-mock answers" in result.stderr


def test_state_travels_by_command(live: tuple[SegmentMock, str], tmp_path: Path) -> None:
    """export prints what import takes back, from a file or standard input; reset returns to the start."""
    mock, url = live
    exported = run("state", "export", "--url", url).stdout
    file = tmp_path / "state.json"
    file.write_text(exported)
    mock.salsa.add_segment("B")
    imported = run("state", "import", str(file), "--url", url)
    piped = run("state", "import", "-", "--url", url, stdin='{"salsa": {"segments": [{"name": "C"}]}}')
    names = [segment["name"] for segment in mock.salsa.segments]
    reset = run("state", "reset", "--url", url)

    assert [0, 0, 0] == [imported.exit_code, piped.exit_code, reset.exit_code]
    assert ["C"] == names
    assert json.loads(exported) == mock.state()


def test_state_import_of_nonsense(live: tuple[SegmentMock, str]) -> None:
    mock, url = live
    before = mock.state()
    broken = run("state", "import", "-", "--url", url, stdin="{")
    unknown = run("state", "import", "-", "--url", url, stdin='{"salsa": {"segments": [{"nam": 1}]}}')

    assert (2, 1) == (broken.exit_code, unknown.exit_code)
    assert "data.salsa.segments[0].nam: unknown member" in unknown.stderr
    assert before == mock.state()


def test_vendors_prints_every_operation_with_its_source() -> None:
    """As text and as JSON, each operation and refusal comes with where it is known from."""
    errors, document = run("vendors", "--errors").stdout, json.loads(run("vendors", "--json").stdout)

    for vendor in document["vendors"]:
        assert [] == [row for row in vendor["refusals"] if row["source"] not in errors]
        for row in vendor["operations"]:
            text = run("vendors", row["name"]).stdout
            assert row["source"] in text
            assert f"  {row['method']} {row['path']}\n" in text


def test_version_and_module() -> None:
    """``python -m segment_mock`` is the same command."""
    command = [sys.executable, "-m", "segment_mock", "--version"]

    assert run("--version").stdout == subprocess.run(command, capture_output=True, text=True, check=True).stdout
