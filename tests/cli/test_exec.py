"""``exec`` and ``env``: unchanged clients of other processes."""

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
reply = requests.post(
    "https://api.salsalabs.org/api/integration/ext/v1/segments/search",
    json={"payload": {"offset": 0, "count": 1}}, headers={"authToken": "any"},
)
print(reply.json()["payload"]["total"])
"""


def run(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "segment_mock", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_a_script_with_a_hard_coded_host_and_no_setting() -> None:
    done = run("exec", "--data", "demo", "--", sys.executable, "-c", SCRIPT)

    assert (0, "25\n") == (done.returncode, done.stdout)
    assert "    1  200       salsa.search_segments" in done.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_curl_with_a_hard_coded_host() -> None:
    """curl needs no flag."""
    url = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
    done = run("exec", "--", "curl", "-sS", url, "-H", "authToken: any")

    assert (0, True) == (done.returncode, '"rateLimit":300' in done.stdout)


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)])
def test_exit_code_is_the_commands(script: str, code: int) -> None:
    """128 and the number where a signal ended it."""
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
def test_a_command_that_cannot_be_run(name: str, code: int, reason: str, form: str, tmp_path: Path) -> None:
    """The exit codes of a shell: 127 for a command that there is not, 126 for one that can't be run."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("no program")
    (tmp_path / "no-format").write_text("no program")
    (tmp_path / "no-format").chmod(0o755)
    done = run("exec", "--log-format", form, "--", name, cwd=tmp_path)
    message = f"{name}: {reason}"

    assert (code, "") == (done.returncode, done.stdout)
    assert done.stderr == (
        f"Error: {message}\n" if form == "text" else json.dumps({"level": "ERROR", "message": message}) + "\n"
    )


def test_signals_are_passed_on() -> None:
    """SIGTERM to us reaches the command, whose way to end decides."""
    script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"
    command = [sys.executable, "-m", "segment_mock", "exec", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        finally:
            process.kill()

    assert 9 == process.returncode


def test_another_host_fails_at_once() -> None:
    """Nothing gets out: the proxy refuses every other host."""
    script = SCRIPT.replace("api.salsalabs.org", "api.example.org")
    done = run("exec", "--", sys.executable, "-c", script)

    assert (1, True) == (done.returncode, "403 Forbidden" in done.stderr)


@pytest.mark.parametrize("proxy", [False, True])
def test_env_prints_exports_for_a_running_server(tmp_path: Path, proxy: bool) -> None:
    """What it prints, a shell evaluates; a proxy's variables and CA bundle only where there is one."""
    with SegmentMock(data="demo") as mock:
        server = mock.serve(proxy=proxy)
        output = run("env", "--url", server.url, env={"XDG_CACHE_HOME": str(tmp_path)}).stdout
        script = f'eval "$TOLD"; "{sys.executable}" -c "$SCRIPT"'
        env = {"TOLD": output, "SCRIPT": SCRIPT, "PATH": "/usr/bin:/bin"}
        done = (
            subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True, check=False)
            if proxy
            else None
        )

    assert f"export SALSA_BASE_URL={server.url}\n" in output
    assert proxy == ("export HTTPS_PROXY=" in output)
    assert done is None or done.stdout == "25\n"


def test_the_summary_names_faults_and_distrust(tmp_path: Path) -> None:
    """Faults that struck, rules that never fired and why, and handshakes that a client broke off."""
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
    done = run("exec", "--faults", str(faults), "--", sys.executable, "-c", script)

    assert "503\n" == done.stdout
    assert "segment-mock answered 1 call\n" in done.stderr
    assert "    1  fault     error on salsa.search_segments, rule 1\n" in done.stderr
    assert "    0  not fired hang on segmenter.create_segment, rule 2: " in done.stderr
    assert "    2  distrust  api.salsalabs.org: TLS handshake failed" in done.stderr


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
async def ask():
    async with httpx.AsyncClient() as client:
        url = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
        print((await client.get(url, headers={"authToken": "t"})).status_code)
asyncio.run(ask())
"""
AIOHTTP = """
import asyncio, aiohttp
async def ask():
    async with aiohttp.ClientSession() as session:
        url = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
        async with session.get(url, headers={"authToken": "t"}) as reply:
            print(reply.status)
asyncio.run(ask())
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


def test_a_lost_reply_is_no_failure_of_a_proxy(tmp_path: Path) -> None:
    """A POST whose reply is lost is not sent again, and raises what it raises against the vendor."""
    faults = tmp_path / "faults.json"
    faults.write_text(
        '[{"kind": "disconnect", "after": true, "operation": "segmenter.create_segment", "when": {"times": 1}}]'
    )
    done = run("exec", "--faults", str(faults), "--", sys.executable, "-c", RETRYING)

    assert "ConnectionError\n" == done.stdout
    assert "segment-mock answered 1 call\n" in done.stderr


@pytest.mark.parametrize("script", [HTTPX, ASYNC_HTTPX, AIOHTTP, URLLIB, PLAIN])
def test_python_programs_reach_the_server_directly(script: str) -> None:
    """Also programs that ignore proxies."""
    no_proxy = "import os\nfor name in [*os.environ]:\n    'PROXY' in name.upper() and os.environ.pop(name)\n"
    done = run("exec", "--", sys.executable, "-c", no_proxy + script)

    assert "200\n" == done.stdout, done.stderr


@pytest.mark.parametrize("options", [["-I"], ["-E"], ["-S"]])
def test_python_programs_that_take_no_module_use_the_proxy(options: list[str]) -> None:
    assert "200\n" == run("exec", "--", sys.executable, *options, "-c", URLLIB).stdout


def test_programs_with_uvloop_use_the_proxy() -> None:
    pytest.importorskip("uvloop")
    script = f"import uvloop; uvloop.install(){ASYNC_HTTPX}"
    done = run("exec", "--", sys.executable, "-W", "ignore", "-c", script)

    assert "200\n" == done.stdout, done.stderr


def test_a_sitecustomize_of_the_users_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('theirs')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = run("exec", "--", sys.executable, "-c", URLLIB, env=environment)

    assert "theirs\n200\n" == done.stdout.replace("theirs\ntheirs", "theirs")


def test_hosts_taken_in_and_left_out(tmp_path: Path) -> None:
    """As the setting says."""
    script = URLLIB.replace("hq.uat.igniteaction.net", "salsa.test.example")
    done = run("exec", "--hosts", "salsa.test.example", "--", sys.executable, "-c", script)

    assert "200\n" == done.stdout, done.stderr


def test_help_tells_the_defaults_of_exec() -> None:
    """A free port, not the port of serve; always a proxy, and never a server with TLS."""
    texts = [" ".join(run(command, "--help").stdout.split()) for command in ("exec", "serve")]

    assert [True, False] == ["[SEGMENT_MOCK_PORT, default 0]" in text for text in texts]
    assert [False, True] == ["[SEGMENT_MOCK_PORT, default 7357]" in text for text in texts]
    assert [True, False] == ["[SEGMENT_MOCK_PROXY, default True]" in text for text in texts]
    assert [False, True] == ["--tls" in text for text in texts]


def test_the_ready_file_of_exec_names_its_server(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    script = "import json, os, pathlib; print(json.loads(pathlib.Path('ready.json').read_text())['url'])"
    done = run("exec", "--ready-file", str(file), "--", sys.executable, "-c", script, cwd=tmp_path)

    assert done.stdout.startswith("http://127.0.0.1:"), done.stderr
    assert not file.exists()


def test_the_summary_is_an_object_in_a_json_log() -> None:
    done = run("exec", "--data", "demo", "--log-format", "json", "--", sys.executable, "-c", SCRIPT)
    summary = json.loads(done.stderr)

    assert "segment-mock answered 1 call" == summary["message"]
    assert [{"operation": "salsa.search_segments", "answer": "200", "count": 1}] == summary["calls"]
