"""Error messages for users: they name the file and the place, and quote no messages of a parser or of the system."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_mock import NetworkBlocked, SegmentMock, SettingError, WouldHangForever, connect, faults
from segment_mock.cli import main
from segment_mock.vendors import find_vendors

VENDORS = [vendor.name for vendor in find_vendors()]
ID = "00000000-0000-4000-8000-000000000001"
LEAKS = re.compile(
    r"\[Errno|<unicode string>|\(char \d|<class |object at 0x|one of \[|\bNone\b|valid (float|integer)|SSL: "
)
"""Fragments of messages of Python, PyYAML, json and Click."""

FILES = [
    ("a.yaml", "salsa:\n  segments:\n    - name: A\n     type: CUSTOM\n", "{}: it is not valid YAML: "),
    ("a.yaml", "salsa: !!python/object:os.system {}\n", "{}: its tag '!!python/object:os.system' is not supported"),
    ("a.json", '{"salsa": {"segments": [{"name": "A"},]}}', "{}: it is not valid JSON: "),
    (
        "a.yaml",
        "salsa: {segments: [{name: on}]}",
        "{}: salsa.segments[0].name: true is not text; if it is meant as",
    ),
    ("a.yaml", "salsa: {segments: [{name: null}]}", "{}: salsa.segments[0].name: null is not text"),
    ("a.yaml", "salsa: {segments: [{name: {a: null}}]}", '{}: salsa.segments[0].name: {{"a": null}} is not text'),
    (
        "a.yaml",
        "salsa: {segments: [{name: A, type: DEFALT}]}",
        "{}: salsa.segments[0].type: 'DEFALT' is not one of ",
    ),
    ("a.yaml", "- name: A", "{}: expected a dictionary of vendors, got a list; the form is "),
    (
        "a.yaml",
        "salsas: {}",
        "{}: salsas: unknown vendor (did you mean 'salsa'?); expected one of ",
    ),
    ("a.yaml", "segments: [{name: A}]", "{}: segments: expected a dictionary of collections, got a list; the form is "),
    ("a.yaml", "salsa: [{name: A}]", "{}: salsa: expected a dictionary of collections, got a list; the form is "),
    (
        "a.yaml",
        "salsa: {segments: {name: A}}",
        '{}: salsa.segments: expected a list of records, got {{"name": "A"}}; the form is ',
    ),
    (
        "a.yaml",
        "salsa: {segments: [A]}",
        "{}: salsa.segments[0]: expected a dictionary such as {{\"name\": ...}}, got 'A'",
    ),
    (
        "a.yaml",
        "stubs: [{method: GET, path: /}, {pth: /}]",
        "{}: stubs[1]: unknown member 'pth' (did you mean 'path'?)",
    ),
    (
        "a.yaml",
        f"salsa: {{segments: [{{name: A, segmentId: {ID}}}, {{name: B}}, {{name: C, segmentId: {ID}}}]}}",
        f"{{}}: salsa.segments[2]: the id '{ID}' is already used by salsa.segments[0]\n",
    ),
    (
        "a.yaml",
        f"salsa: {{segments: [{{name: A}}], supporters: [{{supporterId: {ID}}}],"
        f" members: [{{segment: A, supporters: [{ID}]}}, {{segment: A, supporters: [{ID}]}}]}}",
        f"{{}}: salsa.members[1].supporters[0]: the supporter '{ID}' is already listed in"
        " salsa.members[0].supporters[0]\n",
    ),
    (
        "a.yaml",
        "salsa: {segments: [{name: A}], members: [{segment: A, supporters: [x@example.org]}]}",
        "{}: salsa.members[0].supporters[0]: no supporter of this data has the id, external id or name 'x@example.org'",
    ),
    (
        "a.yaml",
        "segmenter: {segments: [{name: A, broadcastMediumId: m, segmentType: t, persons: [{id: p, externalId: e}]}],"
        " persons: [{id: q, externalId: e}]}",
        "{}: segmenter.persons[0]: the externalId 'e' is already used by segmenter.segments[0].persons[0]\n",
    ),
    (
        "a.yaml",
        "segmenter: {persons: [{id: p, externalId: e}, {externalId: e},"
        " {id: q, externalId: f}, {id: r, externalId: f}]}",
        "{}: segmenter.persons[3]: the externalId 'f' is already used by segmenter.persons[2]\n",
    ),
    (
        "a.yaml",
        "segmenter: {persons: [{id: p, externalId: e}, {externalId: e}],"
        " segments: [{id: s, name: A}, {id: s, name: B}]}",
        "{}: segmenter.segments[1]: the id 's' is already used by segmenter.segments[0]\n",
    ),
]


@pytest.mark.parametrize(("name", "content", "text"), FILES)
def test_an_error_in_a_data_file_names_file_place_and_value(name: str, content: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(content)

    result = CliRunner().invoke(main, ["serve", "--data", str(file)])

    assert result.exit_code == 2
    assert f"Error: {text.format(file)}" in result.stderr
    if "not valid" in text:
        assert re.search(r"\(line \d, column \d+\)", result.stderr)
    assert not LEAKS.search(result.stderr)


def test_a_duplicate_id_in_two_files_is_an_error_that_names_both_files(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(f"salsa: {{segments: [{{name: A}}, {{name: B, segmentId: {ID}}}]}}")
    second.write_text(f"salsa: {{segments: [{{name: C, segmentId: {ID}}}]}}")

    with pytest.raises(SettingError) as refused:
        SegmentMock(data=[str(first), str(second)])

    assert str(refused.value) == (
        f"{second}: salsa.segments[0]: the id '{ID}' is already used by {first}: salsa.segments[1]"
    )


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("data: {salsa: {segments: [{nam: A}]}}", "data.salsa.segments[0].nam: unknown member"),
        ("data: [demo, {salsa: {segments: [{nam: A}]}}]", "data[1].salsa.segments[0].nam: unknown member"),
        ("data: [demo, {salsa: {segments: {}}}]", "data[1].salsa.segments: expected a list of records, got {}"),
        ("faults: [error, {kind: latncy}]", "faults[1]: unknown fault kind 'latncy'"),
        ("stubs: [{method: GET, pth: /x}]", "stubs[0]: unknown member 'pth'"),
        ("scenarios: [{a-b: {faults: [{kind: latncy}]}}]", "scenarios[0].a-b.faults[0]: unknown fault kind 'latncy'"),
        ("scenarios: [{a-b: {fautls: []}}]", "scenarios[0].a-b: unknown member 'fautls'"),
    ],
)
def test_an_error_in_a_settings_file_names_file_and_place(settings: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(settings)

    result = CliRunner().invoke(main, ["serve", "--config", str(file)])

    assert result.exit_code == 2
    assert f"Error: {file}: {text}" in result.stderr


def test_an_error_in_an_argument_begins_with_the_path_of_the_value() -> None:
    good, bad = {"salsa": {"segments": [{"name": "A"}]}}, {"salsa": {"segments": [{"nam": "A"}]}}
    mock = SegmentMock()
    places = {
        "data.salsa.segments[0].nam: unknown": lambda: SegmentMock(data=bad),
        "data[1].salsa.segments[0].nam: unknown": lambda: SegmentMock(data=[good, bad]),
        "salsa.segments[0].nam: unknown": lambda: mock.load(bad),
        "salsa.supporters[0].frstName: unknown": lambda: mock.salsa.add_supporter(frstName="A"),
    }
    for place, call in places.items():
        with pytest.raises(SettingError, match=f"^{re.escape(place)}"):
            call()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["serve", "--data", "nothere.yaml"], "nothere.yaml: No such file or directory; the current folder is "),
        (["serve", "--data", "dmo"], "dmo: No such file or directory (did you mean 'demo'?); the current folder is "),
        (["serve", "--data", "/"], "/: Is a directory\n"),
        (["serve", "--port", "99999"], "port: expected at most 65535, got 99999 (--port)"),
        (["serve", "--prt", "0"], "No such option '--prt'. Did you mean '--port'?"),
        (
            ["journal", "--body", "{bad"],
            "is not JSON: expecting property name enclosed in double quotes (line 1,",
        ),
        (
            ["serve", "--store", "sqlite:///nodir/x.db"],
            "store: 'nodir/x.db' can't be used: the folder 'nodir'",
        ),
        (["journal", "abc"], "'abc' is not a whole number."),
        (["journal", "--url", "http://127.0.0.1:1"], "no segment-mock answers: Connection refused; start one with "),
        (["clock", "advance", "soon"], "'soon' is not a number."),
        (["openapi", "salsas"], "'salsas' is not one of {vendors}, 'mock' (did you mean 'salsa'?)."),
        (["conform", "--target", "ftp://x"], "without query or fragment, got 'ftp://x'"),
        (["conform", "--target", "ftp://user:secret@x"], "without query or fragment\n"),
        (
            ["conform", "--target", "http://127.0.0.1:1", "--only", "salsa/x*"],
            "`segment-mock vendors --json` lists the examples",
        ),
    ],
)
def test_errors_of_commands_are_in_plain_words(arguments: list[str], text: str) -> None:
    result = CliRunner().invoke(main, arguments)

    assert text.replace("{vendors}", ", ".join(map(repr, VENDORS))) in result.stderr
    assert not LEAKS.search(result.stderr)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (lambda mock: SegmentMock(seed="abc"), "seed: 'abc' is not a whole number"),
        (lambda mock: SegmentMock(data=5), "data: 5 is not a file, 'demo' or a dictionary"),
        (lambda mock: SegmentMock(data=""), "data: '' is not a file, 'demo' or a dictionary"),
        (lambda mock: SegmentMock(faults=" "), "faults: ' ' is not a file of rules, a rule or a fault"),
        (lambda mock: mock.faults.add(faults.Error), "fault: Error is a class; expected an object: faults.Error()"),
        (
            lambda mock: mock.faults.add("error", "salsa.upser"),
            "operation: unknown operation 'salsa.upser' (did you mean ",
        ),
        (lambda mock: mock.faults.add("error", "salsas.*"), "unknown operation 'salsas.*' (did you mean 'salsa.*'?)"),
        (
            lambda mock: SegmentMock(faults=["eror"]),
            "faults: unknown fault kind 'eror' (did you mean 'error'?); expect",
        ),
        (
            lambda mock: mock.salsa.add_segment("A", type="DEFALT"),
            "is not one of INTEGRATED, DEFAULT, CUSTOM (did you mean",
        ),
        (lambda mock: mock.journal.entries(limt=1), "unknown filter 'limt' (did you mean 'limit'?); expected one of "),
    ],
)
def test_errors_in_python_name_no_flag_and_no_class(action: Callable[[SegmentMock], object], text: str) -> None:
    with SegmentMock() as mock, pytest.raises(SettingError) as refused:
        action(mock)

    assert text in str(refused.value)
    assert "--" not in str(refused.value)
    assert not LEAKS.search(str(refused.value))


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("POST", "faults", {"kind": "error", "status": {"a": None}}, 'status: {"a": null} is not a whole number'),
        (
            "POST",
            "faults",
            [1],
            "faults[0]: fault: 1 can't be armed; expected the name of a kind, or an object with a 'kind'",
        ),
        ("PUT", "state", {"salsa": {"segments": [{"name": None}]}}, "salsa.segments[0].name: null is not text"),
        ("POST", "clock", {"set": "soon"}, "set: 'soon' is not a time such as 2018-03-21T15:12:09.310Z."),
        ("PUT", "state", [1], 'body: expected an object, got [1]; the form is {"salsa": {"segments": '),
        ("POST", "clock", 5, 'body: expected an object, got 5; the form is {"advance": 60}'),
        ("POST", "clock", {"frezze": True}, "unknown member 'frezze' (did you mean 'freeze'?); expected one of "),
        ("POST", "vendors/salsa/add_segment", "x", "body: expected an object, got 'x'; the form is {"),
        (
            "POST",
            "vendors/salsa/add_segment",
            {"argments": []},
            "unknown member 'argments' (did you mean 'arguments'?)",
        ),
        ("POST", "vendors/salsa/add_segment", {"arguments": {}}, "arguments: expected a list, got {}"),
        ("POST", "vendors/salsa/add_segment", {"keywords": [1]}, "keywords: expected an object, got [1]"),
        ("POST", "records/salsa/segments", 3, "body: expected an object, got 3; the form is {"),
        ("POST", "records/salsa/segments", {"befor": None}, "unknown member 'befor' (did you mean 'before'?)"),
        ("POST", "records/salsa/segments", {"before": None}, "after: it is missing; expected an object or null"),
        (
            "POST",
            "records/salsa/segments",
            {"before": [], "after": None},
            "before: expected an object or null, got []",
        ),
        ("POST", "faults", {"kind": 1}, "unknown fault kind 1; expected one of connect, "),
        ("POST", "faults", {"kind": "error", "match": {"zz": 1}}, "match: unknown key 'zz'; expected one of vendor, "),
        ("POST", "stubs", {"method": "GET"}, "stub: its path is missing; expected a dictionary with method and path"),
        ("POST", "clock", {}, "Expected one member, which is freeze, set or advance; got an empty object."),
        ("PATCH", "faults", None, "/_mock/faults takes no PATCH; expected DELETE, GET, POST."),
        ("POST", "rules", {}, "The control plane has no path '/_mock/rules' (did you mean 'faults'?)."),
        ("GET", "fault", None, "The control plane has no path '/_mock/fault' (did you mean 'faults'?)."),
        ("GET", "journal/x/changes", None, "(did you mean 'journal/{number}/changes'?)."),
        ("GET", "journal?limit=1&limit=2", None, "limit: it is given 2 times; expected one value"),
        ("DELETE", "faults", {"operation": "salsa.*"}, "DELETE /_mock/faults takes no body"),
        ("DELETE", "journal", [], "DELETE /_mock/journal takes no body"),
        ("POST", "reset", {"organization": "a"}, "POST /_mock/reset takes no body"),
        (
            "GET",
            "journal?opration=x",
            None,
            "unknown parameter 'opration' (did you mean 'operation'?); expected one of ",
        ),
    ],
)
def test_errors_of_the_control_plane_quote_json_and_name_the_place(
    method: str, path: str, body: object, detail: str
) -> None:
    with SegmentMock() as mock, mock.session() as session:
        problem = session.request(method, f"/_mock/{path}", json=body).json()

    assert detail in problem["detail"]
    assert not LEAKS.search(problem["detail"])


def test_only_an_unknown_path_of_the_control_plane_has_a_hint() -> None:
    with SegmentMock() as mock, mock.session() as session:
        path, fault = (session.delete(f"/_mock/{name}").json() for name in ("nothing", "faults/99"))

    assert "openapi.json" in path["hint"]
    assert fault["detail"].startswith("No fault has the id '99'")
    assert fault["hint"] == ""


def test_errors_in_python_quote_values_with_repr() -> None:
    with pytest.raises(SettingError, match=r"segments\[0\]\.name: None is not text$"):
        SegmentMock(data={"salsa": {"segments": [{"name": None}]}})


def test_an_address_in_use_is_named_once() -> None:
    with SegmentMock() as mock:
        port = str(mock.serve().port)
        result = CliRunner().invoke(main, ["serve", "--port", port])

    assert result.exit_code == 3
    assert f"Error: Address already in use: 127.0.0.1:{port}; --port 0 picks a free port\n" in result.stderr


def test_the_error_for_a_missing_server_has_no_errno() -> None:
    with pytest.raises(ConnectionError, match=r"no segment-mock answers: Connection refused; .* correct the address$"):
        connect("http://127.0.0.1:1").reset()


GROUPS = "https://api.salsalabs.org/api/integration/ext/v1/segments"


def test_the_repr_of_the_parts_of_a_mock_shows_their_content() -> None:
    with SegmentMock() as mock, mock.session() as session:
        mock.clock.freeze("2026-01-01T00:00:00Z")
        session.put(GROUPS, json={"payload": {"segments": [{"name": "A"}]}}, headers={"authToken": "any"})
        empty = repr(mock.faults)
        mock.faults.add("error", times=1)

        assert repr(mock) == f"<SegmentMock of {', '.join(VENDORS)}>"
        assert repr(mock.journal) == "<Journal of 1 call>"
        assert repr(mock.salsa) == "<SalsaState: 1 segments, 0 supporters, 0 members>"
        assert repr(mock.clock) == "<Clock at 2026-01-01T00:00:00.000Z (frozen)>"
        assert empty == "<FaultRules: none is armed>"
        assert repr(mock.faults).startswith("<FaultRules: <rule 1: error on *")


def test_an_assertion_on_calls_names_its_conditions() -> None:
    with SegmentMock() as mock, mock.session() as session:
        session.put(GROUPS, json={"payload": {}}, headers={"authToken": "any"})
        with pytest.raises(AssertionError) as late:
            mock.journal.assert_called("salsa.*", times=2, within=5)
        with pytest.raises(AssertionError) as header:
            mock.journal.assert_called("salsa.*", headers={"X-Run": "7"})

    assert "salsa.*: expected 2 calls in this time, found 1 of 1." in str(late.value)
    assert "salsa.*: expected at least 1 call with these headers, found 0 of 1." in str(header.value)


@pytest.mark.parametrize("words", [["rules", "add", "{}"], ["state", "import", "{}"]])
def test_an_error_of_the_server_in_a_file_names_the_file(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text('[{"kind": "eror"}]' if words[0] == "rules" else '{"salsa": {"segments": [{"nam": "A"}]}}')

    with SegmentMock() as mock:
        url = mock.serve().url
        result = CliRunner().invoke(main, [word.format(file) for word in words] + ["--url", url])

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {file}: ")


@pytest.mark.parametrize("error", [SettingError, NetworkBlocked, WouldHangForever])
def test_exceptions_have_the_module_from_which_users_import_them(error: type[Exception]) -> None:
    assert error.__module__ == "segment_mock"
    assert repr(pickle.loads(pickle.dumps(error("why")))) == repr(error("why"))


@pytest.mark.parametrize("leak", ["[Errno 2] No", 'in "<unicode string>", line', "column 1 (char 0)", "one of ['a']"])
def test_the_pattern_finds_messages_of_libraries(leak: str) -> None:
    assert LEAKS.search(leak)
