"""What the report of a test says about its mocks.

For a failed test: the calls, changes and faults, and a capsule to replay the calls. For a test without a call to its
mock: which library that also intercepts calls was active, and how to let calls pass through it.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from .fixtures import forget_mocks, mock_factory, used_mocks
from .settings import MARKER, TRANSPORT
from .sweep import ARMED_BY, CASE, describe_fault, labelled

if TYPE_CHECKING:
    from segment_mock import SegmentMock

ADVICE: Mapping[str, str] = {
    "responses": 'responses.add_passthru("https://api.salsalabs.org")',
    "requests_mock": "requests_mock.Mocker(real_http=True)",
    "respx": 'respx_mock.route(host="api.salsalabs.org").pass_through()',
    "pytest_httpx": 'httpx_mock(should_mock=lambda request: request.url.host != "api.salsalabs.org")',
    "vcr": 'vcr.use_cassette(..., ignore_hosts=["api.salsalabs.org"])',
}
"""For each library that intercepts calls before a mock does, the line that lets calls to a vendor's host pass."""
_TITLE = "segment-mock"
_TESTS = 3
"""How many tests with the same advice are named."""
_CALLS, _CHANGES, _RULES = 20, 20, 10
"""How many lines of each kind are shown; the capsule has everything."""
_WIDTH = 200
_NAME = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--segment-mock-capsules``."""
    about = "Folder for the capsules of failed tests (default: in pytest's temporary folder)."
    parser.getgroup("segment-mock").addoption("--segment-mock-capsules", metavar="DIR", help=about)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Check which library may have answered instead of a mock, while stubs of fixtures are still active."""
    try:
        result = yield
    except Exception as error:
        _note_stubs(item, error.__traceback__)
        raise
    _note_stubs(item, None)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section on each mock to the report of a failed test."""
    if call.excinfo is not None:
        with suppress(Exception):  # a hook must not hide the test's own failure
            _hide_own_frames(call, call.excinfo)
    report = yield
    if report.failed:
        for number, mock in enumerate([*used_mocks(item), *mock_factory(item.config).open]):
            report.sections.append((_TITLE, "\n".join(_lines(item, mock, number))))
        forget_mocks(item)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the notes on stubs of passed tests; for a failed test, its report has them."""
    tests: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("passed", ()):
        for title, line in getattr(report, "sections", ()):
            if title == f"Captured {_TITLE} call":
                tests.setdefault(line, []).append(report.nodeid)
    if not tests:
        return
    terminalreporter.section(_TITLE)
    for line, names in tests.items():
        more = f" and {len(names) - _TESTS} more" if len(names) > _TESTS else ""
        terminalreporter.line(f"{', '.join(names[:_TESTS])}{more}: {line}")


def _hide_own_frames(call: pytest.CallInfo[None], excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """End the traceback of a `SettingError` with the user's own line, because the frames below do not help."""
    settings = sys.modules.get("segment_mock.settings")
    if settings is None or not isinstance(excinfo.value, settings.SettingError):
        return
    folder = str(Path(settings.__file__ or "").parents[1])
    frames: list[TracebackType] = []
    frame = excinfo.tb
    while frame is not None:
        if not frame.tb_frame.f_code.co_filename.startswith(folder):
            frames.append(frame)
        frame = frame.tb_next  # type: ignore[assignment]
    shortened: TracebackType | None = None
    for frame in reversed(frames):
        shortened = TracebackType(shortened, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    if shortened is not None:
        error = excinfo.value
        call.excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error, shortened))


def _lines(item: pytest.Item, mock: SegmentMock, number: int) -> Iterator[str]:
    from segment_mock.json_match import printable

    for text in _section(item, mock, number):
        yield from map(printable, text.split("\n"))


def _section(item: pytest.Item, mock: SegmentMock, number: int) -> Iterator[str]:
    """Yield the lines of the report on *mock*.

    If a part can't be shown, one line says so, and the other parts follow.
    """
    entries = _entries(item, mock)
    parts: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("the head", lambda: [_head(mock, entries)]),
        ("the calls", lambda: _calls(mock, entries)),
        ("the changes", lambda: _change_lines(entries)),
        ("the faults", lambda: _rules(mock)),
        ("the threads", _older_threads),
    ]
    for name, lines in parts:
        try:
            yield from [_cut(line) for line in lines()]
        except Exception as error:
            yield f"{name} can't be shown: {_cut(f'{type(error).__name__}: {error}')}"
    if entries:
        try:
            yield f"replay: segment-mock replay {_capsule(item, mock, number)}"
        except Exception as error:
            yield f"no capsule: {_cut(_reason(error))}"


def _older_threads() -> list[str]:
    """Return a line for each call of a thread that an earlier test has started and not ended."""
    module = sys.modules.get("segment_mock.transports.inprocess.registry")
    return [*module.REGISTRY.calls_of_older_threads] if module else []


def _reason(error: Exception) -> str:
    """Return the reason for *error*: the file and the system's message, or the type and the message."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {error}"


def _entries(item: pytest.Item, mock: SegmentMock) -> list[Any]:
    """Return the calls that *item* made to *mock*; a mock of a wider scope also has the calls of other tests."""
    entries = [*mock.journal]
    if mock in mock_factory(item.config).open:
        own = [entry for entry in entries if entry.test.startswith(item.nodeid)]
        return own or entries
    return entries


def _head(mock: SegmentMock, entries: list[Any]) -> str:
    from segment_mock.wording import plural

    clock = mock.clock
    note = f", the last {_CALLS} shown" if len(entries) > _CALLS else ""
    forgotten = f", {mock.journal.forgotten} older dropped" if mock.journal.forgotten else ""
    calls = plural(len(entries), "call")
    return f"{calls}{note}{forgotten}; seed {mock.settings['seed']}; the mock's clock: {_time(clock)}"


def _time(clock: Any) -> str:
    try:
        return f"{clock.iso()}{' (frozen)' if clock.frozen else ''}"
    except (OverflowError, OSError, ValueError):
        return f"{clock.now()} seconds since 1970, outside the years 1 to 9999"


def _calls(mock: SegmentMock, entries: list[Any]) -> Iterator[str]:
    if not entries:
        return
    first = entries[0].time
    width = max(len(entry.caller) for entry in entries[-_CALLS:])
    where = f"  {'called at':<{width}}" if width else ""
    columns = "changes, faults, results, hint"
    yield f"  {'#':>3}  {'after':>8}  {'operation':<28} {'response':<10}{where}  {columns}"
    for entry in entries[-_CALLS:]:
        faults = [f"fault {name}" for name in entry.faults]
        hint = mock.journal.hint(entry)
        details = "; ".join(filter(None, [_changed_tables(entry), *faults, _page(entry), _result_words(entry), hint]))
        at = f"  {entry.caller:<{width}}" if width else ""
        row = f"  {entry.id:>3}  {entry.time - first:>7.3f}s  {entry.operation:<28} {_status(entry):<10}{at}  {details}"
        yield row.rstrip()


def _status(entry: Any) -> str:
    return str(entry.status) if entry.outcome == "answered" else f"{entry.status or ''} {entry.outcome}".strip()


def _changed_tables(entry: Any) -> str:
    signs = [("+" if not row.before else "-" if not row.after else "~") + row.table for row in entry.changes]
    return ", ".join(_counted(signs))


def _counted(words: list[str]) -> list[str]:
    """Return each of *words* once, with its number if there are several of it."""
    return [word if count == 1 else f"{word} x{count}" for word, count in Counter(words).items()]


def _page(entry: Any) -> str:
    """Return which page of the records a search returned, from the offset and total of its response."""
    document = entry.response_json
    payload = document.get("payload") if isinstance(document, dict) else None
    for part in (payload, document):
        if isinstance(part, dict) and isinstance(part.get("total"), int):
            page = [f"{name} {part[name]}" for name in ("offset", "count") if isinstance(part.get(name), int)]
            return " ".join([*page, f"of {part['total']}"])
    return ""


def _result_words(entry: Any) -> str:
    """Return the results in the response, for each item or for the whole call; a 200 response may be a refusal."""
    counts = _counted([*_words_in(entry.response_json)])
    return ", ".join(counts[:5] + ([f"and {len(counts) - 5} more"] if len(counts) > 5 else []))


def _words_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        member = f"{value['fieldName']}: " if value.get("fieldName") else ""
        yield from (
            f"{member if name == 'message' else ''}{value[name]}"[:_WIDTH]
            for name in ("result", "message", "errorMessage")
            if value.get(name)
        )
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _words_in(member)


def _change_lines(entries: list[Any]) -> Iterator[str]:
    lines = [f"  #{entry.id} {line}" for entry in entries[-_CALLS:] for line in _grouped(entry.changes)]
    if lines:
        yield "changes:"
        yield from lines[-_CHANGES:]
        if len(lines) > _CHANGES:
            yield f"  and {len(lines) - _CHANGES} lines of earlier changes"
    elif entries:
        yield "no call changed a record"


def _grouped(changes: Iterable[Any]) -> Iterator[str]:
    """Yield a line for each changed record, and one for all records that a call added to or removed from a table."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for change in changes:
        kind = "added" if change.before is None else "removed" if change.after is None else "changed"
        groups.setdefault((change.table, kind), []).append(change)
    for (table, kind), group in groups.items():
        if kind == "changed":
            yield from map(_update, group[:3])
            if len(group) > 3:
                yield f"{table} changed, {len(group) - 3:,} more"
            continue
        first = _json(group[0].after if kind == "added" else group[0].before)
        sign = "+" if kind == "added" else "-"
        yield f"{table} {kind} {first}" if len(group) == 1 else f"{sign}{len(group):,} {table}, first {first}"


def _update(change: Any) -> str:
    names = [name for name in {**change.before, **change.after} if change.before.get(name) != change.after.get(name)]
    members = [f"{name}: {_values(change.before.get(name), change.after.get(name))}" for name in names]
    return f"{change.table} {change.key} changed {', '.join(members)}"


def _values(before: Any, after: Any) -> str:
    """Return the change of a member as text; for long lists, only the lengths."""
    are_collections = all(value is None or isinstance(value, (list, dict)) for value in (before, after))
    if are_collections and max(len(str(before)), len(str(after))) > 60:
        return f"{len(before or ()):,} -> {len(after or ()):,}"
    return f"{before!r} -> {after!r}"


def _json(record: Any) -> str:
    return json.dumps(record, default=str)


def _rules(mock: SegmentMock) -> Iterator[str]:
    rules = [rule for rule in mock.faults.armed if rule.fired or rule.where != ARMED_BY]
    if rules:
        yield "faults:"
    for rule in rules[:_RULES]:
        fault = describe_fault(rule.fault)
        yield f"  rule {rule.id} {fault} on {rule.operation}: {rule.explain()}; armed by {rule.where}"
    if len(rules) > _RULES:
        yield f"  and {len(rules) - _RULES} more"


def _cut(line: str) -> str:
    line = " ".join(line.splitlines()) if "\n" in line else line
    return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."


def _capsule(item: pytest.Item, mock: SegmentMock, number: int) -> Path:
    """Write the capsule, with the journal as HAR beside it, and return the capsule's path."""
    case = item.stash[CASE].label if CASE in item.stash else ""
    name = labelled(item.nodeid, item.stash.get(TRANSPORT, ""), case)
    text = json.dumps(mock.journal.capsule(name), indent=1, default=repr)
    # The file begins with the name of the test; a hash keeps shortened names of different tests apart.
    unique = blake2b(f"{name} {number}".encode(), digest_size=3).hexdigest()
    plain = re.sub(r"[^\w.-]+", "-", _last_part(name))
    file = _folder(item.config) / f"{plain[:_NAME].strip('-.')}-{unique}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.with_suffix(".har").write_text(json.dumps(mock.journal.har(), default=repr), encoding="utf-8")
    return file


def _last_part(nodeid: str) -> str:
    name, bracket, rest = nodeid.partition("[")
    return name.rpartition("::")[2] + bracket + rest


def _folder(config: pytest.Config) -> Path:
    folder = config.getoption("--segment-mock-capsules")
    if folder:
        return Path(config.invocation_params.dir, folder)
    return Path(config._tmp_path_factory.getbasetemp()) / "segment-mock"  # type: ignore[attr-defined]


def _note_stubs(item: pytest.Item, traceback: TracebackType | None) -> None:
    mocks = used_mocks(item)
    if not mocks or MARKER not in getattr(item, "fixturenames", ()) or any(len(mock.journal) for mock in mocks):
        return
    for library in dict.fromkeys([*_active_libraries(), *_libraries_in(traceback)]):
        line = (
            f"no call reached the mock while {library}, which intercepts calls first, was active; "
            f"to let calls pass, use {ADVICE[library]}"
        )
        item.add_report_section("call", _TITLE, line)


def _active_libraries() -> Iterator[str]:
    """Yield the libraries whose stubs are active in a client library."""
    for library, is_active in _IS_ACTIVE.items():
        if library in sys.modules:
            try:
                if is_active(sys.modules):
                    yield library
            except (AttributeError, KeyError):  # another version, or its client library is not imported
                continue


def _libraries_in(traceback: TracebackType | None) -> Iterator[str]:
    """Yield the libraries that have a frame in *traceback*."""
    while traceback is not None:
        library = traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if library in ADVICE:
            yield library
        traceback = traceback.tb_next


def _is_of(function: Any, library: str) -> bool:
    return bool(function.__module__.partition(".")[0] == library)


_IS_ACTIVE: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "responses": lambda modules: _is_of(modules["requests.adapters"].HTTPAdapter.send, "responses"),
    "requests_mock": lambda modules: _is_of(modules["requests.sessions"].Session.send, "requests_mock"),
    "respx": lambda modules: any(mocker._patches for mocker in modules["respx.mocks"].Mocker.registry.values()),
    "pytest_httpx": lambda modules: _is_of(modules["httpx"].HTTPTransport.handle_request, "pytest_httpx"),
    "vcr": lambda modules: _is_of(modules["urllib3.connectionpool"].HTTPConnectionPool.ConnectionCls, "vcr"),
}
