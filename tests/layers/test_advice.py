"""The advice for a test without a call to its mock while another library's stub was active."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_segment_mock.report import ADVICE

for library in ADVICE:
    pytest.importorskip(library)

MESSAGE = "no call reached the mock while {}, which intercepts calls first, was active; to let calls pass, use {}"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "clients.md"
URL = "https://api.salsalabs.org/api/integration/ext/v1/metrics"
LIBRARIES = {
    "responses": """
        def test_stub(segment_mock, stub):
            assert requests.get(URL).json() == []

        @pytest.fixture
        def stub():
            with responses.RequestsMock() as stub:
                stub.add("GET", URL, json=[])
                yield stub
    """,
    "requests_mock": """
        def test_stub(segment_mock, requests_mock):
            requests_mock.get(URL, json=[])
            assert requests.get(URL).json() == []
    """,
    "respx": """
        def test_stub(segment_mock, respx_mock):
            respx_mock.get(URL).respond(json=[])
            assert httpx.get(URL).json() == []
    """,
    "pytest_httpx": """
        def test_stub(segment_mock, httpx_mock):
            httpx_mock.add_response(url=URL, json=[])
            assert httpx.get(URL).json() == []
    """,
    "vcr": """
        def test_stub(segment_mock, cassette):
            assert requests.get(URL).json() == []

        @pytest.fixture
        def cassette(tmp_path):
            tape = tmp_path / "tape.yaml"
            tape.write_text(TAPE)
            with vcr.use_cassette(str(tape)):
                yield
    """,
}
TAPE = f"""
interactions:
- request: {{method: GET, uri: '{URL}', headers: {{}}, body: null}}
  response: {{status: {{code: 200, message: OK}}, headers: {{}}, body: {{string: '[]'}}}}
version: 1
"""
HEAD = f"import httpx, pytest, requests, responses, vcr\nURL = {URL!r}\nTAPE = {TAPE!r}\n"


def run(pytester: pytest.Pytester, library: str, *further_tests: str) -> pytest.RunResult:
    """Run the test of *library*, and *further_tests*, in a subprocess."""
    from textwrap import dedent

    pytester.makepyfile(HEAD + dedent(LIBRARIES[library]) + dedent("\n".join(further_tests)))
    plugins = [option for name in ("requests_mock", "respx.plugin", "pytest_httpx") for option in ("-p", name)]
    if library != "requests_mock":
        plugins = plugins[2:]
    return pytester.runpytest_subprocess(*plugins, "-p", "no:randomly")


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_summary_has_the_advice_for_a_test_that_passed(pytester: pytest.Pytester, library: str) -> None:
    result = run(pytester, library)

    result.assert_outcomes(passed=1)
    assert MESSAGE.format(library, ADVICE[library]) in result.stdout.str()


def test_the_report_has_the_advice_for_a_test_that_failed(pytester: pytest.Pytester) -> None:
    """The stub may have ended by the time of the report."""
    result = run(
        pytester,
        "respx",
        """
        def test_refused(segment_mock):
            with responses.RequestsMock():
                requests.get(URL)
        """,
    )

    result.assert_outcomes(passed=1, failed=1)
    assert MESSAGE.format("responses", ADVICE["responses"]) in result.stdout.str()


def test_there_is_no_advice_if_the_mock_saw_calls_or_no_stub_was_active(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        HEAD
        + """
def test_both(segment_mock):
    with responses.RequestsMock() as stub:
        stub.add_passthru("https://api.salsalabs.org")
        assert requests.get(URL).status_code == 401

def test_neither(segment_mock):
    pass
"""
    )

    assert "no call reached the mock" not in pytester.runpytest_subprocess().stdout.str()


@pytest.mark.parametrize("line", ADVICE.values())
def test_the_docs_have_the_advice_for_each_library(line: str) -> None:
    """The advice is in the table of docs/reference/clients.md."""
    assert line in PAGE.read_text(encoding="utf-8")
