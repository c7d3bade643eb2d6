"""Compare sides: interleaved rounds, medians of ratios, a table, and an exit code for exceeded bounds.

A single measurement is unreliable on a busy machine. The ratio of two sides, measured one after the other, is more
reliable, so every bound is on the median of such ratios. Actions that do not wait are measured in processor time, which
does not count other processes. ``--quick`` means short rounds, whose figures may exceed a bound by a third.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import process_time
from typing import TypeVar

ROUNDS = 5
SLACK = 4 / 3
Key = TypeVar("Key")


def interleaved(sides: Mapping[Key, Callable[[], float]], rounds: int = ROUNDS) -> dict[Key, list[float]]:
    """Measure each of *sides* once in each round, in an order that rotates from round to round."""
    samples: dict[Key, list[float]] = {side: [] for side in sides}
    names = [*sides]
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(sides[name]())
    return samples


def seconds(action: Callable[[], object], repeats: int = 1) -> Callable[[], float]:
    """Return a side that measures the average processor time of *action*, which must not wait, over *repeats* calls."""

    def measured() -> float:
        began = process_time()
        for _ in range(repeats):
            action()
        return (process_time() - began) / repeats

    return measured


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


@dataclass(frozen=True)
class Figure:
    """One comparison; *bound* is on the ratio, a maximum, or a minimum with *at_least*. An *aim* is only reported."""

    label: str
    ours: str
    theirs: str
    ratio: float
    bound: float | None = None
    at_least: bool = False
    aim: bool = False

    def misses(self, slack: float = 1.0) -> bool:
        """Return whether the ratio is worse than the bound by more than *slack*."""
        if self.bound is None:
            return False
        return self.ratio < self.bound / slack if self.at_least else self.ratio > self.bound * slack

    def cells(self) -> list[str]:
        """Return the cells of the printed row."""
        limit = "" if self.bound is None else f"{'aim ' * self.aim}{'>=' if self.at_least else '<='} {self.bound:g}"
        verdict = "" if self.bound is None else "missed" if self.misses() else "held"
        return [self.label, self.ours, self.theirs, f"{self.ratio:.2f}", limit, verdict]


@dataclass
class Report:
    """The figures of one script; `finish` prints them, writes JSON on request, and returns the exit code."""

    title: str
    quick: bool = False
    json: Path | None = None
    figures: list[Figure] = field(default_factory=list)
    medians: dict[str, str] = field(default_factory=dict)
    tables: list[Sequence[Sequence[str]]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    @property
    def slack(self) -> float:
        """The factor by which a figure may exceed its bound."""
        return SLACK if self.quick else 1.0

    @classmethod
    def start(cls, title: str) -> Report:
        """Parse the command line. SIGTERM then ends the script like an interrupt, so that it stops its servers."""
        parser = argparse.ArgumentParser(description=title)
        parser.add_argument("--quick", action="store_true", help="short rounds, few peers, a third of slack")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
        options = parser.parse_args()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        print(f"### {title}\n", flush=True)
        return cls(title, options.quick, options.json)

    def compare(
        self,
        label: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        unit: str = "s",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        aim: bool = False,
    ) -> None:
        """Compare *ours* with *theirs*, round by round. A missed *aim* is reported, an exceeded bound is an error."""
        bound = at_most if at_least is None else at_least
        sides = readable(median(ours), unit), readable(median(theirs), unit)
        self.figures.append(Figure(label, *sides, ratio(ours, theirs), bound, at_least is not None, aim))

    def add(self, label: str, values: Sequence[float], unit: str = "s") -> None:
        """Add a median that is not compared."""
        self.medians[label] = readable(median(values), unit)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table of the script immediately."""
        self.tables.append([head, *rows])
        print(table(head, rows), flush=True)

    def miss(self, why: str) -> None:
        """Record a bound that one of the script's own figures exceeds."""
        self.misses.append(why)

    def fail(self, why: str) -> None:
        """Record an error that does not depend on the figures."""
        self.failures.append(why)

    def finish(self) -> int:
        """Print and write the figures; return 1 after an error or, except in a quick run, an exceeded bound.

        A quick run is part of CI, whose machine may be busy: it reports its figures, and fails only on errors.
        """
        if self.figures:
            head = ["measured", "this project", "beside", "ratio", "bound", ""]
            print(table(head, [figure.cells() for figure in self.figures]))
        if self.medians:
            print(table(["measured", "median"], [list(row) for row in self.medians.items()]))
        if self.skipped:
            print("Skipped:", ", ".join(f"{name} ({why})" for name, why in self.skipped.items()) + ".\n")
        missed = [
            f"{figure.label}: {figure.ratio:.2f}"
            for figure in self.figures
            if figure.misses(self.slack) and not figure.aim
        ]
        for why in [*self.misses, *missed]:
            print(f"Missed: {why}.\n")
        for why in self.failures:
            print(f"Failed: {why}.\n")
        if self.json:
            self.json.write_text(json.dumps(asdict(self), default=str, indent=1))
        return 1 if self.failures or ((missed or self.misses) and not self.quick) else 0


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that is aligned for a terminal."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * max(3, width) for width in widths], *rows]
    return "".join(
        "| " + " | ".join(cell.ljust(max(3, width)) for cell, width in zip(line, widths, strict=True)) + " |\n"
        for line in lines
    )


def readable(value: float, unit: str) -> str:
    """Return *value* for people: seconds in a suitable unit, bytes as MB, counts with commas."""
    if unit == "s":
        size, name = (1, "s") if abs(value) >= 1 else (1e3, "ms") if abs(value) >= 1e-3 else (1e6, "us")
        return f"{value * size:.3g} {name}"
    if unit == "B":
        return f"{value / 2**20:,.0f} MB"
    return f"{value:,.0f}{unit}"
