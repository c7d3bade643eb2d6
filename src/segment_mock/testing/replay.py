"""Replay a capsule: perform its calls with the same state, seed, clock and faults, and compare the responses."""

from __future__ import annotations

import json
import logging
import math
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from ..clock import seconds
from ..core import Call, Proceed
from ..emulator import Emulator
from ..faults import fault_from_json
from ..json_match import Mismatch, brief, is_deep, mismatches
from ..messages import Request, Response, run_sync
from ..settings import SettingError, within
from ..wording import plural
from .capsule import ELSEWHERE, FORM, FORMS, response_of

_REDACTED = "[redacted"
_NEAR = 1.0
"""Seconds by which a time may differ if the clock was running when the capsule was written."""


@dataclass
class Replayed:
    """A replayed call with its differences; *skipped* is the reason if the call was not performed.

    *call* is the call in the capsule; *response* is that of the replay, in the same form.
    """

    id: int
    operation: str
    differences: list[Mismatch] = field(default_factory=list)
    skipped: str = ""
    call: Mapping[str, Any] = field(default_factory=dict)
    response: Mapping[str, Any] = field(default_factory=dict)


class Replay:
    """A mock in the state before the first call of the capsule *document*.

    Raises `SettingError` for an invalid capsule.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        if not isinstance(document, Mapping) or document.get("capsule") != FORM or document["capsule"] is True:
            if not isinstance(document, Mapping) or "capsule" not in document:
                raise SettingError("it is not a capsule: it is not an object with a member 'capsule'")
            form = brief(document["capsule"])
            raise SettingError(f"capsule: {form} is not {FORM}, the format of the capsules that this version writes")
        _check_settings(document)
        try:
            with within("settings: "):
                self._emulator = Emulator(document["settings"])
            self._capsule = document
            _check(document)
            for organization, records in document["data"].items():
                self._emulator.load(records, organization, _place_of_data(organization))
            self._emulator.stubs.load(document.get("stubs", []))
        except _MALFORMED as error:
            raise _unusable("capsule", error) from error
        self._turn = 0

    def warnings(self) -> Iterator[str]:
        """Yield a warning for everything that the capsule could not store, so that the replay can't reproduce it."""
        try:
            yield from self._warnings()
        except _MALFORMED as error:
            raise _unusable("faults", error) from error

    def _warnings(self) -> Iterator[str]:
        if self._capsule["forgotten"]:
            count = plural(self._capsule["forgotten"], "earlier call")
            yield f"the journal had dropped {count}; new ids and limits may differ"
        for rule in self._capsule["faults"]:
            if rule.get("fired"):
                name = rule["function"]
                yield f"rule {rule['id']} is the function {name}, which a capsule can't store: it never strikes"

            if "connection" in rule.get("rule", {}).get("when", {}):
                yield f"rule {rule['id']} depends on a call's number on its connection; in a replay, it is always 1"
        for call in self._capsule["calls"]:
            if call["replaced"]:
                yield f"all records were replaced before call {call['id']}, and the capsule does not have the new ones"

    def calls(self) -> Iterator[Replayed]:
        """Perform the calls one by one."""
        for index, call in enumerate(self._capsule["calls"]):
            try:
                yield self._replayed(call)
            except _MALFORMED as error:
                raise _unusable(f"calls[{index}]", error) from error

    def _replayed(self, call: Mapping[str, Any]) -> Replayed:
        self._arm(call["id"])
        self._write(call["before"])
        if not call["whole"] or call["answer"]["outcome"] == "open":
            why = "its body was cut in the journal" if not call["whole"] else "it had no response yet"
            return Replayed(call["id"], call["operation"], skipped=why, call=call)
        with _log_held_back() as records:
            now = json.loads(json.dumps(self._response_to(call)))
            if [*self._emulator.journal][-1].refusal == "broken" and now["status"] != call["answer"]["status"]:
                records.clear()
                raise ValueError("a record that was written before the call does not fit its table")
        differences = [*self._differences(call["answer"], now)]
        return Replayed(call["id"], call["operation"], differences, call=call, response=now)

    def _arm(self, call: int) -> None:
        """Arm and disarm the rules that were armed and disarmed before *call*, at the same times."""
        plan, clock = self._emulator.fault_rules, self._emulator.world.clock
        for row in self._capsule["faults"]:
            if row["until"] is not None and row["until"] < call:
                plan.remove(row["id"])
        for index, row in enumerate(self._capsule["faults"]):
            if index < len(plan.armed):
                continue
            if row["since"] >= call:
                break
            clock.set(row["armed"], frozen=True)
            with within(f"faults[{index}].rule: "):
                self._arm_rule(row)

    def _arm_rule(self, row: Mapping[str, Any]) -> None:
        plan = self._emulator.fault_rules
        if "function" in row:
            plan.add(_passes, times=0)
        elif "struck" in row:
            fault = dict(row["rule"])
            operation = fault.pop("operation", "*")
            plan.add(fault_from_json(fault), operation, partial(self._is_one_of, row["struck"]))
        else:
            plan.load(row["rule"])

    def _is_one_of(self, indexes: list[int], _: Call) -> bool:
        return self._turn in indexes

    def _write(self, rows: list[list[Any]]) -> None:
        """Repeat the writes of the test itself between two calls."""
        for organization, table, key, record in rows:
            rows_ = self._emulator.world.organization(organization).store[table]
            if record is None:
                rows_.delete(tuple(key) if isinstance(key, list) else key)
            else:
                rows_.put(record)

    def _response_to(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Perform a call again, and return its response."""
        clock, self._turn = self._emulator.world.clock, call["id"]
        clock.set(call["time"], frozen=True)
        headers = {
            name: call["credential"] if text.startswith(_REDACTED) else text for name, text in call["headers"].items()
        }
        request = Request(call["method"], call["target"], headers, body(call["body"]), "replay")
        with suppress(TimeoutError):  # the journal says that the client gave up, so it gives up again
            run_sync(self._emulator.answer(request), partial(self._wait, call["answer"]["outcome"] == "abandoned"))
        return response_of([*self._emulator.journal][-1])

    def _wait(self, gives_up: bool, delay: float) -> None:
        if gives_up or math.isinf(delay):
            raise TimeoutError
        self._emulator.world.clock.advance(delay)

    def _differences(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Mismatch]:
        for miss in mismatches(was, now, exact=True):
            if self._capsule["frozen"] or not _near(miss):
                yield miss


@contextmanager
def _log_held_back() -> Iterator[list[logging.LogRecord]]:
    """Collect the log records of this project within a ``with`` block, and log the remaining ones at its end."""
    records: list[logging.LogRecord] = []

    def hold(record: logging.LogRecord) -> bool:
        records.append(record)
        return False

    logger = logging.getLogger("segment_mock")
    logger.addFilter(hold)
    try:
        yield records
    finally:
        logger.removeFilter(hold)
        for record in records:
            logger.handle(record)


_MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""The exceptions of reading a capsule that does not have the form of this version."""
_TEXT, _LIST, _MAPPING, _NUMBER, _WHOLE, _FLAG = (str,), (list,), (Mapping,), (int, float), (int,), (bool,)
_CAPSULE = {
    "about": _TEXT, "frozen": _FLAG, "forgotten": _WHOLE, "data": _MAPPING, "faults": _LIST,
    "calls": _LIST,
}  # fmt: skip
_CAPSULE_OPTIONAL = {"segment_mock": _TEXT, "stubs": _LIST}
_FAULT = {"id": _TEXT, "since": _WHOLE, "until": (int, type(None)), "armed": _NUMBER}
_FAULT_OPTIONAL = {"rule": _MAPPING, "function": _TEXT, "fired": _WHOLE, "struck": _LIST}
_CALL = {
    "id": _WHOLE, "operation": _TEXT, "time": _NUMBER, "method": _TEXT, "target": _TEXT, "headers": _MAPPING,
    "credential": _TEXT, "body": _MAPPING, "whole": _FLAG, "before": _LIST, "replaced": _FLAG, "answer": _MAPPING,
}  # fmt: skip
_RESPONSE = {"status": (int, type(None)), "outcome": _TEXT, "body": _MAPPING}
_RESPONSE_OPTIONAL = {"faults": _LIST, "changes": _LIST}
_BODIES = (*FORMS, "text", "base64")
_TYPE_NAMES = {
    _TEXT: "text", _LIST: "a list", _MAPPING: "a dictionary", _NUMBER: "a number", _WHOLE: "a whole number",
    _FLAG: "true or false", (int, type(None)): "a whole number or null",
}  # fmt: skip


def _check_settings(document: Mapping[str, Any]) -> None:
    """Raise `SettingError` for settings that a capsule may not have, especially names of files."""
    _check_members(document, {"settings": _MAPPING}, "")
    for name in document["settings"]:
        if name in ELSEWHERE:
            # A capsule may come from another person, so open no file that it names.
            raise SettingError(f"settings: a capsule can't have the setting {name!r}")


def _check(document: Mapping[str, Any]) -> None:
    """Raise `SettingError` if *document* does not have the form of a capsule."""
    if is_deep([part for name, part in document.items() if name != "calls"]):
        raise SettingError("capsule: the document is nested too deeply")
    _check_members(document, _CAPSULE, "", _CAPSULE_OPTIONAL)
    for name, records in document["data"].items():
        _check_types({_place_of_data(name): records}, {_place_of_data(name): _MAPPING}, "")
    for index, row in enumerate(document["faults"]):
        _check_fault(row, f"faults[{index}]")
    for index, call in enumerate(document["calls"]):
        _check_call(call, f"calls[{index}]")


def _check_fault(row: Any, place: str) -> None:
    _check_types({place: row}, {place: _MAPPING}, "")
    _check_members(row, _FAULT, f"{place}.", _FAULT_OPTIONAL)
    _check_time(row["armed"], f"{place}.armed")
    if "function" not in row:
        _check_members(row, {"rule": _MAPPING}, f"{place}.")
        _check_members(row["rule"], {}, f"{place}.rule.", {"when": _MAPPING})


def _check_call(call: Any, place: str) -> None:
    _check_types({place: call}, {place: _MAPPING}, "")
    _check_members(call, _CALL, f"{place}.")
    _check_members(call["answer"], _RESPONSE, f"{place}.answer.", _RESPONSE_OPTIONAL)
    _check_time(call["time"], f"{place}.time")
    _check_body(call["body"], f"{place}.body")
    _check_body(call["answer"]["body"], f"{place}.answer.body")
    for name, text in call["headers"].items():
        _check_types({name: text}, {name: _TEXT}, f"{place}.headers.")
    for number, row in enumerate(call["before"]):
        if not isinstance(row, (list, tuple)) or len(row) != 4 or not isinstance(row[3], (Mapping, type(None))):
            at = f"{place}.before[{number}]"
            raise SettingError(f"{at}: expected a list of organization, table, key and record, got {brief(row)}")


def _check_time(moment: float, place: str) -> None:
    try:
        seconds(moment)
    except ValueError as error:
        raise SettingError(f"{place}: {error}") from None


def _check_body(document: Mapping[str, Any], place: str) -> None:
    if not document.keys() & set(_BODIES):
        raise SettingError(f"{place}: expected a dictionary with one of {', '.join(_BODIES)}, got {brief(document)}")
    _check_types(document, {name: _TEXT for name in ("text", "base64") if name in document}, f"{place}.")
    if "base64" in document:
        try:
            b64decode(document["base64"])
        except ValueError as error:
            raise SettingError(f"{place}.base64: {error}") from None


def _place_of_data(organization: str) -> str:
    """Return the place of the records of *organization* in a capsule; the name may be empty."""
    return f"data[{json.dumps(organization)}]"


def _check_members(
    document: Mapping[str, Any],
    members: Mapping[str, tuple[type, ...]],
    place: str,
    optional: Mapping[str, tuple[type, ...]] = MappingProxyType({}),
) -> None:
    for name in members:
        if name not in document:
            raise SettingError(f"{place}{name}: missing in the capsule")
    _check_types(document, {**members, **{name: types for name, types in optional.items() if name in document}}, place)


def _check_types(document: Mapping[str, Any], members: Mapping[str, tuple[type, ...]], place: str) -> None:
    for name, types in members.items():
        value = document[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise SettingError(f"{place}{name}: {brief(value)} is not {_TYPE_NAMES[types]}")


def _unusable(place: str, error: Exception) -> SettingError:
    if isinstance(error, SettingError):
        return error
    reason = f"{brief(error.args[0])}: missing" if isinstance(error, KeyError) else " ".join(str(error).split())
    return SettingError(f"{place}: it does not have the form of a capsule: {reason or type(error).__name__}")


def body(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a body in a capsule."""
    for name, dumped in FORMS.items():
        if name in document:
            return dumped(document[name]).encode()
    return str(document["text"]).encode() if "text" in document else b64decode(document["base64"])


def _near(miss: Mismatch) -> bool:
    """Return whether two values differ only because the clock was running: by a short time, or in a duration."""
    if miss.path.endswith("Time"):
        return True
    try:
        return abs(seconds(miss.expected) - seconds(miss.actual)) < _NEAR
    except (TypeError, ValueError):
        return False


async def _passes(call: Call, proceed: Proceed) -> Response:
    return await proceed()
