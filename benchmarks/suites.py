"""Whole test suites: 1,000 tests with our fixture compared with `responses` and pytest-httpserver.

``python benchmarks/suites.py [--quick] [--json FILE]``. Each suite runs in a separate process, with pytest's own
plugins and the plugin that it needs. The time is from pytest's start to its end, with the imports of the plugin.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from harness import Report, interleaved
from process import ENVIRONMENT

_HEAD = """
import pytest, requests

PATH = "/api/integration/ext/v1/segments/search"
URL = "https://api.salsalabs.org" + PATH
RESPONSE = {"payload": {"segments": [], "count": 0, "total": 0, "offset": 0}}

def search(url):
    response = requests.post(url, json={"payload": {"offset": 0, "count": 20}}, headers={"authToken": "any"}, timeout=5)
    assert response.json()["payload"]["segments"] == []

each = pytest.mark.parametrize("number", range(COUNT))
"""
_STUB = """
import responses

@pytest.fixture
def stub():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add("POST", URL, json=RESPONSE)
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
        "    httpserver.expect_request(PATH).respond_with_json(RESPONSE)\n    search(httpserver.url_for(PATH))",
    ),
}
_RUN = "from time import process_time\nimport pytest\nbegan = process_time()\ncode = pytest.main({words!r})\n"


def main() -> int:
    """Measure everything; return the exit code."""
    report = Report.start("Whole suites of tests")
    count = 300 if report.quick else 1000
    samples = interleaved({name: partial(seconds_of, name, count) for name in SUITES}, 3 if report.quick else 5)
    for name in SUITES:
        report.add(f"{count:,} tests, {name}: processor time", samples[name])
    report.compare(f"{count:,} tests with segment_mock / responses", samples["ours"], samples["responses"])
    call = {
        name: [took - idle for took, idle in zip(samples[f"{name}, a call"], samples["empty"], strict=True)]
        for name in ("ours", "responses", "httpserver")
    }
    name = f"{count:,} tests with one call, less empty ones: segment_mock"
    report.compare(f"{name} / responses", call["ours"], call["responses"])
    report.compare(f"{name} / pytest-httpserver", call["ours"], call["httpserver"])
    return report.finish()


def seconds_of(name: str, count: int) -> float:
    """Return the processor time of a run of *count* tests of the suite called *name*."""
    plugin, tests = SUITES[name]
    words = ["-q", "-p", "no:cacheprovider", *(["-p", plugin] if plugin else [])]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_suite.py").write_text(_HEAD.replace("COUNT", str(count)) + tests)
        code = _RUN.format(words=words) + "print(process_time() - began)\nraise SystemExit(code)"
        alone = {**ENVIRONMENT, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=alone, capture_output=True, text=True, check=True
        )
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
