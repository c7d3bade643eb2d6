"""The ``segment-mock`` command, run as a shell or a CI script runs it."""

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
from tests.waiting import PATIENCE

SEARCH = "/api/integration/ext/v1/segments/search"
ALL = {"payload": {"offset": 0, "count": 20}}
Start = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts ``serve`` on a free port and waits until it prints that it listens.

    The function takes further arguments of the command. It returns the process and the content of the ready file.
    """
    running: list[subprocess.Popen[str]] = []

    def start_server(*args: str, env: dict[str, str] | None = None) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        ready = tmp_path / f"ready-{len(running)}.json"
        command = [sys.executable, "-m", "segment_mock", "serve", "--port", "0", "--ready-file", str(ready), *args]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        running.append(process)
        assert process.stderr
        for line in process.stderr:
            if line.startswith(("Ctrl-C", "{")):
                break
        return process, json.loads(ready.read_text())

    yield start_server
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def live() -> Iterator[tuple[SegmentMock, str]]:
    """A mock with one group and a running server, and the server's URL."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as mock:
        yield mock, mock.serve().url


def run(*args: str, env: dict[str, str] | None = None, stdin: str = "") -> Any:
    """Run the command in this process and return Click's result."""
    return CliRunner().invoke(main, args, env=env, input=stdin)


def test_serve_answers_until_sigterm_ends_it(start: Start) -> None:
    """It serves the demo data, passes the health check, exits with 0, and removes its ready file."""
    process, ready = start("--data", "demo")
    response = requests.post(ready["url"] + SEARCH, json=ALL, headers={"authToken": "t"}, timeout=PATIENCE)
    health = run("health", "--url", ready["url"])
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)

    assert (process.pid, 25) == (ready["pid"], response.json()["payload"]["total"])
    assert (0, {"status": "ok"}) == (health.exit_code, json.loads(health.stdout))
    assert (0, "") == (process.returncode, out)
    assert f"200 POST {SEARCH} salsa.search_segments" in err
    assert not Path(process.args[7]).exists()


def test_two_interrupts_end_the_server_with_exit_code_0(start: Start) -> None:
    process, _ = start()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)

    assert 0 == process.wait(timeout=PATIENCE)


def test_json_log_has_one_object_per_call_without_credentials(start: Start) -> None:
    process, ready = start("--log-format", "json")
    requests.post(
        ready["url"] + SEARCH + "?authToken=secret", json=ALL, headers={"authToken": "secret"}, timeout=PATIENCE
    )
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)

    problem = json.loads(err.splitlines()[-1])

    assert ("salsa.search_segments", 200, SEARCH + "?authToken=[redacted]") == (
        problem["operation"], problem["status"], problem["path"],
    )  # fmt: skip
    assert "secret" not in err


def test_a_flag_overrides_the_environment_which_overrides_the_file(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("salsa-non-crm: result\nseed: 1\nlimits: vendor")
    _, ready = start("--seed", "3", "--config", str(file), env={"SEGMENT_MOCK_LIMITS": "off", "SEGMENT_MOCK_SEED": "2"})
    settings = requests.get(ready["url"] + "/_mock/vendors", timeout=PATIENCE).json()["settings"]

    assert (3, "off", "result") == (settings["seed"], settings["limits"], settings["salsa_non_crm"])


def test_a_port_in_use_exits_with_3_and_names_the_address() -> None:
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
        (["--host", "0.0.0.0"], "refusing to listen on 0.0.0.0 without an admin_token (--admin-token)"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: "),
        (["--sede", "1"], "--sede"),
    ],
)
def test_an_invalid_option_exits_with_2_and_names_option_and_value(args: list[str], message: str) -> None:
    result = run("serve", *args)

    assert 2 == result.exit_code
    assert message in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("salsa: {segments: [{nmae: A}]}", "salsa.segments[0].nmae: unknown member (did you mean 'name'?)"),
        ("salsa: {segments: [{name: A, externalSystemId: 5}]}", "externalSystemId: 5 is not text"),
        ("salsaa: {}", "salsaa: unknown vendor (did you mean 'salsa'?)"),
        (
            "salsa: {members: [{segment: A, supporters: []}]}",
            "salsa.members[0].segment: no segment of this data has the id, external id or name 'A'",
        ),
        (
            "salsa: {segments: [{name: Volunteers}], members: [{segment: Volunters, supporters: []}]}",
            "salsa.members[0].segment: no segment of this data has the id, external id or name 'Volunters' "
            "(did you mean 'Volunteers'?)",
        ),
        ("salsa: [", "data.yaml: "),
    ],
)
def test_an_invalid_data_file_exits_with_2_and_names_row_field_and_value(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "data.yaml"
    file.write_text(text)
    result = run("serve", "--data", str(file))

    assert 2 == result.exit_code
    assert message in result.stderr


def test_health_needs_no_ca_file_for_a_tls_server_but_state_does(start: Start) -> None:
    """A container's health check has no CA file; ``state`` transfers records, so it verifies the certificate."""
    _, ready = start("--tls", "--data", "demo")
    variables = {"SEGMENT_MOCK_TLS": "true", "SEGMENT_MOCK_PORT": str(ready["port"])}
    codes = [run(*words, env=variables).exit_code for words in (["health"], ["state", "export"])]
    export = run("state", "export", "--url", ready["url"], "--ca-file", ready["ca_file"])

    assert [0, 1] == codes
    assert "salsa" in json.loads(export.stdout)


def test_a_misspelt_command_exits_with_2_and_suggests_the_nearest_name() -> None:
    result = run("srve")

    assert 2 == result.exit_code
    assert "No such command 'srve' (did you mean 'serve'?)." in result.stderr


def test_health_without_a_server_exits_with_1_and_names_the_address() -> None:
    result = run("health", env={"SEGMENT_MOCK_PORT": "1"})

    assert 1 == result.exit_code
    assert "http://127.0.0.1:1: no segment-mock answers" in result.stderr


def test_exported_state_can_be_imported_and_reset(live: tuple[SegmentMock, str], tmp_path: Path) -> None:
    """``state import`` reads a file or standard input; ``state reset`` restores the initial records."""
    mock, url = live
    exported = run("state", "export", "--url", url).stdout
    file = tmp_path / "state.json"
    file.write_text(exported)
    mock.salsa.add_segment("B")
    file_import = run("state", "import", str(file), "--url", url)
    stdin_import = run("state", "import", "-", "--url", url, stdin='{"salsa": {"segments": [{"name": "C"}]}}')
    names = [segment["name"] for segment in mock.salsa.segments]
    reset = run("state", "reset", "--url", url)

    assert [0, 0, 0] == [file_import.exit_code, stdin_import.exit_code, reset.exit_code]
    assert ["C"] == names
    assert json.loads(exported) == mock.state()


def test_invalid_state_is_refused_and_changes_nothing(live: tuple[SegmentMock, str]) -> None:
    mock, url = live
    before = mock.state()
    broken = run("state", "import", "-", "--url", url, stdin="{")
    unknown = run("state", "import", "-", "--url", url, stdin='{"salsa": {"segments": [{"nam": 1}]}}')

    assert (2, 1) == (broken.exit_code, unknown.exit_code)
    assert "salsa.segments[0].nam: unknown member" in unknown.stderr
    assert before == mock.state()


def test_vendors_prints_every_operation_with_its_source() -> None:
    """``--errors`` prints the source of each error. Each operation has its own page with source, method and path."""
    errors, document = run("vendors", "--errors").stdout, json.loads(run("vendors", "--json").stdout)

    for vendor in document["vendors"]:
        assert [] == [row for row in vendor["refusals"] if row["source"] not in errors]
        for row in vendor["operations"]:
            text = run("vendors", row["name"]).stdout
            assert row["source"] in text
            assert f"  {row['method']} {row['path']}\n" in text


def test_python_m_segment_mock_prints_the_same_version() -> None:
    command = [sys.executable, "-m", "segment_mock", "--version"]

    assert run("--version").stdout == subprocess.run(command, capture_output=True, text=True, check=True).stdout
