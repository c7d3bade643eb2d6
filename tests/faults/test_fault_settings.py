"""Settings of faults: their declarations validate a fault and write it as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from segment_mock import SettingError, faults
from segment_mock.faults import Fault, fault_from_json, option
from segment_mock.faults.base import CONDITIONS
from segment_mock.faults.rule import WHEN
from tests.faults.table import ROWS

F: Any = faults
NAN = float("nan")
WRONG = [
    ("Error", {"status": 199}, "fault error: status: expected at least 200, got 199"),
    ("Error", {"status": 600}, "fault error: status: expected at most 599, got 600"),
    ("Error", {"status": 500.0}, "fault error: status: 500.0 is not a whole number"),
    ("Error", {"status": True}, "fault error: status: True is not a whole number"),
    ("Error", {"after": "perhaps"}, "fault error: after: 'perhaps' is not true or false"),
    ("Error", {"body": 5}, "fault error: body: 5 is not text or an object"),
    ("Error", {"body": {"a": NAN}}, "fault error: body: {'a': nan} is not text or an object"),
    ("Error", {"body": {"a": {1}}}, "fault error: body: {'a': {1}} is not text or an object"),
    ("Error", {"headers": "x"}, "fault error: headers: 'x' is not a dictionary of names and values"),
    ("Error", {"retry_after": -1}, "fault error: retry_after: expected at least 0, got -1"),
    ("Error", {"retry_after": NAN}, "fault error: retry_after: nan is not a number"),
    ("Refuse", {"refusal": "throtled"}, "refusal: 'throtled' is not one of unauthorized, throttled, "),
    ("Refuse", {"refusal": "throtled"}, "(did you mean 'throttled'?)"),
    ("Item", {"result": "NOTFOUND"}, "(did you mean 'NOT_FOUND'?)"),
    ("Item", {"index": -1}, "fault item: index: -1 is not an index from 0, or a list of them"),
    ("Item", {"index": [0, "1"]}, "fault item: index: [0, '1'] is not an index from 0, or a list of them"),
    ("Item", {"index": True}, "fault item: index: True is not an index from 0"),
    ("Item", {"every": 0}, "fault item: every: expected at least 1, got 0"),
    ("Item", {"where": 5}, "fault item: where: 5 is not a dictionary of names and values"),
    ("Latency", {"seconds": -1}, "fault latency: seconds: expected at least 0, got -1"),
    ("Latency", {"seconds": float("inf")}, "fault latency: seconds: inf is not a number"),
    ("Latency", {"seconds": 1e9}, "fault latency: seconds: expected at most 604800, got 1000000000"),
    ("Latency", {"distribution": "gauss"}, "distribution: 'gauss' is not one of fixed, uniform, normal, lognormal"),
    ("Disconnect", {"reset": 2}, "fault disconnect: reset: 2 is not true or false"),
    ("Truncate", {"at": 1.0}, "fault truncate: at: 1.0 is not a fraction from 0.0 up to 1, or a number of bytes"),
    ("Truncate", {"at": -1}, "fault truncate: at: -1 is not"),
    ("Truncate", {"at": NAN}, "fault truncate: at: nan is not"),
    ("Truncate", {"at": "0.5"}, "fault truncate: at: '0.5' is not"),
    ("Drip", {"bytes_per_second": 0}, "fault drip: bytes_per_second: expected at least 0.001, got 0"),
    ("Drip", {"chunk": 10.0}, "fault drip: chunk: 10.0 is not a whole number"),
    ("Drip", {"chunk": 0}, "fault drip: chunk: expected at least 1, got 0"),
    ("Garble", {"how": "htlm"}, "(did you mean 'html'?)"),
    ("Stale", {"lag": 0}, "fault stale: lag: expected at least 1, got 0"),
    ("Stale", {"seconds": -1}, "fault stale: seconds: expected at least 0, got -1"),
    ("Drift", {"how": "new-field"}, "(did you mean 'new_field'?)"),
]
FAULTS = [
    *(row.fault for row in ROWS),
    F.Error(status=429, after=True, body={"a": [1]}, headers={"X": "1"}, retry_after=2.5),
    F.Error(body="text"),
    F.Item(result="NOT_FOUND", index=(0, 2), where={"name": "x"}, every=2, message="m"),
    F.Latency(seconds=2, jitter=1, distribution="normal", after=True),
    F.Truncate(at=10),
    F.Drip(bytes_per_second=1, chunk=1),
    F.Embedded(message="m"),
    F.Stale(lag=3),
    F.Stale(seconds=0),
]


@pytest.mark.parametrize(("name", "settings", "message"), WRONG, ids=lambda value: str(value)[:50])
def test_an_invalid_setting_is_refused_when_the_fault_is_created(name: str, settings: Any, message: str) -> None:
    """The error names kind, setting and value, and the bounds, choices or nearest name; JSON gives the same error."""
    for make in (
        lambda: getattr(faults, name)(**settings),
        lambda: fault_from_json({"kind": name.lower(), **settings}),
    ):
        with pytest.raises(SettingError) as caught:
            make()

        assert message in str(caught.value)
        assert "--" not in str(caught.value)


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ({"kind": "disconnect", "aftr": 1}, "'aftr' (did you mean 'after'?); expected one of reset, after"),
        ({"kind": "hang", "seconds": 1}, "fault hang: unknown setting 'seconds'; expected after"),
        ({"kind": "hang", 5: 1}, "fault hang: unknown setting 5; expected after"),
        ({"kind": "disconect"}, "unknown fault kind 'disconect' (did you mean 'disconnect'?); expected one of "),
        ({"kind": "EMPTY_RESPONS"}, "(did you mean 'EMPTY_RESPONSE'?)"),
        ({"kind": None}, "unknown fault kind None"),
        ({"kind": ["hang"]}, "(did you mean 'hang'?)"),
        ({"after": True}, "fault {'after': True}: its kind is missing; expected one of connect, disconnect, "),
    ],
)  # fmt: skip
def test_json_with_an_unknown_kind_or_setting_is_refused(definition: dict[Any, Any], sentence: str) -> None:
    """The error gives the nearest name and all valid names."""
    with pytest.raises(SettingError) as caught:
        fault_from_json(definition)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", [*CONDITIONS, "from_"])
@pytest.mark.parametrize("make", [lambda row: F.Error(**row), lambda row: fault_from_json({"kind": "error", **row})])
def test_a_condition_of_a_rule_is_not_a_setting_of_its_fault(make: Callable[[Any], Any], name: str) -> None:
    with pytest.raises(SettingError, match=rf"'{name}' is a condition of the rule.* faults.add\(.*, {name}="):
        make({name: 1})


def test_an_unknown_keyword_of_a_class_is_refused_with_all_keywords() -> None:
    with pytest.raises(SettingError, match=r"fault error: unknown setting 'code'.*expected one of status, "):
        F.Error(code=503)


def test_the_names_of_conditions_are_those_of_a_rule() -> None:
    assert [*CONDITIONS] == [row.name for row in WHEN]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_a_fault_survives_conversion_to_json(fault: Fault) -> None:
    definition = fault.as_dict()

    assert fault == fault_from_json(definition) == fault_from_json(json.loads(json.dumps(definition)))
    assert [] == [row.name for row in fields(fault) if row.name in definition and definition[row.name] == row.default]


@pytest.mark.parametrize("kind", faults.kinds().values(), ids=lambda kind: kind.kind)
def test_null_and_an_absent_setting_mean_the_default(kind: type[Fault]) -> None:
    nulls = {row.name: None for row in fields(kind)}

    assert kind() == fault_from_json({"kind": kind.kind, **nulls})


@pytest.mark.parametrize("kind", faults.kinds().values(), ids=lambda kind: kind.kind)
def test_every_setting_has_a_description(kind: type[Fault]) -> None:
    """The descriptions of settings and of kinds end with a full stop."""
    assert (kind.__doc__ or "").strip().endswith(".")
    for row in fields(kind):
        assert option(row).help.endswith(".")


def test_strings_are_converted() -> None:
    """Numbers and Booleans may be strings, which the environment and forms send."""
    assert F.Error(status=503, after=True) == fault_from_json({"kind": "error", "status": "503", "after": "yes"})


def test_a_fault_is_immutable() -> None:
    """Several rules may share it."""
    with pytest.raises(FrozenInstanceError):
        F.Hang().after = True
