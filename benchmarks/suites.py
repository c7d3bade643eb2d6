"""Whole test suites: 1,000 tests with our fixture beside those with `responses` and pytest-httpserver.

``python benchmarks/suites.py [--quick] [--json FILE]``. Each suite runs in a process of its own, with pytest's own
plugins and the one that it needs, and is measured from pytest's start to its end, the imports of the plugin included.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from process import ENVIRONMENT
from rounds import Report, interleaved

TRIVIAL, CALL, SERVER = 1.5, 1.0, 0.5  # at most so many times what the others take
_HEAD = """
import pytest, requests

PATH = "/api/integration/ext/v1/segments/search"
URL = "https://api.salsalabs.org" + PATH
REPLY = {"payload": {"segments": [], "count": 0, "total": 0, "offset": 0}}

def search(url):
    answer = requests.post(url, json={"payload": {"offset": 0, "count": 20}}, headers={"authToken": "any"}, timeout=5)
    assert answer.json()["payload"]["segments"] == []

each = pytest.mark.parametrize("number", range(COUNT))
"""
_STUB = """
import responses

@pytest.fixture
def stub():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("POST", URL, json=REPLY)
        yield mock
"""
SUITES = {
    "empty": ("", "@each\ndef test_a(number): pass"),
    "ours": ("pytest_segment_mock", "@each\ndef test_a(segment_mock, number): pass"),
    "responses": ("", _STUB + "@each\ndef test_a(stub, number): pass"),
    "ours, a call": ("pytest_segment_mock", "@each\ndef test_a(segment_mock, number): search(URL)"),
    "responses, a call": ("", _STUB + "@each\ndef test_a(stub, number): search(URL)"),
    "httpserver, a call": (
        "pytest_httpserver.pytest_plugin",
        "@each\ndef test_a(httpserver, number):\n"
        "    httpserver.expect_request(PATH).respond_with_json(REPLY)\n    search(httpserver.url_for(PATH))",
    ),
}
_RUN = "from time import process_time\nimport pytest\nbegun = process_time()\ncode = pytest.main({words!r})\n"


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.begun("Whole suites of tests")
    count = 300 if report.quick else 1000
    found = interleaved({name: partial(spent, name, count) for name in SUITES}, 3 if report.quick else 5)
    for name in SUITES:
        report.tell(f"{count:,} tests, {name}: processor time", found[name])
    report.compare(f"{count:,} tests with segment_mock / responses", found["ours"], found["responses"], at_most=TRIVIAL)
    call = {
        name: [took - idle for took, idle in zip(found[f"{name}, a call"], found["empty"], strict=True)]
        for name in ("ours", "responses", "httpserver")
    }
    told = f"{count:,} tests with one call, less empty ones: segment_mock"
    report.compare(f"{told} / responses", call["ours"], call["responses"], at_most=CALL)
    report.compare(f"{told} / pytest-httpserver", call["ours"], call["httpserver"], at_most=SERVER)
    return report.finish()


def spent(name: str, count: int) -> float:
    """Return the processor time of a run of *count* tests of the suite called *name*."""
    plugin, tests = SUITES[name]
    words = ["-q", "-p", "no:cacheprovider", *(["-p", plugin] if plugin else [])]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_suite.py").write_text(_HEAD.replace("COUNT", str(count)) + tests)
        code = _RUN.format(words=words) + "print(process_time() - begun)\nraise SystemExit(code)"
        alone = {**ENVIRONMENT, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=alone, capture_output=True, text=True, check=True
        )
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
