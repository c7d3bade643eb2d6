"""What a run found, for machines: JSON and JUnit's XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as Xml

from ._run import Result

_WORDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def summary(target: str, place: str, results: Sequence[Result], left: Sequence[str]) -> dict[str, Any]:
    """Return the run as JSON: *target* and what it is, how many of each verdict, what was left there, each example."""
    counts = Counter(result.verdict for result in results)
    return {
        "target": target,
        "place": place,
        **{word: counts[verdict] for verdict, word in _WORDS.items()},
        "left_behind": list(left),
        "examples": [_row(result) for result in results],
    }


def junit(target: str, results: Sequence[Result], left: Sequence[str]) -> bytes:
    """Return the run as JUnit's XML: a case an example, and one that fails if anything was left behind."""
    counts = Counter(result.verdict for result in results)
    told = {
        "name": "segment-mock conform", "tests": len(results) + bool(left), "failures": counts["fail"] + bool(left),
        "errors": 0, "skipped": counts["skip"], "time": f"{sum(result.seconds for result in results):.3f}",
    }  # fmt: skip
    suite = _element("testsuite", told)
    suite.append(_element("properties", {}))
    suite[0].append(_element("property", {"name": "target", "value": target}))
    suite.extend(_case(result) for result in results)
    if left:
        case = _element("testcase", {"classname": "conform", "name": "cleans up", "time": "0"})
        case.append(_element("failure", {"message": f"{len(left)} left behind"}, "\n".join(left)))
        suite.append(case)
    root = _element("testsuites", {name: value for name, value in told.items() if name != "skipped"})
    root.append(suite)
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def _row(result: Result) -> dict[str, Any]:
    told = result.example.told
    return {
        "name": result.example.name, "title": told["title"], "operation": told["operation"], "mark": told["mark"],
        "source": told["source"], "verdict": result.verdict, "differences": list(result.differences),
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
