"""The fixtures, the marker and the options of the pytest plugin, used by suites that the tests write and run."""

from __future__ import annotations

import subprocess
import sys

import pytest

SYNC = """
import pytest, requests

HEADERS = {"authToken": "t"}
SEARCH = "/api/integration/ext/v1/segments/search"


def names(post, base):
    response = post(base + SEARCH, json={"payload": {"offset": 0, "count": 20}}, headers=HEADERS)
    return [segment["name"] for segment in response.json()["payload"]["segments"]]
"""


def test_each_test_gets_a_clean_mock(pytester: pytest.Pytester) -> None:
    """Records of one test do not exist in the next one, with an in-process mock and with a live server."""
    pytester.makepyfile(
        SYNC
        + """
@pytest.mark.parametrize("run", [1, 2])
def test_in_process(segment_mock, salsa_mock, segmenter_mock, run):
    salsa_mock.add_segment("A")
    segmenter_mock.add_segment("V", id="v")
    assert names(segment_mock.session().post, "https://api.salsalabs.org") == ["A"]
    assert [s["id"] for s in segment_mock.segmenter.segments] == ["v"]

@pytest.mark.parametrize("run", [1, 2])
def test_live(segment_mock_server, segment_mock_server_url, run):
    segment_mock_server.mock.salsa.add_segment("A")
    assert segment_mock_server.url == segment_mock_server_url
    assert names(requests.post, segment_mock_server.url) == ["A"]
"""
    )

    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=4)


def test_nearer_markers_override_wider_ones_and_the_config(pytester: pytest.Pytester) -> None:
    """The keywords of a marker are settings of SegmentMock. Settings that a nearer marker does not have are kept."""
    pytester.makepyfile(
        SYNC
        + """
@pytest.fixture(scope="session")
def segment_mock_config():
    return {"data": {"salsa": {"segments": [{"name": "from config"}]}}}

def test_config(segment_mock, segment_mock_server):
    assert names(segment_mock.session().post, "") == ["from config"]
    assert names(requests.post, segment_mock_server.url) == ["from config"]

@pytest.mark.segment_mock(data={"salsa": {"segments": [{"name": "from class"}]}}, seed=5)
class TestNearest:
    def test_class(self, segment_mock):
        assert names(segment_mock.session().post, "") == ["from class"]

    @pytest.mark.segment_mock(data={"salsa": {"segments": [{"name": "from test"}]}})
    def test_own(self, segment_mock, segment_mock_server):
        assert names(segment_mock.session().post, "") == ["from test"]
        assert names(requests.post, segment_mock_server.url) == ["from test"]
        assert segment_mock.settings["seed"] == 5
"""
    )

    pytester.runpytest("--strict-markers", "-p", "no:randomly").assert_outcomes(passed=3)


def test_each_module_and_parameter_gets_its_own_config(pytester: pytest.Pytester) -> None:
    """Tests in a module without the fixture segment_mock_config get the default settings."""
    config = "import pytest\n@pytest.fixture(scope='session')\ndef segment_mock_config(): return {'seed': %s}\n"
    test = "def test_seed(segment_mock): assert segment_mock.settings['seed'] == %s\n"
    each = (
        "import pytest\n@pytest.mark.parametrize('segment_mock_config', [{'seed': 5}, {'seed': 6}])\n"
        "def test_each(segment_mock, segment_mock_config):\n"
        "    assert segment_mock.settings['seed'] == segment_mock_config['seed']\n"
    )
    pytester.makepyfile(test_a=config % 1 + test % 1, test_b=test % 0, test_c=config % 3 + test % 3, test_d=each)

    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=5)


def test_faults_of_the_config_are_armed_in_each_test(pytester: pytest.Pytester) -> None:
    """The plugin arms them again for each test, although a reset clears faults."""
    pytester.makepyfile(
        SYNC
        + """
@pytest.fixture(scope="session")
def segment_mock_config():
    return {"faults": [{"kind": "error", "status": 500}]}

@pytest.mark.parametrize("run", [1, 2])
def test_down(segment_mock, segment_mock_server, run):
    assert segment_mock.session().put("/segments").status_code == 500
    assert requests.put(segment_mock_server.url + "/segments").status_code == 500
"""
    )

    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


@pytest.mark.parametrize("option", ["option", "ini"])
def test_seed_option_overrides_the_seed_of_the_ini_file(pytester: pytest.Pytester, option: str) -> None:
    pytester.makepyfile("def test_seed(segment_mock): assert segment_mock.settings['seed'] == 9")
    pytester.makeini("[pytest]\nsegment_mock_seed = " + ("9" if option == "ini" else "1"))

    pytester.runpytest(*(["--segment-mock-seed=9"] if option == "option" else [])).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "message"),
    [("sede=1", "unknown setting 'sede' (did you mean 'seed'?)"), ("'demo'", "expected only keyword arguments")],
)
def test_an_invalid_marker_is_an_error_of_the_test(pytester: pytest.Pytester, marker: str, message: str) -> None:
    """The error names the nearest valid setting, or says that only keyword arguments are allowed."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.segment_mock({marker})\ndef test_a(segment_mock): pass")

    result = pytester.runpytest()

    result.assert_outcomes(errors=1)
    assert message in result.stdout.str()


def test_a_run_without_fixtures_imports_no_dependency(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin imports segment_mock, Flask, marshmallow and requests when a test first uses a fixture."""
    pytester.makepyfile(
        """
import sys
def test_nothing():
    heavy = {"segment_mock", "flask", "werkzeug", "marshmallow", "requests", "yaml", "httptools", "asyncio"}
    assert not heavy & sys.modules.keys()
"""
    )
    # Load no other plugins, because they may import these libraries.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    pytester.runpytest_subprocess("-p", "pytest_segment_mock").assert_outcomes(passed=1)


def test_import_of_the_package_imports_no_dependency() -> None:
    """``import segment_mock`` is fast: the package imports its modules when a name is first used."""
    program = (
        "import sys, segment_mock; print([m for m in ('flask', 'marshmallow', 'requests', 'yaml') if m in sys.modules])"
    )

    assert "[]\n" == subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
