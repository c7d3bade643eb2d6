"""Replay the shipped examples against any base URL: a segment-mock, a vendor's sandbox, or another mock."""

from __future__ import annotations

from .client import Client, ControlPlane, Unreachable, redact
from .example import Example, differences, examples, outcome
from .run import Result, conform, junit, summary
from .sandbox import SandboxTarget
from .targets import MockTarget, Target

__all__ = [
    "Client", "ControlPlane", "Example", "MockTarget", "Result", "SandboxTarget", "Target", "Unreachable", "conform",
    "differences", "examples", "junit", "outcome", "redact", "summary",
]  # fmt: skip
