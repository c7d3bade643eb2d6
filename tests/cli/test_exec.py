"""``exec`` and ``env``: unchanged client programs in other processes call the mock."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from segment_mock import SegmentMock

pytestmark = pytest.mark.slow  # starts many processes

SCRIPT = """
import requests
response = requests.post(
    "https://api.salsalabs.org/api/integration/ext/v1/segments/search",
    json={"payload": {"offset": 0, "count": 1}}, headers={"authToken": "any"},
)
print(response.json()["payload"]["total"])
"""


def run(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``segment-mock`` with *args* in a process; *options* are those of `subprocess.run`."""
    command = [sys.executable, "-m", "segment_mock", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_a_script_with_a_hard_coded_host_calls_the_mock() -> None:
    result = run("exec", "--data", "demo", "--", sys.executable, "-c", SCRIPT)

    assert (0, "25\n") == (result.returncode, result.stdout)
    assert "    1  200       salsa.search_segments" in result.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_curl_with_a_hard_coded_host_calls_the_mock() -> None:
    url = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
    result = run("exec", "--", "curl", "-sS", url, "-H", "authToken: any")

    assert (0, True) == (result.returncode, '"rateLimit":300' in result.stdout)


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)])
def test_exec_exits_with_the_exit_code_of_its_command(script: str, code: int) -> None:
    """If a signal ended the command, the exit code is 128 plus the number of the signal."""
    assert code == run("exec", "--", "sh", "-c", script).returncode


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("no-such-command", 127, "No such file or directory"),
        ("./no-such-command", 127, "No such file or directory"),
        ("folder/no-such-command", 127, "No such file or directory"),
        ("./folder", 126, "Permission denied"),
        ("./notes.txt", 126, "Permission denied"),
        ("./notes.txt/x", 126, "Not a directory"),
        ("./no-format", 126, "Exec format error"),
        ("x" * 300, 126, "File name too long"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_exec_of_an_invalid_command_exits_like_a_shell(
    name: str, code: int, reason: str, form: str, tmp_path: Path
) -> None:
    """A shell exits with 127 if the command does not exist, and with 126 if it can't be run."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("no program")
    (tmp_path / "no-format").write_text("no program")
    (tmp_path / "no-format").chmod(0o755)
    result = run("exec", "--log-format", form, "--", name, cwd=tmp_path)
    message = f"{name}: {reason}"

    assert (code, "") == (result.returncode, result.stdout)
    assert result.stderr == (
        f"Error: {message}\n" if form == "text" else json.dumps({"level": "ERROR", "message": message}) + "\n"
    )


def test_exec_passes_sigterm_to_its_command() -> None:
    script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"
    command = [sys.executable, "-m", "segment_mock", "exec", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()

    assert 9 == process.returncode


def test_exec_passes_a_signal_on_that_does_not_interrupt_its_main_thread() -> None:
    """The system may give a signal to another thread, or while the main thread is about to wait for the command."""
    child = "import signal; print('ready', flush=True); signal.sigwait([signal.SIGTERM]); raise SystemExit(9)"
    program = (
        "import os, signal, sys, threading\n"
        "from segment_mock.cli.exec import run_command\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"  # it receives the signal
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        f"sys.exit(run_command((sys.executable, '-c', {child!r}), dict(os.environ)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()

    assert 9 == process.returncode


def test_the_proxy_refuses_other_hosts_with_403() -> None:
    script = SCRIPT.replace("api.salsalabs.org", "api.example.org")
    result = run("exec", "--", sys.executable, "-c", script)

    assert (1, True) == (result.returncode, "403 Forbidden" in result.stderr)


@pytest.mark.parametrize("proxy", [False, True])
def test_env_prints_exports_for_a_running_server(tmp_path: Path, proxy: bool) -> None:
    """A shell can evaluate the output. It has variables of a proxy only if the server runs one."""
    with SegmentMock(data="demo") as mock:
        server = mock.serve(proxy=proxy)
        output = run("env", "--url", server.url, env={"XDG_CACHE_HOME": str(tmp_path)}).stdout
        script = f'eval "$EXPORTS"; "{sys.executable}" -c "$SCRIPT"'
        env = {"EXPORTS": output, "SCRIPT": SCRIPT, "PATH": "/usr/bin:/bin"}
        result = (
            subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True, check=False)
            if proxy
            else None
        )

    assert f"export SALSA_BASE_URL={server.url}\n" in output
    assert proxy == ("export HTTPS_PROXY=" in output)
    assert result is None or result.stdout == "25\n"


def test_the_summary_counts_faults_and_failed_handshakes(tmp_path: Path) -> None:
    """It lists faults that fired, rules that never fired and why, and TLS handshakes that a client aborted."""
    faults = tmp_path / "faults.json"
    faults.write_text(
        '[{"kind": "error", "status": 503, "operation": "salsa.search_segments"},'
        ' {"kind": "hang", "operation": "segmenter.create_segment"}]'
    )
    script = """
import os, requests
post = lambda **options: requests.post(
    "https://api.salsalabs.org/api/integration/ext/v1/segments/search", json={}, headers={"authToken": "any"}, **options
)
print(post().status_code)
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
    del os.environ[name]
for _ in range(2):
    try:
        post()
    except requests.exceptions.SSLError:
        pass
"""
    result = run("exec", "--faults", str(faults), "--", sys.executable, "-c", script)

    assert "503\n" == result.stdout
    assert "segment-mock answered 1 call\n" in result.stderr
    assert "    1  fault     error on salsa.search_segments, rule 1\n" in result.stderr
    assert "    0  not fired hang on segmenter.create_segment, rule 2: " in result.stderr
    assert "    2  TLS error api.salsalabs.org: the handshake failed" in result.stderr


RETRYING = """
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

session = requests.Session()
session.mount("https://", HTTPAdapter(max_retries=Retry(total=2)))
segment = {"name": "n", "broadcastMediumId": "b", "segmentType": "t"}
try:
    session.post("https://eu.instaleap.io/segments", json=segment, headers={"x-api-key": "k"})
except Exception as error:
    print(type(error).__name__)
"""
HTTPX = """
import httpx
with httpx.Client() as client:
    url = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
    print(client.get(url, headers={"authToken": "t"}).status_code)
"""
ASYNC_HTTPX = """
import asyncio, httpx
async def get_metrics():
    async with httpx.AsyncClient() as client:
        url = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
        print((await client.get(url, headers={"authToken": "t"})).status_code)
asyncio.run(get_metrics())
"""
AIOHTTP = """
import asyncio, aiohttp
async def get_metrics():
    async with aiohttp.ClientSession() as session:
        url = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
        async with session.get(url, headers={"authToken": "t"}) as response:
            print(response.status)
asyncio.run(get_metrics())
"""
URLLIB = """
import urllib.request
url = "https://hq.uat.igniteaction.net/api/integration/ext/v1/metrics"
print(urllib.request.urlopen(urllib.request.Request(url, headers={"authToken": "t"})).status)
"""
PLAIN = """
import http.client
connection = http.client.HTTPConnection("api.salsalabs.org")
connection.request("GET", "/api/integration/ext/v1/metrics", headers={"authToken": "t"})
print(connection.getresponse().status)
"""


def test_the_proxy_does_not_retry_a_post_whose_response_is_lost(tmp_path: Path) -> None:
    """The client gets the same exception as without a proxy, and the server gets one call."""
    faults = tmp_path / "faults.json"
    faults.write_text(
        '[{"kind": "disconnect", "after": true, "operation": "segmenter.create_segment", "when": {"times": 1}}]'
    )
    result = run("exec", "--faults", str(faults), "--", sys.executable, "-c", RETRYING)

    assert "ConnectionError\n" == result.stdout
    assert "segment-mock answered 1 call\n" in result.stderr


@pytest.mark.parametrize("script", [HTTPX, ASYNC_HTTPX, AIOHTTP, URLLIB, PLAIN])
def test_python_programs_reach_the_server_directly(script: str) -> None:
    """The script first removes the proxy variables from its environment."""
    no_proxy = "import os\nfor name in [*os.environ]:\n    'PROXY' in name.upper() and os.environ.pop(name)\n"
    result = run("exec", "--", sys.executable, "-c", no_proxy + script)

    assert "200\n" == result.stdout, result.stderr


@pytest.mark.parametrize("options", [["-I"], ["-E"], ["-S"]])
def test_python_programs_that_ignore_sitecustomize_use_the_proxy(options: list[str]) -> None:
    assert "200\n" == run("exec", "--", sys.executable, *options, "-c", URLLIB).stdout


def test_programs_with_uvloop_use_the_proxy() -> None:
    pytest.importorskip("uvloop")
    script = f"import uvloop; uvloop.install(){ASYNC_HTTPX}"
    result = run("exec", "--", sys.executable, "-W", "ignore", "-c", script)

    assert "200\n" == result.stdout, result.stderr


def test_sitecustomize_of_the_user_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('theirs')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = run("exec", "--", sys.executable, "-c", URLLIB, env=environment)

    assert "theirs\n200\n" == result.stdout.replace("theirs\ntheirs", "theirs")


def test_calls_to_a_host_of_the_hosts_option_reach_the_mock(tmp_path: Path) -> None:
    script = URLLIB.replace("hq.uat.igniteaction.net", "salsa.test.example")
    result = run("exec", "--hosts", "salsa.test.example", "--", sys.executable, "-c", script)

    assert "200\n" == result.stdout, result.stderr


def test_help_of_exec_shows_its_own_defaults() -> None:
    """``exec`` takes a free port and runs a proxy by default, and has no ``--tls``."""
    help_texts = [" ".join(run(command, "--help").stdout.split()) for command in ("exec", "serve")]

    assert [True, False] == ["[SEGMENT_MOCK_PORT, default 0]" in text for text in help_texts]
    assert [False, True] == ["[SEGMENT_MOCK_PORT, default 7357]" in text for text in help_texts]
    assert [True, False] == ["[SEGMENT_MOCK_PROXY, default True]" in text for text in help_texts]
    assert [False, True] == ["--tls" in text for text in help_texts]


def test_the_ready_file_of_exec_has_the_url_of_its_server(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    script = "import json, os, pathlib; print(json.loads(pathlib.Path('ready.json').read_text())['url'])"
    result = run("exec", "--ready-file", str(file), "--", sys.executable, "-c", script, cwd=tmp_path)

    assert result.stdout.startswith("http://127.0.0.1:"), result.stderr
    assert not file.exists()


def test_the_summary_is_one_object_in_a_json_log() -> None:
    result = run("exec", "--data", "demo", "--log-format", "json", "--", sys.executable, "-c", SCRIPT)
    summary = json.loads(result.stderr)

    assert "segment-mock answered 1 call" == summary["message"]
    assert [{"operation": "salsa.search_segments", "answer": "200", "count": 1}] == summary["calls"]
