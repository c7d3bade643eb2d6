"""Hooks stand as long as some line needs them, and a new line finds them in place or gets its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from segment_mock import SegmentMock, faults
from segment_mock.doors import BOARD, Line
from segment_mock.doors._patches import Patches, Picture

HEADERS = {"authToken": "any"}
VENDOR = "https://api.salsalabs.org/api/integration/ext/v1/segments/search"
OTHER = "https://other.example/"


def post() -> Any:
    """Return the payload of a search of the vendor's groups."""
    return requests.post(VENDOR, headers=HEADERS, json={"payload": {}}, timeout=5).json()["payload"]


@pytest.fixture
def standing() -> Iterator[Line]:
    """A line that answers for nobody, as the plugin keeps one from test to test."""
    line = Line(lambda host: False, "")
    BOARD.plug(line)
    yield line
    if line in BOARD.lines:
        BOARD.unplug(line)


@pytest.fixture
def mock() -> Iterator[SegmentMock]:
    """A mock of one group."""
    with SegmentMock(data={"salsa": {"segments": [{"name": "A"}]}}) as made:
        yield made


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {at: getattr(HTTPAdapter, at) for at in ("send", "get_connection_with_tls_context")}
    lines = BOARD.lines
    yield
    assert {at: getattr(HTTPAdapter, at) for at in before} == before
    assert BOARD.lines == lines


def test_hooks_that_stand_are_not_put_in_again(mock: SegmentMock, standing: Line) -> None:
    """A second line finds those of the first, and leaves them when it ends."""
    hook = HTTPAdapter.send
    with mock.intercept():
        assert HTTPAdapter.send is hook
        assert post()["count"] == 1
    assert HTTPAdapter.send is hook


def test_a_line_reaches_over_what_another_library_has_put_there(mock: SegmentMock, standing: Line) -> None:
    """A stub of `responses` that was there first keeps its own hosts, and the mock gets the vendor's."""
    hook = HTTPAdapter.send
    for _ in range(3):  # a test after another
        with responses.RequestsMock(assert_all_requests_are_fired=False) as stub:
            stub.add("GET", OTHER, body=b"stub")
            with mock.intercept():
                assert post()["count"] == 1
                assert requests.get(OTHER, timeout=5).text == "stub"
            assert requests.get(OTHER, timeout=5).text == "stub"
            with pytest.raises(requests.ConnectionError):
                post()
        assert HTTPAdapter.send is hook
        with mock.intercept():
            assert HTTPAdapter.send is hook
            assert post()["count"] == 1


@pytest.mark.parametrize("transport", ["inprocess", "live", "tls"])
def test_a_stub_that_was_there_first_never_hears_of_the_vendors_calls(mock: SegmentMock, transport: Any) -> None:
    """However they travel, whether the client retries, and if the answer is lost: the error is that of a lost one."""
    retrying = requests.Session()
    retrying.mount("https://", HTTPAdapter(max_retries=Retry(total=2, status_forcelist=[503], allowed_methods=None)))
    with responses.RequestsMock() as stub:
        with mock.intercept(transport=transport):
            assert post()["count"] == 1
            mock.faults.add(faults.Error(status=503), times=1)
            assert retrying.post(VENDOR, headers=HEADERS, json={"payload": {}}, timeout=5).status_code == 200
            mock.faults.add(faults.Disconnect(after=True), times=1)
            with pytest.raises(requests.ConnectionError) as lost:
                post()
        assert "Responses" not in str(lost.value)
        assert not stub.calls


def test_a_session_of_a_mock_passes_a_stub_by() -> None:
    """Whether it was made before the stub or after."""
    with SegmentMock() as mock:
        early = mock.session()
        with responses.RequestsMock():
            for session in (early, mock.session()):
                assert session.post(VENDOR, headers=HEADERS, json={"payload": {}}).status_code == 200


def test_what_is_put_over_our_hooks_goes_first(mock: SegmentMock) -> None:
    """A stub that came later answers as long as it is there, and the mock again after it."""
    with mock.intercept():
        with responses.RequestsMock() as stub:
            stub.add("POST", VENDOR, json={"payload": "stub"})
            assert post() == "stub"
        assert post()["count"] == 1


def test_lines_may_end_in_any_order(mock: SegmentMock) -> None:
    """The hooks of a line that ends first stay for those that rely on them."""
    outer, inner = mock.intercept(), mock.intercept()
    outer.__enter__()
    with responses.RequestsMock(assert_all_requests_are_fired=False):
        inner.__enter__()
        outer.__exit__(None, None, None)
        assert post()["count"] == 1
        inner.__exit__(None, None, None)
        with pytest.raises(requests.ConnectionError):
            post()
    with mock.intercept():  # what the stub has put back is taken away
        assert post()["count"] == 1


def test_a_library_that_is_imported_anew_gets_hooks_of_its_own(
    mock: SegmentMock, standing: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pytester or a reload leaves in ``sys.modules`` is what a client uses from then on."""
    import importlib
    import sys

    names = [name for name in sys.modules if name.partition(".")[0] == "requests"]
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    anew = importlib.import_module("requests")
    with mock.intercept():
        assert anew is not requests
        found = anew.post(VENDOR, headers={"authToken": "any"}, json={"payload": {}}, timeout=5)
    assert found.json()["payload"]["count"] == 1


def test_a_restored_import_system_ends_no_line_badly(mock: SegmentMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts ``sys.meta_path`` back takes our finder along; the interception ends all the same."""
    import sys

    before = [*sys.meta_path]
    with mock.intercept():
        monkeypatch.setattr(sys, "meta_path", before)
        assert post()["count"] == 1


def test_what_a_stub_puts_back_late_is_taken_away(mock: SegmentMock) -> None:
    """However many lines come and go while it covers a hook, none is left once one more has come and gone."""
    with mock.intercept():
        stub = responses.RequestsMock(assert_all_requests_are_fired=False)
        stub.start()
    for _ in range(3):
        with mock.intercept():
            assert post()["count"] == 1
    stub.stop()
    with mock.intercept():
        assert post()["count"] == 1


def test_the_plugin_leaves_nothing_behind(pytester: pytest.Pytester) -> None:
    """From test to test the hooks stay; once the run is over they are gone."""
    pytester.makepyfile(
        """
        import requests
        from requests.adapters import HTTPAdapter

        seen = []

        def test_one(segment_mock):
            seen.append(HTTPAdapter.send)

        def test_between():
            assert HTTPAdapter.send is seen[0]

        def test_two(segment_mock):
            assert HTTPAdapter.send is seen[0]
            url = "https://api.salsalabs.org/api/integration/ext/v1/segments/search"
            assert requests.post(url, headers={"authToken": "t"}, json={"payload": {}}).json()["payload"]["count"] == 0
        """
    )
    before = HTTPAdapter.send
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=3)
    assert HTTPAdapter.send is before


def test_settings_that_can_not_be_used_leave_no_hooks_for_each_test(pytester: pytest.Pytester) -> None:
    """A run in which every test fails for its settings plugs no line."""
    pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="session")
        def segment_mock_config():
            return {"limits": "none"}
    """)
    pytester.makepyfile("def test_one(segment_mock): pass\ndef test_two(segment_mock): pass")
    lines, before = BOARD.lines, HTTPAdapter.send
    pytester.runpytest_inprocess().assert_outcomes(errors=2)
    assert (lines, before) == (BOARD.lines, HTTPAdapter.send)


def test_a_picture_is_false_once_a_patch_was_replaced_or_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or its library was imported anew: then what stands can't be relied on."""
    library = ModuleType("library")
    library.call = before = object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "library", library)
    patches = Patches("library", None, [(library, "call", object())])
    picture = Picture({"library": patches})

    def seen_after(deed: Callable[[], None]) -> bool:
        patches.put()
        deed()
        return picture.is_true()

    assert seen_after(lambda: None)
    assert not seen_after(lambda: setattr(library, "call", before))
    assert not seen_after(lambda: delattr(library, "call"))
    assert not seen_after(lambda: monkeypatch.setitem(sys.modules, "library", ModuleType("library")))
