"""``serve`` from start to exit: signals, the banner, the ready file and TLS; and ``env`` for a server with TLS."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import click
import pytest
from click.testing import CliRunner

from segment_mock import SegmentMock
from segment_mock.cli import main
from segment_mock.cli.serve import ReadyFile
from tests.waiting import PATIENCE

SERVER: Any = SimpleNamespace(url="http://127.0.0.1:1", port=1, ca_file=None)


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """A list of processes, empty at first; processes that a test appends are killed after the test."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def serve(*args: str, **options: Any) -> subprocess.Popen[str]:
    """Start a process of ``serve`` on a free port; *options* are those of `subprocess.Popen`."""
    command = [sys.executable, "-m", "segment_mock", "serve", "--port", "0", *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def read_banner(process: subprocess.Popen[str]) -> list[str]:
    """Return the lines of the banner, which ``serve`` prints once it listens."""
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return lines


@pytest.fixture(scope="module")
def large_data() -> str:
    """The JSON of a data file with 300,000 groups, which takes seconds to load."""
    groups = [{"name": f"group {number}", "description": "d" * 50} for number in range(300_000)]
    return json.dumps({"salsa": {"segments": groups}})


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_while_data_is_loaded_ends_the_server_with_exit_code_0(
    processes: list[subprocess.Popen[str]], large_data: str, tmp_path: Path, signal_number: int, times: int
) -> None:
    """A second signal changes nothing. The ready file of an earlier run is removed."""
    ready, pipe = tmp_path / "ready.json", tmp_path / "data.json"
    ready.write_text("old")
    os.mkfifo(pipe)
    process = serve("--data", str(pipe), "--ready-file", str(ready))
    processes.append(process)
    has_sent = threading.Event()

    def send() -> None:
        pipe.write_text(large_data)  # returns once the server has read all but the last bytes
        has_sent.set()

    threading.Thread(target=send, daemon=True).start()
    assert has_sent.wait(PATIENCE)
    for _ in range(times):
        process.send_signal(signal_number)
    out, err = process.communicate(timeout=PATIENCE)

    assert (0, "", "") == (process.returncode, out, err)
    assert not ready.exists()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_one_or_more_signals_end_a_server_with_exit_code_0(
    processes: list[subprocess.Popen[str]], tmp_path: Path, times: int
) -> None:
    ready = tmp_path / "ready.json"
    process = serve("--ready-file", str(ready))
    processes.append(process)
    read_banner(process)
    assert ready.exists()
    for _ in range(times):
        process.send_signal(signal.SIGTERM)

    assert (0, "") == (process.wait(PATIENCE), process.communicate()[0])
    assert not ready.exists()


def test_the_banner_has_the_url_of_the_web_page(processes: list[subprocess.Popen[str]]) -> None:
    process = serve()
    processes.append(process)
    banner = read_banner(process)
    (address,) = [line.split()[1] for line in banner if line.startswith("  Page ")]

    with urlopen(address) as response:
        assert response.headers.get_content_type() == "text/html"


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_the_curl_command_in_the_banner_of_a_tls_server_works(processes: list[subprocess.Popen[str]]) -> None:
    process = serve("--tls", "--data", "demo")
    processes.append(process)
    banner = "".join(read_banner(process))
    command = banner[banner.index("curl ") : banner.index("Ctrl-C")]
    response = json.loads(subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout)
    (ca_file,) = [line.split()[1] for line in banner.splitlines() if line.startswith("  CA ")]

    assert 25 == response["payload"]["total"]
    assert Path(ca_file).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert f"--cacert {ca_file} " in command


def test_the_startup_message_of_a_json_log_is_one_object(processes: list[subprocess.Popen[str]]) -> None:
    """The object has the URL and the file of the CA certificate. ``serve`` writes no other line."""
    process = serve("--log-format", "json", "--tls")
    processes.append(process)
    assert process.stderr
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=PATIENCE)[1]
    ready = json.loads(first)

    assert "" == rest
    assert ready["url"] in ready["message"]
    assert ready["ca_file"].endswith(".pem")


# The ready file.


def test_ready_file_is_complete_readable_by_all_users_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    file = ReadyFile(str(path))
    file.write(SERVER)

    assert {"url": SERVER.url, "pid": os.getpid(), "port": 1} == json.loads(path.read_text())
    assert 0o644 == stat.S_IMODE(path.stat().st_mode)
    assert ["ready.json"] == [entry.name for entry in tmp_path.iterdir()]
    file.remove()
    assert [] == [*tmp_path.iterdir()]
    file.remove()


def test_stale_ready_file_is_removed_at_start(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text("stale")
    ReadyFile(str(path))

    assert not path.exists()


@pytest.mark.parametrize("target", ["victim", "missing"])
def test_ready_file_follows_no_symbolic_link(tmp_path: Path, target: str) -> None:
    """A link is removed at the start. If another process puts a link there later, writing fails."""
    victim, path = tmp_path / "victim", tmp_path / "ready.json"
    victim.write_text("precious")
    path.symlink_to(tmp_path / target)
    file = ReadyFile(str(path))
    assert not path.is_symlink()
    path.symlink_to(tmp_path / target)
    with pytest.raises(click.UsageError, match="another process has written it meanwhile"):
        file.write(SERVER)
    file.remove()

    assert path.is_symlink()
    assert "precious" == victim.read_text()
    assert {"victim", "ready.json"} == {entry.name for entry in tmp_path.iterdir()}


@pytest.mark.parametrize("same_content", [False, True])
def test_ready_file_of_another_server_stays(tmp_path: Path, same_content: bool) -> None:
    """A file that replaced the ready file is not removed, even if it has the same content."""
    path, other = tmp_path / "ready.json", tmp_path / "other"
    file = ReadyFile(str(path))
    file.write(SERVER)
    other.write_bytes(path.read_bytes() if same_content else b"theirs")
    other.replace(path)
    file.remove()

    assert path.exists()


def test_ready_file_that_another_process_changed_stays(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    file = ReadyFile(str(path))
    file.write(SERVER)
    path.write_text("content of another process")
    file.remove()

    assert path.exists()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing/ready.json", "is not a directory"),
        ("file/ready.json", "is not a directory"),
        ("folder", "it exists and is not a regular file"),
        ("pipe", "it exists and is not a regular file"),
        ("x" * 300, "File name too long"),
    ],
)
def test_an_unusable_ready_file_exits_with_2_and_names_the_reason(tmp_path: Path, path: str, reason: str) -> None:
    """The error is reported before any data is loaded, and no file is removed."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--ready-file", str(tmp_path / path)])

    assert 2 == result.exit_code
    assert f"ready_file: {str(tmp_path / path)!r} can't be used: " in result.stderr
    assert reason in result.stderr.splitlines()[-1]
    assert {"file", "folder", "pipe"} == {entry.name for entry in tmp_path.iterdir()}


def test_ready_file_with_a_null_byte_is_a_usage_error() -> None:
    with pytest.raises(click.UsageError, match="can't be used: "):
        ReadyFile("a\0b")


# ``env`` for a server with TLS.


def test_env_of_a_tls_server_needs_its_ca_file(tmp_path: Path) -> None:
    """A flag or a variable names the file; the output sets no proxy. Without the file, the error names the flag."""
    with SegmentMock(data="demo") as mock:
        server = mock.serve(tls=True)
        environment = {"XDG_CACHE_HOME": str(tmp_path)}
        with_flag = CliRunner().invoke(main, ["env", "--url", server.url, "--ca-file", server.ca_file], env=environment)
        environment["SEGMENT_MOCK_CA_FILE"] = str(server.ca_file)
        with_variable = CliRunner().invoke(main, ["env", "--url", server.url], env=environment)
        without = CliRunner().invoke(main, ["env", "--url", server.url], env={"XDG_CACHE_HOME": str(tmp_path)})
        code = "import os, requests; print(requests.get(os.environ['SALSA_BASE_URL'] + '/_mock/health').status_code)"
        script = f'eval "$EXPORTS"; "{sys.executable}" -c "$CODE"'
        variables = {"EXPORTS": with_flag.stdout, "CODE": code, "PATH": "/usr/bin:/bin"}
        result = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, text=True, check=False)

    assert (0, 0, 1) == (with_flag.exit_code, with_variable.exit_code, without.exit_code)
    assert with_flag.stdout == with_variable.stdout
    assert "PROXY" not in with_flag.stdout.replace("NO_PROXY", "").upper()
    assert "200\n" == result.stdout
    assert "--ca-file" in without.stderr
