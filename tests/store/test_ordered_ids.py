"""`OrderedIds`: sorted insertion numbers, stored as changes to a base that is never written."""

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
def test_ordered_ids_behave_like_a_sorted_set(base: list[int], actions: list[tuple[str, int]]) -> None:
    """Order, length and pages are compared after random additions and removals."""
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
def test_pages_accept_offsets_and_counts_above_64_bits(base: range, extra: list[int]) -> None:
    order = OrderedIds(base)
    for number in extra:
        order.add(number)

    assert [*base, *extra] == order.page(0, HUGE)
    assert [] == order.page(HUGE, 1)
    assert [] == order.page(HUGE, HUGE)


def test_a_page_can_span_base_numbers_and_added_numbers() -> None:
    """Discarded numbers of the base are skipped."""
    order = OrderedIds(range(1000))
    for number in range(0, 1000, 3):
        order.discard(number)
    for number in (1001, 1000):
        order.add(number)

    assert [995, 997, 998, 1000, 1001] == order.page(663, 5)
    assert [1001] == order.page(667, 5)


def test_two_instances_can_share_a_base() -> None:
    """They do not affect each other, and the base does not change."""
    base = [1, 3, 5]
    first, second = OrderedIds(base), OrderedIds(base)
    first.discard(3)
    first.add(4)

    assert ([1, 4, 5], [1, 3, 5], [1, 3, 5]) == (sorted(first), [*second], base)


def test_repeated_additions_and_removals_have_no_effect() -> None:
    order = OrderedIds(range(3))
    for number in (7, 7, 5, 5, 7):
        order.add(number)
    for number in (1, 1, 9, 9):
        order.discard(number)

    assert ([0, 2, 5, 7], 4) == ([*order], len(order))


def test_a_base_number_that_is_added_again_keeps_its_position() -> None:
    order = OrderedIds(range(4))
    order.discard(1)
    order.discard(2)
    order.add(2)

    assert [0, 2, 3] == [*order]
