"""Perform the examples one by one, and write the results as JSON and JUnit XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree import ElementTree as Xml

from .client import Client, TargetResponse, Unreachable, redact
from .example import Example, outcome
from .targets import SetupFailed, Target

_PATIENCE = 3
"""After this many examples without a response, the others are skipped."""


@dataclass(frozen=True)
class Result:
    """The result of one example: it failed with *differences*, was skipped for the reason *why*, or passed.

    *seconds* is the duration of its call; *has_response* is whether the target answered.
    """

    example: Example
    differences: Sequence[str] = field(default_factory=list)
    why: str = ""
    seconds: float = 0.0
    has_response: bool = True

    @property
    def verdict(self) -> str:
        """Return ``pass``, ``fail`` or ``skip``."""
        return "skip" if self.why else "fail" if self.differences else "pass"


def conform(
    target: Target, client: Client, examples: Iterable[Example], secrets: Sequence[str] = ()
) -> Generator[Result, None, None]:
    """Perform each of *examples* on *target* by *client*, and yield the results, from which *secrets* are redacted."""
    silent = 0
    for example in examples:
        if silent == _PATIENCE:
            yield Result(example, why=f"the target did not respond to the {_PATIENCE} examples before this one")
            continue
        result = _perform(target, client, example)
        if not result.why:
            silent = 0 if result.has_response else silent + 1
        differences = [redact(line, secrets) for line in result.differences]
        yield replace(result, differences=differences, why=redact(result.why, secrets))


def _perform(target: Target, client: Client, example: Example) -> Result:
    if why := target.skip_reason(example):
        return Result(example, why=why)
    prepared_example, response = example, None
    try:
        prepared_example = target.prepare(example)
        response = client.ask(**prepared_example.request)
        return Result(example, _compare(prepared_example, response, target), seconds=response.seconds)
    except SetupFailed as error:
        return Result(example, why=f"its records can't be created: {error}")
    except Unreachable as error:
        return Result(example, [str(error)], has_response=False)
    finally:
        target.cleanup(prepared_example, response)


def _compare(example: Example, response: TargetResponse, target: Target) -> list[str]:
    state, expected = target.state(example), example.document["response"]
    form = tuple(example.conform_options.get("form", ()))
    if response.body is not None:
        return outcome(example, response.status, response.body, state, form)
    # Without an expected body, any response passes, such as an HTML page or an empty body.
    differences = outcome(example, response.status, expected["body"], state, form)
    return [*differences, f"body: expected JSON, got {response.text}"] if expected["body"] else differences


_WORDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def summary(url: str, kind: str, results: Sequence[Result], leftovers: Sequence[str]) -> dict[str, Any]:
    """Return the run as a JSON-compatible dictionary.

    It has *url* and *kind* of the target, counts by verdict, *leftovers*, and each example.
    """
    counts = Counter(result.verdict for result in results)
    return {
        "target": url,
        "place": kind,
        **{plural: counts[verdict] for verdict, plural in _WORDS.items()},
        "left_behind": list(leftovers),
        "examples": [_row(result) for result in results],
    }


def junit(url: str, results: Sequence[Result], leftovers: Sequence[str]) -> bytes:
    """Return the run as JUnit XML: a case for each example, and a failed case if there are *leftovers*."""
    counts = Counter(result.verdict for result in results)
    attributes = {
        "name": "segment-mock conform",
        "tests": len(results) + bool(leftovers), "failures": counts["fail"] + bool(leftovers),
        "errors": 0, "skipped": counts["skip"], "time": f"{sum(result.seconds for result in results):.3f}",
    }  # fmt: skip
    suite = _element("testsuite", attributes)
    suite.append(_element("properties", {}))
    suite[0].append(_element("property", {"name": "target", "value": url}))
    suite.extend(_case(result) for result in results)
    if leftovers:
        case = _element("testcase", {"classname": "conform", "name": "cleans up", "time": "0"})
        case.append(_element("failure", {"message": f"{len(leftovers)} left behind"}, "\n".join(leftovers)))
        suite.append(case)
    root = _element("testsuites", {name: value for name, value in attributes.items() if name != "skipped"})
    root.append(suite)
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def _row(result: Result) -> dict[str, Any]:
    example = result.example.document
    return {
        "name": result.example.name,
        **{name: example[name] for name in ("title", "operation", "mark", "source")},
        "verdict": result.verdict, "differences": list(result.differences),
        "why": result.why, "seconds": round(result.seconds, 4),
    }  # fmt: skip


def _case(result: Result) -> Xml.Element:
    vendor, _, name = result.example.name.partition("/")
    case = _element("testcase", {"classname": f"conform.{vendor}", "name": name, "time": f"{result.seconds:.3f}"})
    if result.why:
        case.append(_element("skipped", {"message": result.why}))
    elif result.differences:
        case.append(_element("failure", {"message": result.differences[0]}, "\n".join(result.differences)))
    return case


def _element(tag: str, attributes: dict[str, Any], text: str = "") -> Xml.Element:
    element = Xml.Element(tag, {name: str(value) for name, value in attributes.items()})
    element.text = text or None
    return element
