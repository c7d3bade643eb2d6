"""Where an example is performed: what a run asks of it, whoever answers there."""

from __future__ import annotations

from typing import Any, Protocol

from ._example import Example
from ._target import Answer


class Unmade(Exception):
    """The records that an example needs can't be there; its text says why."""


class Place(Protocol):
    """A target in which an example's records can stand."""

    name: str

    def unfit(self, example: Example) -> str:
        """Return why *example* can't be performed here, or nothing."""

    def prepare(self, example: Example) -> Example:
        """Make the records that *example* needs, and return it as it is to be sent here.

        Raises `Unmade` or `Unreachable`.
        """

    def state(self, example: Example) -> Any:
        """Return the records after *example*, or None if nobody can tell."""

    def tidy(self, example: Example, answer: Answer | None) -> None:
        """Take away what *example*, as it was sent, and its preparation have made."""

    def close(self) -> list[str]:
        """Leave everything as it was found; return what could not be taken away."""
