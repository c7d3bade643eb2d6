"""``--segment-mock-url``: the fixtures use a server that is already running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from segment_mock import SegmentMock
from tests.plugin.suite import CLIENT, RUN

pytestmark = pytest.mark.slow  # starts many processes


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SegmentMock]:
    """A mock with demo data, the seed 3 and a running server, whose URL is the attribute ``url``."""
    monkeypatch.delenv("SEGMENT_MOCK_URL", raising=False)
    with SegmentMock(data="demo", seed=3) as mock:
        mock.url = mock.serve().url  # type: ignore[attr-defined]
        yield mock


SUITE = (
    CLIENT
    + """
def test_unchanged_clients_reach_it(segment_mock):
    assert upsert(requests.Session()) == "ADDED"
    segment_mock.journal.assert_called("upsert_segments", times=1)
    assert segment_mock.salsa.segments[-1]["name"] == "A"
    segment_mock.clock.freeze("2026-01-01")
    segment_mock.faults.add("hang", "segmenter.*", times=1)
    segment_mock.faults.clear()


def test_it_is_reset_before_each_test(segment_mock, segment_mock_server, salsa_mock):
    assert segment_mock is segment_mock_server.mock
    assert len(segment_mock.journal) == 0
    assert len(salsa_mock.segments) == 25
    assert not segment_mock.clock.frozen
    assert requests.get(segment_mock_server.url + "/_mock/health").ok


@pytest.mark.segment_mock(data={"salsa": {"segments": [{"name": "B"}]}}, faults=[{"kind": "error", "status": 503}])
def test_marker_loads_data_and_faults(segment_mock):
    assert [group["name"] for group in segment_mock.salsa.segments] == ["B"]
    with pytest.raises(requests.HTTPError):
        upsert(requests.Session())


@pytest.mark.segment_mock(scenario="salsa.rate_limited", seed=3, strict=False)
def test_marker_arms_a_scenario(segment_mock_server):
    assert len(segment_mock_server.mock.faults) == 1
"""
)


@pytest.mark.parametrize("source", ["option", "ini", "environment"])
def test_fixtures_use_the_server_of_option_ini_file_or_environment(
    server: SegmentMock, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    url = server.url  # type: ignore[attr-defined]
    pytester.makepyfile(SUITE)
    options = ["--segment-mock-url", url] if source == "option" else []
    if source == "ini":
        pytester.makeini(f"[pytest]\nsegment_mock_url = {url}")
    if source == "environment":
        monkeypatch.setenv("SEGMENT_MOCK_URL", url)
    result = pytester.runpytest(*RUN, *options)

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines([f"segment-mock: *, server {url}"])


@pytest.mark.parametrize("source", ["option", "environment"])
def test_the_admin_token_comes_from_option_or_environment(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    pytester.makepyfile("def test_it(segment_mock): assert len(segment_mock.journal) == 0")
    if source == "environment":
        monkeypatch.setenv("SEGMENT_MOCK_ADMIN_TOKEN", "hush")
    token = ["--segment-mock-admin-token", "hush"] if source == "option" else []
    with SegmentMock(admin_token="hush") as mock:
        result = pytester.runpytest(*RUN, "--segment-mock-url", mock.serve().url, *token)

    result.assert_outcomes(passed=1)


def test_strict_checks_report_and_capsule_work_with_a_remote_server(
    server: SegmentMock, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        CLIENT
        + """
def test_fault_never_fired(segment_mock):
    segment_mock.faults.add("hang", "segmenter.*")
    upsert(requests.Session())


def test_fails(segment_mock):
    upsert(requests.Session())
    assert False


@pytest.mark.segment_mock(faults=["hang"])
def test_marker_fault_never_fired(segment_mock):
    pass
"""
    )
    url = server.url  # type: ignore[attr-defined]
    result = pytester.runpytest(*RUN, "--segment-mock-url", url, "--segment-mock-capsules", "capsules")

    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines([
        "*A fault was armed and never fired*",
        "*rule 1 hang on segmenter.*",
        "*armed by test_strict_checks_report_and_capsule_work_with_a_remote_server.py:*",
    ])  # fmt: skip
    result.stdout.fnmatch_lines(["*1 call; seed 3; the mock's clock: *", "*salsa.upsert_segments*200*+segments*"])
    result.stdout.fnmatch_lines(
        ["*armed by the settings of test_strict_checks_report_and_capsule_work_with_a_remote_server.py:*"]
    )
    capsules = [*(pytester.path / "capsules").iterdir()]
    assert capsules
    result.stdout.fnmatch_lines(["*replay: segment-mock replay *test_fails*"])


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ("@pytest.mark.segment_mock(seed=4)\ndef test_it(segment_mock): pass", "seed: http* was started with 3"),
        ("@pytest.mark.segment_mock(sleep=True)\ndef test_it(segment_mock): pass", "sleep: it needs a mock in this"),
        ("@pytest.mark.segment_mock(transport='tls')\ndef test_it(segment_mock): pass", "'tls' needs a server"),
        ("@pytest.mark.segment_mock_sweep\ndef test_it(segment_mock): pass", "segment_mock_sweep needs a mock in"),
        (
            "def test_it(segment_mock_factory):\n    with segment_mock_factory(): pass",
            "no fixture of a wider scope can use it",
        ),
        ("@pytest.mark.segment_mock(faults=['hnag'])\ndef test_it(segment_mock): pass", "unknown fault kind 'hnag'"),
    ],
)
def test_settings_that_a_remote_server_cannot_apply_are_refused(
    server: SegmentMock, pytester: pytest.Pytester, test: str, sentence: str
) -> None:
    pytester.makepyfile(f"import pytest\n{test}")
    result = pytester.runpytest(*RUN, "--segment-mock-url", server.url)  # type: ignore[attr-defined]

    assert 1 == result.ret
    result.stdout.fnmatch_lines([f"*{sentence}*"])


def test_error_without_a_server_at_the_url_is_one_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(segment_mock): pass")
    result = pytester.runpytest(*RUN, "--segment-mock-url", "http://127.0.0.1:1")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*segment_mock: http://127.0.0.1:1: no segment-mock answers*"])


def test_url_and_transport_options_cannot_be_combined(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest(*RUN, "--segment-mock-url", "http://127.0.0.1:1", "--segment-mock-transport", "live")

    assert 4 == result.ret


def test_xdist_needs_one_server_per_worker(
    server: SegmentMock, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        "import pytest, requests\n"
        "@pytest.mark.parametrize('number', range(12))\n"
        "def test_it(segment_mock, number):\n"
        "    segment_mock.salsa.add_segment('A')\n"
        "    segment_mock.session().put('/segments', headers={'x-api-key': 'k'})\n"
        "    assert len(segment_mock.journal) == 1\n"
        "    assert [group['name'] for group in segment_mock.salsa.segments].count('A') == 1\n"
    )
    url = server.url  # type: ignore[attr-defined]
    plugins = ("-p", "xdist", *RUN)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p pytest_segment_mock")
    one_server = pytester.runpytest_subprocess(*plugins, "-n", "2", "--segment-mock-url", url)
    same_server_twice = pytester.runpytest_subprocess(*plugins, "-n", "2", "--segment-mock-url", f"{url},{url}/")
    with SegmentMock(data="demo") as other:
        urls = f"{url},{other.serve().url}"
        two_servers = pytester.runpytest_subprocess(*plugins, "-n", "2", "--segment-mock-url", urls)
        calls_by_server = [len(mock.journal) for mock in (server, other)]

    one_server.stderr.fnmatch_lines(["*2 workers can't share 1 server: each test resets its own*"])
    same_server_twice.stderr.fnmatch_lines(["*2 workers can't share 1 server: each test resets its own*"])
    assert 4 == one_server.ret
    two_servers.assert_outcomes(passed=12)
    assert [1, 1] == calls_by_server
