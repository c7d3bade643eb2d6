"""Half a surrogate pair is JSON, but no UTF-8: whatever shows what a client has sent shows that too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from segment_mock import SegmentMock, connect
from segment_mock.cli import main
from tests.plugin.suite import RUN

HALF = "\\ud800"
BODIES = {
    "salsa name": ("PUT", "/api/integration/ext/v1/segments", '{"payload": {"segments": [{"name": "%s"}]}}'),
    "salsa member": ("PUT", "/api/integration/ext/v1/segments", '{"payload": {"segments": [{"name": "n", "%s": 1}]}}'),
    "segmenter name": ("PUT", "/segments/s", '{"name": "%s"}'),
    "segmenter member": ("PUT", "/segments/s", '{"%s": {"%s": "%s"}}'),
    "nobody": ("PUT", "/nowhere", '["%s"]'),
}
PAGES = (
    "journal", "journal/1", "journal/summary", "journal.har", "journal/1/changes", "capsule", "state", "faults",
    "metrics", "records/salsa/segments", "records/segmenter/segments",
)  # fmt: skip
HEADERS = {"authToken": "t", "x-api-key": "k", "Content-Type": "application/json"}


@pytest.fixture(params=[*BODIES])
def mock(request: pytest.FixtureRequest) -> Iterator[SegmentMock]:
    """A mock that was sent half a pair."""
    method, path, body = BODIES[request.param]
    with SegmentMock(data={"segmenter": {"segments": [{"id": "s", "name": "n"}]}}) as one, one.session() as session:
        session.request(method, path, data=body.replace("%s", HALF), headers=HEADERS)
        yield one


@pytest.mark.parametrize("page", PAGES)
def test_every_view_answers(mock: SegmentMock, page: str) -> None:
    assert 200 == mock.session().get(f"/_mock/{page}").status_code


def test_the_capsule_replays(mock: SegmentMock, tmp_path: Path) -> None:
    file = tmp_path / "capsule.json"
    file.write_text(json.dumps(mock.journal.capsule()))
    for flags in ([], ["-v"], ["--diff"]):
        result = CliRunner().invoke(main, ["replay", str(file), *flags])

        assert 0 == result.exit_code, result.output


@pytest.mark.parametrize("command", [["journal"], ["journal", "1"], ["journal", "--json"], ["state", "export"]])
def test_commands_print_it(mock: SegmentMock, command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--url", mock.serve().url])

    assert (0, None) == (result.exit_code, result.exception), result.output


def test_a_remote_mock_reads_it(mock: SegmentMock) -> None:
    with connect(mock.serve().url) as remote:
        assert 1 == len([*remote.journal])
        assert remote.journal.har()
        remote.load(remote.state()) if hasattr(remote, "load") else remote.state()


def test_a_rule_may_match_it(mock: SegmentMock) -> None:
    rule = {"kind": "error", "status": 503, "match": {"json": {"name": "\ud800"}}}
    session = mock.session()
    armed = session.post("/_mock/faults", data=json.dumps(rule), headers=HEADERS)
    reply = session.put("/segments/s", data=BODIES["segmenter name"][2].replace("%s", HALF), headers=HEADERS)

    assert (201, 503) == (armed.status_code, reply.status_code)
    assert 200 == session.get("/_mock/faults").status_code


def test_the_report_of_a_failed_test_shows_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        def test_red(segment_mock):
            for method, path, body in {[*BODIES.values()]!r}:
                segment_mock.session().request(method, path, data=body.replace("%s", {HALF!r}), headers={HEADERS!r})
            assert False
        """
    )
    result: Any = pytester.runpytest(*RUN, "--segment-mock-capsules", "kept")

    result.stdout.fnmatch_lines(["5 calls; seed 0; *", "replay: segment-mock replay *"])
    assert 2 == len([*pytester.path.glob("kept/*")])
