"""Settings of `segment_mock_config`, markers, options and `segment_mock_factory` are applied, or refused if invalid."""

from __future__ import annotations

import pytest

from tests.plugin.suite import CLIENT, RUN

SCOPES = """
import time
import pytest

@pytest.fixture(params=[5, 6])
def segment_mock_config(request, tmp_path):
    return {"seed": request.param, "sleep": True, "strict": False}

def test_each_value(segment_mock, segment_mock_server, segment_mock_config):
    assert segment_mock.settings["seed"] == segment_mock_config["seed"]
    assert segment_mock_server.mock.settings["seed"] == segment_mock_config["seed"]
    before = segment_mock.clock.now()
    time.sleep(1000)
    assert segment_mock.clock.now() >= before + 1000
    segment_mock.faults.add({"kind": "hang"})  # never fires, and strict is off

class TestOwn:
    @pytest.fixture
    def segment_mock_config(self):
        return {"scenario": "segmenter.down"}

    @pytest.mark.segment_mock(strict=False)
    def test_scenario(self, segment_mock):
        assert len(segment_mock.faults)
"""


def test_config_can_have_any_scope_and_all_settings(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SCOPES)

    pytester.runpytest(*RUN).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("{'sede': 1}", "segment_mock_config: unknown setting 'sede' (did you mean 'seed'?)"),
        (
            "{'transport': 'pigeon'}",
            "segment_mock_config: transport: unknown transport 'pigeon'; *",
        ),
        ("{'strict': 'fields, nets'}", "segment_mock_config: strict: unknown name 'nets' (did you mean *"),
        ("{'sleep': 'no'}", "segment_mock_config: sleep: 'no' is not True or False"),
        ("['demo']", "segment_mock_config: expected a dictionary of settings, got ['demo']"),
        ("{'data': 'nowhere.yaml'}", "*segment_mock: nowhere.yaml: *No such file*"),
    ],
)
@pytest.mark.parametrize("fixture", ["segment_mock", "segment_mock_server"])
def test_an_invalid_config_is_an_error_without_frames_of_the_plugin(
    pytester: pytest.Pytester, config: str, problem: str, fixture: str
) -> None:
    pytester.makepyfile(
        f"import pytest\n@pytest.fixture\ndef segment_mock_config(): return {config}\ndef test_a({fixture}): pass"
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([problem.replace("[", "[[]")])
    assert "conftest_plugin" not in result.stdout.str().replace("rootdir", "")
    assert "another exception" not in result.stdout.str()


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--segment-mock-seed=many", "segment?mock?seed*: 'many' is not a whole number"),
        ("--segment-mock-url=nowhere", "{name}: 'nowhere' is not the base URL of a server, such as *"),
        ("--segment-mock-url=http://127.0.0.1:1,ftp://x", "{name}: 'ftp://x' is not the base URL of a *"),
    ],
)
@pytest.mark.parametrize("source", ["option", "ini"])
def test_an_invalid_option_ends_the_run_before_any_test(
    pytester: pytest.Pytester, option: str, problem: str, source: str
) -> None:
    pytester.makepyfile("def test_a(): pass")
    name, _, value = option.removeprefix("--").partition("=")
    arguments = [option] if source == "option" else ["-o", f"{name.replace('-', '_')}={value}"]

    result = pytester.runpytest(*RUN, *arguments)

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    written = f"--{name}" if source == "option" else name.replace("-", "_")
    result.stderr.fnmatch_lines([f"*{problem.format(name=written)}"])


def test_server_fixtures_refuse_settings_that_they_cannot_apply(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import pytest

@pytest.fixture
def segment_mock_config(): return {}

def test_url(segment_mock_server_url): pass

@pytest.mark.segment_mock(transport="live")
def test_marked(segment_mock_server): pass
"""
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "segment_mock_server_url is one server for the whole run, so it can't use your segment_mock_config, *",
            "*.py:8: transport: segment_mock_server intercepts nothing, its clients call its URL; use the fixture *",
        ]
    )


def test_a_marker_adds_the_fixture(pytester: pytest.Pytester) -> None:
    """This works for functions, methods and tests of a TestCase. A marker with only *strict* does not."""
    pytester.makepyfile(
        CLIENT
        + """
import unittest

DATA = {"salsa": {"segments": [{"name": "A", "externalSystemId": "A"}]}}

@pytest.mark.segment_mock(data=DATA)
def test_function():
    assert upsert(requests) == "VALIDATION_ERROR"

@pytest.mark.segment_mock(data=DATA)
class TestMethods:
    def test_method(self):
        assert upsert(requests) == "VALIDATION_ERROR"

@pytest.mark.segment_mock(data=DATA)
class TestCase(unittest.TestCase):
    def test_case(self):
        assert upsert(requests) == "VALIDATION_ERROR"

@pytest.mark.segment_mock
def test_without_settings():
    assert upsert(requests) == "ADDED"

@pytest.mark.segment_mock(strict=False)
def test_only_strict(request):
    assert "segment_mock" not in request.fixturenames
"""
    )

    pytester.runpytest(*RUN, "--segment-mock-transport=inprocess,live").assert_outcomes(passed=9)


def test_relative_paths_are_looked_up_beside_the_test_then_in_rootdir(pytester: pytest.Pytester) -> None:
    """Paths of a config are looked up beside the file that defines the config. The current folder does not matter."""
    group = '{"salsa": {"segments": [{"name": "%s"}]}}'
    pytester.makefile(".json", data=group % "root", rules='[{"kind": "error", "status": 503}]')
    inner = pytester.mkdir("inner")
    (inner / "data.json").write_text(group % "inner")
    test = """
import pytest, requests

@pytest.mark.segment_mock(data="data.json", faults="rules.json", strict=False)
def test_marked(segment_mock):
    assert [group["name"] for group in segment_mock.salsa.segments] == ["WHERE"]
    assert len(segment_mock.faults) == 1

def test_config(segment_mock):
    assert [group["name"] for group in segment_mock.salsa.segments] == ["root"]
"""
    pytester.makeconftest(
        "import pytest\n@pytest.fixture(scope='session')\ndef segment_mock_config(): return {'data': 'data.json'}"
    )
    (inner / "test_inner.py").write_text(test.replace("WHERE", "inner"))
    (pytester.path / "test_root.py").write_text(test.replace("WHERE", "root"))
    pytester.makeini("[pytest]")

    pytester.runpytest(*RUN, "inner", "test_root.py").assert_outcomes(passed=4)


def test_the_factory_creates_mocks_with_wider_scopes(pytester: pytest.Pytester) -> None:
    """Such a mock keeps its records between tests. A failed test reports only its own calls."""
    pytester.makepyfile(
        CLIENT
        + """
@pytest.fixture(scope="module")
def shared(segment_mock_factory):
    with segment_mock_factory(data="demo", sleep=True) as mock:
        yield mock

@pytest.fixture(scope="class")
def wrong(segment_mock_factory):
    with segment_mock_factory(sede=1) as mock:
        yield mock

def test_first(shared):
    assert upsert(requests, "First") == "ADDED"

def test_second(shared):
    assert upsert(requests, "First") == "VALIDATION_ERROR"
    assert len(shared.journal) == 3

def test_wrong(wrong):
    pass

def test_both(shared, segment_mock):
    segment_mock.salsa.add_segment("Inner", externalSystemId="Inner")
    assert upsert(requests, "Inner") == "VALIDATION_ERROR"
"""
    )

    result = pytester.runpytest(*RUN)

    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "segment_mock_factory: unknown setting 'sede' (did you mean 'seed'?)",
            "*_ test_second _*",
            "1 call; seed 0; *",
            "    2    0.000s  salsa.upsert_segments *",
        ]
    )
