"""Assertions on calls, their order and changed records, with helpful messages; capsules and their replay."""

from .assertions import BaseJournal, Journal
from .changes import Expected, ExpectedChanges, added, anything, removed, unchanged, updated

__all__ = [
    "BaseJournal", "Expected", "ExpectedChanges", "Journal", "added", "anything", "removed", "unchanged", "updated",
]  # fmt: skip
