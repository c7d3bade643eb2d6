"""Which mocks a test has used, for those who look at them once it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from ._sweep_case import CASE

if TYPE_CHECKING:
    from segment_mock import SegmentMock

_USED = pytest.StashKey[list["SegmentMock"]]()


STRICT = pytest.StashKey[Any]()
"""What ``segment_mock_config`` says of strictness, if it does."""


def note(item: pytest.Item, mock: SegmentMock, common: Mapping[str, Any]) -> None:
    """Remember that *item* uses *mock*, and that what is armed by now came from its settings or the *common* ones."""
    if "strict" in common:
        item.stash[STRICT] = common["strict"]
    if _USED not in item.stash:
        item.stash[_USED] = [mock]
    elif mock not in item.stash[_USED]:
        item.stash[_USED].append(mock)
    for rule in mock.faults:
        if not rule.where.startswith("scenario "):
            rule.where = settings_of(item)
    if CASE in item.stash:
        item.stash[CASE].arm(mock)


def used(item: pytest.Item) -> Sequence[SegmentMock]:
    """Return the mocks that *item* uses, in the order in which it asked for them."""
    return item.stash.get(_USED, ())


def forget(item: pytest.Item) -> None:
    """Forget the mocks that *item* used, before it runs again."""
    if _USED in item.stash:
        del item.stash[_USED]


def settings_of(item: pytest.Item) -> str:
    """Return ``the settings of file:line``, the line where *item* begins with its markers."""
    file, line, _ = item.location
    return f"the settings of {file}:{(line or 0) + 1}"
