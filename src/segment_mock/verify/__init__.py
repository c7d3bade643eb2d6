"""Assertions that explain themselves: what was called, in which order, and what changed."""

from ._expected import Expected, added, anything, removed, unchanged, updated
from ._journal import JournalFace
from ._state import ExpectedChanges

__all__ = [
    "Expected", "ExpectedChanges", "JournalFace", "added", "anything", "removed", "unchanged", "updated",
]  # fmt: skip
