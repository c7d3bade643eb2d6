"""Explain why an assertion on calls failed: the most similar calls, their differences, and likely typos."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core import all_options, inner
from ..journal import Entry
from ..json_match import ABSENT, Mismatch, brief
from ..settings import suggestion
from ..wording import comma_list

if TYPE_CHECKING:
    from ..journal import EntryFilter
    from .source import Source

_INDEX = re.compile(r"\[\d+\]")
_FLAG = re.compile(r"(--[a-z][a-z-]*)(?: ([\w-]+))?")
_NEAR = 3
_PLACES = 6
"""How many calls, and how many places of each, are listed."""
_CLOSER = 20
"""How many calls (those with the fewest differences) are compared letter by letter, which is slow."""


class IgnoredField(NamedTuple):
    """A field of requests that the API ignores.

    ``operation`` and ``path`` say where it is; *path* has ``[*]`` for list items. *entry* is the first call that sent
    it, and *calls* the number of such calls. *suggestion* names the field that was probably intended.
    """

    entry: Entry
    calls: int
    path: str
    suggestion: str


def ignored_fields(core: Source) -> list[IgnoredField]:
    """Return the fields of all calls in the journal that the API ignores, once for each operation and path."""
    rows: dict[tuple[str, str], IgnoredField] = {}
    for entry in core.journal:
        for path in dict.fromkeys(_INDEX.sub("[*]", path) for path in entry.unread):
            row = rows.get((entry.operation, path))
            near = _known_name(core, entry, path) if row is None else row.suggestion
            first, count = (entry, 1) if row is None else (row.entry, row.calls + 1)
            rows[entry.operation, path] = IgnoredField(first, count, path, near)
    return [*rows.values()]


def _known_name(core: Source, entry: Entry, path: str) -> str:
    """Return ``" (did you mean 'email'?)"`` with the schema's nearest name to the last member of *path*."""
    vendor = core.vendors.get(entry.vendor)
    rows = [row for row in vendor.operations if f"{vendor.name}.{row.name}" == entry.operation] if vendor else []
    schema = rows[0].request if rows else None
    *steps, name = path.replace("[*]", "").split(".")
    for step in steps:
        schema = inner(schema.load_fields.get(step)) if schema is not None else None
    return suggestion(name, schema.load_fields) if schema is not None else ""


def hint_in_python(core: Source, hint: str) -> str:
    """Return *hint* with flags such as ``--limits off`` replaced by keywords such as ``limits='off'``."""
    options = {option.flag: option for option in all_options(core.vendors.values())}

    def keyword(flag: re.Match[str]) -> str:
        option, value = options.get(flag[1]), flag[2]
        if option is None:
            return flag[0]
        return f"{option.name}={value!r}" if value in option.choices else f"{option.name}{f' {value}' if value else ''}"

    return _FLAG.sub(keyword, hint) if "--" in hint else hint


def describe(entry: Entry) -> str:
    """Return *entry* as one line: number, request, response, and the line of code that made it."""
    response = str(entry.status) if entry.status is not None else entry.outcome
    by = f" by {', '.join(entry.faults)}" if entry.faults else ""
    at = f" at {entry.caller}" if entry.caller else ""
    return f"call {entry.id} {entry.operation}: {entry.method} {entry.target} -> {response}{by}{at}"


def explain(core: Source, entry_filter: EntryFilter, matching: Sequence[Entry], times: Any) -> str:
    """Explain why the number of *matching* calls is not *times* (None: at least one).

    *entry_filter* is the filter of the assertion.
    """
    calls = [entry for entry in core.journal if entry_filter.names(entry)]
    number = "at least 1 call" if times is None else f"{brief(times)} calls" if times != 1 else "1 call"
    expected = f"{number}{_conditions(entry_filter)}"
    lines = [f"{entry_filter.operation}: expected {expected}, found {len(matching)} of {len(calls)}."]
    lines += [f"  matches: {describe(entry)}" for entry in matching[-_NEAR:]]
    rest = [entry for entry in calls if entry not in matching]
    if len(matching) == 0 or (isinstance(times, int) and len(matching) < times):
        lines += _nearest(core, entry_filter, rest) if rest else _instead(core, entry_filter)
    lines += [
        f"  may match, but the journal does not keep its whole body: {describe(entry)}"
        for entry in [entry for entry in rest if entry_filter.may_match(entry)][-_NEAR:]
    ]
    if core.journal.forgotten:
        lines.append(f"  Earlier calls were dropped: {core.journal.describe_contents()}.")
    return "\n".join(lines)


def _conditions(entry_filter: EntryFilter) -> str:
    names = ("status", "fault", "organization", "headers", "query", "json")
    conditions = [name for name in names if getattr(entry_filter, name) is not None]
    is_in_time = entry_filter.after is not None or entry_filter.before is not None
    these = "these" if len(conditions) > 1 or conditions in (["headers"], ["query"]) else "this"
    return (f" with {these} {comma_list(conditions)}" if conditions else "") + (" in this time" if is_in_time else "")


def _nearest(core: Source, entry_filter: EntryFilter, calls: Sequence[Entry]) -> Iterator[str]:
    roughly = sorted((([*entry_filter.misses(entry)], entry) for entry in calls), key=_number)
    ranked = sorted(roughly[:_CLOSER], key=_distance)
    for misses, entry in ranked[:_NEAR]:
        yield f"  nearest: {describe(entry)}" if entry is ranked[0][1] else f"  then: {describe(entry)}"
        for miss in misses[:_PLACES]:
            hint = typo(miss)
            yield f"    {miss}" + (f"  <- {hint}" if hint else "")
        if len(misses) > _PLACES:
            yield f"    and {len(misses) - _PLACES} more places"
        if entry.hint:
            yield f"    hint: {hint_in_python(core, entry.hint)}"
        if "//" in entry.path:
            yield "    its path has a double slash, which the mock merges, but the real vendor may not"


def _number(ranked: tuple[list[Mismatch], Entry]) -> tuple[int, int, int]:
    misses, entry = ranked
    return sum(not typo(miss) for miss in misses), len(misses), -entry.id


def _distance(ranked: tuple[list[Mismatch], Entry]) -> tuple[float, int]:
    misses, entry = ranked
    return sum(map(_weight, misses[:_PLACES])) + max(0, len(misses) - _PLACES), -entry.id


def _weight(miss: Mismatch) -> float:
    """Return the size of a difference, from nearly 0 (a likely typo) to 1 (unrelated values)."""
    if typo(miss):
        return 0.05
    near = SequenceMatcher(None, brief(miss.expected), brief(miss.actual)).ratio()
    return 1.1 - near


def _instead(core: Source, entry_filter: EntryFilter) -> Iterator[str]:
    """Yield the calls that were made instead of an operation that was never called."""
    others = [entry for entry in core.journal if entry_filter.since is None or entry.id > entry_filter.since]
    refused = [
        entry for entry in others if entry.operation.endswith((".no_such_operation", ".no_such_method", "unmatched"))
    ]
    for entry in refused[-_NEAR:]:
        yield f"  matched no operation: {describe(entry)}"
        if entry.hint:
            yield f"    hint: {hint_in_python(core, entry.hint)}"
    counts = Counter(entry.operation for entry in others if not entry_filter.names(entry))
    if counts:
        yield "  called instead: " + ", ".join(f"{name} x{count}" for name, count in counts.most_common(6))
    elif not others:
        yield "  nothing was called" + (f" after call {entry_filter.since}" if entry_filter.since else " at all")


def typo(miss: Mismatch) -> str:
    """Return the likely typo behind *miss*, or ``""``."""
    if miss.actual is ABSENT:
        return _misnamed(miss)
    return _value(miss.expected, miss.actual)


def _misnamed(miss: Mismatch) -> str:
    name = miss.path.rpartition(".")[2]
    same = [other for other in miss.others if _letters(other) == _letters(name)]
    near = same or get_close_matches(name, miss.others, n=1, cutoff=0.7)
    return f"sent as {near[0]!r}" if near else ""


def _letters(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _value(expected: Any, actual: Any) -> str:
    if isinstance(expected, str) and isinstance(actual, str):
        return _text(expected, actual)
    if isinstance(expected, (str, int, float)) and type(expected) is not type(actual) and _same_text(expected, actual):
        kinds = {str: "text", int: "a number", float: "a number", bool: "true or false"}
        return (
            f"{kinds.get(type(actual), 'another type')} where {kinds.get(type(expected), 'another type')} is expected"
        )
    if actual is None:
        return "null, which clears a member"
    return ""


def _same_text(expected: Any, actual: Any) -> bool:
    return brief(expected).strip("'").lower() == brief(actual).strip("'").lower()


def _text(expected: str, actual: str) -> str:
    if expected.strip() == actual.strip():
        return "it differs only in white space around it"
    if expected.casefold() == actual.casefold():
        return "it differs only in upper and lower case"
    if _letters(expected) == _letters(actual):
        return "it differs only in case and dashes"
    return ""
