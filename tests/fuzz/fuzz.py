"""Attack a server for a while: ``python -m tests.fuzz.fuzz [--seconds 20] [--seed N]``.

It exits with 1 at the first failed check. Case n of seed s is generated from seed s + n. A failure prints that number:
with it as ``--seed``, the case is the first one.
"""

# ruff: noqa: T201 - a command prints

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from random import Random

from tests.fuzz.fuzz_server import AttackedServer, attacked_server
from tests.fuzz.oversized import oversized_requests
from tests.fuzz.raw_client import Broken

MILLION = 1_000_000
GROWTH = 1.1
"""Memory at the end, of that once every sort of attack has been seen."""
WARM = 0.4
"""The part of the time after which that is so."""


def main() -> int:
    """Run the attacks; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    try:
        with attacked_server() as target:
            grown = _attacked(target, options.seed, options.seconds)
    except Broken as broken:
        print(broken)
        return 1
    print(f"{target.cases} cases, responses by status: {dict(sorted(target.statuses.items()))}")
    print(f"no harm; memory at the end / once warm: {grown:.3f} (at most {GROWTH})")
    return 0 if grown <= GROWTH else 1


def _attacked(target: AttackedServer, seed: int, seconds: float) -> float:
    """Send oversized requests, then random bytes for a number of *seconds*; return the growth of memory."""
    start, reported, warm = time.monotonic(), 0.0, 0
    for name, pieces, statuses in oversized_requests(MILLION):
        since = time.monotonic()
        (status,) = target.send(pieces)
        print(f"{name}: {status} after {time.monotonic() - since:.1f} s", flush=True)
        if status not in statuses:
            raise Broken(f"{name}: expected {statuses}")
    middle = time.monotonic()
    seconds = max(seconds - (middle - start), 5.0)
    while (now := time.monotonic() - middle) < seconds:
        if not warm and now > WARM * seconds:
            warm = _memory()
        if now - reported > 5:
            reported = now
            print(f"{now:.0f} s: {target.cases} cases", flush=True)
        _random_attack(target, seed)
        seed += 1
    return _memory() / warm if warm else 1.0


def _random_attack(target: AttackedServer, seed: int) -> None:
    try:
        target.draw(Random(seed))
    except Broken as broken:
        raise Broken(f"--seed {seed}: {broken}") from broken


def _memory() -> int:
    """Return the resident memory of this process in pages, 0 if the system does not provide it."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
