"""What a failed test tells of its mock: calls, changes, faults, and a capsule to replay them."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ._sweep_case import CASE, WATCHED, told
from ._used import forget, used

if TYPE_CHECKING:
    from segment_mock import SegmentMock

_CALLS = 20
"""How many calls are shown; the capsule has all."""
_WIDTH = 110


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--segment-mock-capsules``."""
    about = "Folder for the capsules of failed tests (default: a folder of pytest's own temporary one)."
    parser.getgroup("segment-mock").addoption("--segment-mock-capsules", metavar="DIR", help=about)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report of a failed test a section on each mock it used."""
    report = yield
    if report.failed:
        for number, mock in enumerate(used(item)):
            report.sections.append(("segment-mock", "\n".join(_told(item, mock, number))))
        forget(item)
    return report


def _told(item: pytest.Item, mock: SegmentMock, number: int) -> Iterator[str]:
    entries, clock = [*mock.journal], mock.clock
    frozen = " (frozen)" if clock.frozen else ""
    shown = f", the last {_CALLS} shown" if len(entries) > _CALLS else ""
    forgot = f", {mock.journal.forgotten} older ones forgotten" if mock.journal.forgotten else ""
    calls = "1 call" if len(entries) == 1 else f"{len(entries)} calls"
    yield f"{calls}{shown}{forgot}; seed {mock.settings['seed']}; the mock's clock: {clock.iso()}{frozen}"
    if entries:
        begun = entries[0].time
        yield f"  {'#':>3}  {'after':>8}  {'operation':<28} {'answer':<10} what changed, fault, what the reply says"
    for entry in entries[-_CALLS:]:
        faults = [f"fault {name}" for name in entry.faults]
        what = "; ".join(filter(None, [_changes(entry), *faults, _words(entry), entry.hint]))
        row = f"  {entry.id:>3}  {entry.time - begun:>7.3f}s  {entry.operation:<28} {_answer(entry):<10} {what}"
        yield _cut(row.rstrip())
    changes = [f"  #{entry.id} {line}" for entry in entries[-_CALLS:] for line in map(_change, entry.changes)]
    yield from ["changes:", *map(_cut, changes)] if changes else ["no call changed a record"] if entries else []
    rules = [rule for rule in mock.faults.armed if rule.fired or rule.where != WATCHED]
    yield from ["faults:"] if rules else []
    for rule in rules:
        yield f"  rule {rule.id} {_fault(rule)} on {rule.operation}: {rule.why()}; armed by {rule.where}"
    if entries:
        yield _kept(item, mock, number)


def _fault(rule: Any) -> str:
    return told(rule.fault) if hasattr(rule.fault, "as_dict") else str(rule.kind)


def _answer(entry: Any) -> str:
    return str(entry.status) if entry.outcome == "answered" else f"{entry.status or ''} {entry.outcome}".strip()


def _changes(entry: Any) -> str:
    signs = [("+" if not row.before else "-" if not row.after else "~") + row.table for row in entry.changes]
    return ", ".join(f"{sign} x{signs.count(sign)}" if signs.count(sign) > 1 else sign for sign in dict.fromkeys(signs))


def _words(entry: Any) -> str:
    """Return what the reply itself says of each item, or of all: a 200 may well be a refusal."""
    words = [*_said(entry.response_json)]
    return ", ".join(f"{word} x{words.count(word)}" if words.count(word) > 1 else word for word in dict.fromkeys(words))


def _said(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (str(value[name]) for name in ("result", "message", "errorMessage") if value.get(name))
    for member in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _said(member)


def _change(row: Any) -> str:
    if row.before is None or row.after is None:
        deed, record = ("added", row.after) if row.before is None else ("removed", row.before)
        return f"{row.table} {deed} {json.dumps(record, default=str)}"
    names = [name for name in {**row.before, **row.after} if row.before.get(name) != row.after.get(name)]
    what = ", ".join(f"{name}: {row.before.get(name)!r} -> {row.after.get(name)!r}" for name in names)
    return f"{row.table} {row.key} changed {what}"


def _cut(line: str) -> str:
    return line if len(line) <= 2 * _WIDTH else line[: 2 * _WIDTH - 3] + "..."


def _kept(item: pytest.Item, mock: SegmentMock, number: int) -> str:
    """Write the capsule, and return the line that replays it."""
    label = item.stash[CASE].label if CASE in item.stash else ""
    name = f"{item.nodeid}[{label}]" if label else item.nodeid
    try:
        text = json.dumps(mock.journal.capsule(name), indent=1)
    except (LookupError, OSError) as error:
        return f"no capsule: {error}"
    # What a file system takes of an id may be the same for two of them.
    unique = blake2b(f"{name} {number}".encode(), digest_size=3).hexdigest()
    plain = re.sub(r"[^\w.-]+", "-", name)[-80:].strip("-.")
    file = _folder(item.config) / f"{plain}-{unique}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return f"replay: segment-mock replay {file}"


def _folder(config: pytest.Config) -> Path:
    chosen = config.getoption("--segment-mock-capsules")
    if chosen:
        return Path(config.invocation_params.dir, chosen)
    return Path(config._tmp_path_factory.getbasetemp()) / "segment-mock"  # type: ignore[attr-defined]
