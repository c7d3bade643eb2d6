"""The arguments, the output and the files of the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from segment_mock import SegmentMock
from tests.conform.targets import CREDENTIALS, KEY, TOKEN, run

SEARCH = ("--only", "salsa/search-by-segment-id", "--only", "salsa/search-all", "--only", "salsa/token-missing")


def test_json_and_junit_have_the_same_results(sandbox, tmp_path: Path) -> None:
    """One example passes, one fails, one is skipped. JSON alone is on stdout, the lines are on stderr."""
    target = sandbox(lambda path, status, body: (418 if status == 200 and path.endswith("/search") else status, body))
    file = tmp_path / "report.xml"
    result = run(target.url, "--allow-writes", "--json", "--junit", str(file), *SEARCH, *CREDENTIALS)
    document, suite = json.loads(result.stdout), ElementTree.parse(file).getroot()[0]
    cases = {case.get("name"): case for case in suite.iter("testcase")}

    assert 1 == result.exit_code
    assert (target.url, "no segment-mock", 1, 1, 1, []) == tuple(
        document[name] for name in ("target", "place", "passed", "failed", "skipped", "left_behind")
    )
    assert {"name", "title", "operation", "mark", "source", "verdict", "differences", "why", "seconds"} == {
        *document["examples"][0]
    }
    assert ("3", "1", "1", "0") == tuple(suite.get(name) for name in ("tests", "failures", "skipped", "errors"))
    assert "status: expected 200, got 418" == cases["search-by-segment-id"].find("failure").text
    assert cases["search-all"].find("skipped").get("message").startswith("it needs an otherwise empty target")
    assert [] == list(cases["token-missing"])
    assert "pass  salsa/token-missing" in result.stderr


def test_junit_has_a_failed_case_for_leftovers(sandbox, tmp_path: Path) -> None:
    file = tmp_path / "report.xml"
    only = ("--only", "segmenter/create", "--allow-writes", "--allow-leftovers")
    result = run(sandbox().url, *only, "--json", "--junit", str(file), *CREDENTIALS)
    (case,) = ElementTree.parse(file).iterfind(".//testcase[failure]")

    assert "cleans up" == case.get("name")
    assert json.loads(result.stdout)["left_behind"] == case.find("failure").text.splitlines()


@pytest.mark.parametrize("secret", [TOKEN, "quo\"te\\d't&<ken", "short"])
def test_the_output_has_no_credentials(sandbox, tmp_path: Path, secret: str) -> None:
    """Not even if a target echoes the request, cut within a credential."""

    def echoes(path: str, status: int, body: Any) -> tuple[int, Any]:
        return 400, {"payload": "x" * 95 + f" token {secret}" if len(secret) > 8 else secret, "key": secret}

    file = tmp_path / "report.xml"
    target = sandbox(echoes)
    url = target.url.replace("http://", "http://user:pass-of-the-url@")
    args = ("--salsa-token", secret, "--admin-token", "the-admin-token", *SEARCH, "--only", "salsa/recorded-metrics")
    result = run(url, "--json", "--junit", str(file), *args)
    output = result.stdout + result.stderr + file.read_text()

    assert "payload: expected {" in result.stderr
    assert [] == [text for text in (secret, secret[:8], "the-admin-token", "pass-of-the-url") if text in output]
    assert [] == [text for text in (json.dumps(secret)[1:-1], repr(secret)[1:-1]) if text in output]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--target", "sandbox.example.org"], "--target: expected a base URL such as https://"),
        (["--target", "http://x:99999"], "--target: expected a base URL such as https://"),
        (["--target", "http://x/?token=1"], "without query or fragment"),
        (["--target", "http://x", "--only", "salsa/upser"], "--only salsa/upser: unknown example (did you mean"),
        (["--target", "http://x", "--vendor", "salsaa"], "'salsaa' is not one of "),
        (["--target", "http://x", "--timeout", "0"], "0.0 is not in the range x>0"),
        (["--target", "http://x", "--salsa-token", "a\nb"], "salsa_token: it has a line break"),
        (["--target", "http://x", "--ca-file", "/nowhere"], "File '/nowhere' does not exist"),
        (
            ["--target", "http://x", "--junit", "/nowhere/report.xml"],
            "--junit /nowhere/report.xml: the folder does not exist",
        ),
    ],
)
def test_an_invalid_option_exits_with_two(args: list[str], message: str) -> None:
    result = run(args[1], *args[2:])

    assert 2 == result.exit_code
    assert message in result.stderr


def test_the_environment_may_set_target_and_credentials(sandbox) -> None:
    """So credentials need not be on the command line."""
    env = {"SEGMENT_MOCK_SALSA_TOKEN": TOKEN, "SEGMENT_MOCK_SEGMENTER_KEY": KEY, "SEGMENT_MOCK_DATA": "demo"}
    result = run(sandbox().url, "--only", "salsa/recorded-metrics", env=env)

    assert (0, "pass  salsa/recorded-metrics") == (result.exit_code, result.stdout.splitlines()[0])


def test_a_run_that_compares_nothing_fails() -> None:
    with SegmentMock() as mock:
        result = run(mock.serve().url, "--vendor", "segmenter")

    assert 1 == result.exit_code
    assert "Error: nothing was compared; each skipped example names the reason" in result.stderr
