"""A lone surrogate, which JSON allows but UTF-8 can't encode, in a request: every view and command can show it."""

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

LONE_SURROGATE = "\\ud800"
BODIES = {
    "salsa name": ("PUT", "/api/integration/ext/v1/segments", '{"payload": {"segments": [{"name": "%s"}]}}'),
    "salsa member": ("PUT", "/api/integration/ext/v1/segments", '{"payload": {"segments": [{"name": "n", "%s": 1}]}}'),
    "segmenter name": ("PUT", "/segments/s", '{"name": "%s"}'),
    "segmenter member": ("PUT", "/segments/s", '{"%s": {"%s": "%s"}}'),
    "unmatched": ("PUT", "/nowhere", '["%s"]'),
}
PAGES = (
    "journal", "journal/1", "journal/summary", "journal.har", "journal/1/changes", "capsule", "state", "faults",
    "metrics", "records/salsa/segments", "records/segmenter/segments",
)  # fmt: skip
HEADERS = {"authToken": "t", "x-api-key": "k", "Content-Type": "application/json"}


@pytest.fixture(params=[*BODIES])
def mock(request: pytest.FixtureRequest) -> Iterator[SegmentMock]:
    """A mock that has answered a request with a lone surrogate in its body."""
    method, path, body = BODIES[request.param]
    with SegmentMock(data={"segmenter": {"segments": [{"id": "s", "name": "n"}]}}) as mock, mock.session() as session:
        session.request(method, path, data=body.replace("%s", LONE_SURROGATE), headers=HEADERS)
        yield mock


@pytest.mark.parametrize("page", PAGES)
def test_every_view_answers_200(mock: SegmentMock, page: str) -> None:
    assert 200 == mock.session().get(f"/_mock/{page}").status_code


def test_the_capsule_can_be_replayed(mock: SegmentMock, tmp_path: Path) -> None:
    file = tmp_path / "capsule.json"
    file.write_text(json.dumps(mock.journal.capsule()))
    for flags in ([], ["-v"], ["--diff"]):
        result = CliRunner().invoke(main, ["replay", str(file), *flags])

        assert 0 == result.exit_code, result.output


@pytest.mark.parametrize("command", [["journal"], ["journal", "1"], ["journal", "--json"], ["state", "export"]])
def test_commands_print_the_request(mock: SegmentMock, command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--url", mock.serve().url])

    assert (0, None) == (result.exit_code, result.exception), result.output


def test_a_remote_mock_reads_journal_and_state(mock: SegmentMock) -> None:
    with connect(mock.serve().url) as remote:
        assert 1 == len([*remote.journal])
        assert remote.journal.har()
        remote.load(remote.state()) if hasattr(remote, "load") else remote.state()


def test_a_rule_can_match_a_lone_surrogate(mock: SegmentMock) -> None:
    rule = {"kind": "error", "status": 503, "match": {"json": {"name": "\ud800"}}}
    session = mock.session()
    added = session.post("/_mock/faults", data=json.dumps(rule), headers=HEADERS)
    response = session.put(
        "/segments/s", data=BODIES["segmenter name"][2].replace("%s", LONE_SURROGATE), headers=HEADERS
    )

    assert (201, 503) == (added.status_code, response.status_code)
    assert 200 == session.get("/_mock/faults").status_code


def test_the_report_of_a_failed_test_is_printed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        def test_red(segment_mock):
            for method, path, body in {[*BODIES.values()]!r}:
                body = body.replace("%s", {LONE_SURROGATE!r})
                segment_mock.session().request(method, path, data=body, headers={HEADERS!r})
            assert False
        """
    )
    result: Any = pytester.runpytest(*RUN, "--segment-mock-capsules", "kept")

    result.stdout.fnmatch_lines(["5 calls; seed 0; *", "replay: segment-mock replay *"])
    assert 2 == len([*pytester.path.glob("kept/*")])
