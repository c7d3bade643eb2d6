"""The shipped examples, replayed against any base URL: the mock, a vendor's sandbox, another mock."""

from __future__ import annotations

from ._compare import differences
from ._example import Example, examples, outcome
from ._mock import Mocked
from ._place import Place
from ._report import junit, summary
from ._run import Result, conform, veil
from ._sandbox import Sandbox
from ._target import Control, Target, Unreachable

__all__ = [
    "Control", "Example", "Mocked", "Place", "Result", "Sandbox", "Target", "Unreachable", "conform", "differences",
    "examples", "junit", "outcome", "summary", "veil",
]  # fmt: skip
