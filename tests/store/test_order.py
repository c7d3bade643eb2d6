"""Insertion numbers as an overlay on a base that is never written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segment_mock.store.ordered_ids import OrderedIds

HUGE = 10**30
BASES = st.lists(st.integers(0, 30), unique=True).map(sorted)
ACTIONS = st.lists(st.tuples(st.sampled_from(["add", "discard"]), st.integers(0, 34)), max_size=60)


@settings(deadline=None)
@given(BASES, ACTIONS)
def test_like_a_sorted_set(base: list[int], actions: list[tuple[str, int]]) -> None:
    """Whatever was added and discarded, order, length and every page are those of a sorted set."""
    order, expected = OrderedIds(tuple(base)), set(base)
    for action, number in actions:
        getattr(order, action)(number)
        getattr(expected, action)(number)
    numbers = sorted(expected)

    assert numbers == [*order]
    assert len(numbers) == len(order)
    for offset in range(len(numbers) + 2):
        for count in (0, 1, 3, HUGE):
            assert numbers[offset : offset + count] == order.page(offset, count)


@pytest.mark.parametrize("base", [(), range(5)])
@pytest.mark.parametrize("extra", [[], [7, 9]])
def test_huge_pages(base: range, extra: list[int]) -> None:
    """An offset or a count beyond what a machine word holds is only a page that ends early."""
    order = OrderedIds(base)
    for number in extra:
        order.add(number)

    assert [*base, *extra] == order.page(0, HUGE)
    assert [] == order.page(HUGE, 1)
    assert [] == order.page(HUGE, HUGE)


def test_a_page_over_the_seam() -> None:
    """A page may begin in the base, skip its holes, and end in what was added."""
    order = OrderedIds(range(1000))
    for number in range(0, 1000, 3):
        order.discard(number)
    for number in (1001, 1000):
        order.add(number)

    assert [995, 997, 998, 1000, 1001] == order.page(663, 5)
    assert [1001] == order.page(667, 5)


def test_the_base_is_shared() -> None:
    """Two orders over one base do not see each other, and the base stays as it was."""
    base = [1, 3, 5]
    first, second = OrderedIds(base), OrderedIds(base)
    first.discard(3)
    first.add(4)

    assert ([1, 4, 5], [1, 3, 5], [1, 3, 5]) == (sorted(first), [*second], base)


def test_twice_is_once() -> None:
    """What is added or discarded again stays so, in the base and after it."""
    order = OrderedIds(range(3))
    for number in (7, 7, 5, 5, 7):
        order.add(number)
    for number in (1, 1, 9, 9):
        order.discard(number)

    assert ([0, 2, 5, 7], 4) == ([*order], len(order))


def test_put_back_in_its_place() -> None:
    """A number of the base that was discarded returns to its place, not to the end."""
    order = OrderedIds(range(4))
    order.discard(1)
    order.discard(2)
    order.add(2)

    assert [0, 2, 3] == [*order]
