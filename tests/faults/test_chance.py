"""Chance: faults strike as often as configured, the same calls for the same seed, and separately for each rule."""

from __future__ import annotations

from typing import Any

import pytest

from segment_mock import SegmentMock, faults
from segment_mock.core import Call
from segment_mock.messages import Request, Response
from tests.faults.fault_world import search

F: Any = faults
DRAWS = 1000
SPREAD = 3 * (DRAWS * 0.3 * 0.7) ** 0.5


def firing_calls(seed: int, *chances: float) -> list[str]:
    """Return which of a thousand calls each of two rules struck, without a server or a client."""
    mock = SegmentMock(seed=seed)
    core = mock._emulator
    request = Request("GET", "/api/integration/ext/v1/metrics", {})
    vendor, operation, *_ = core.routes.find(request)
    patterns = ["" for _ in chances]

    def mark(index: int) -> Any:
        async def stage(call: Call, proceed: Any) -> Response:
            patterns[index] += "x"
            return await proceed()  # type: ignore[no-any-return]

        return stage

    async def response(call: Call) -> Response:
        return await core.fault_rules.apply(call, lambda: Response(200))

    for index, chance in enumerate(chances):
        core.fault_rules.add(mark(index), chance=chance)
    for _ in range(DRAWS):
        before = [*patterns]
        call = Call(request, vendor, operation, f"{vendor.name}.{operation.name}", core.world, {}, {}, 0.0)
        with pytest.raises(StopIteration):
            response(call).send(None)
        patterns = [now if now != then else f"{now}." for now, then in zip(patterns, before, strict=True)]
    return patterns


@pytest.mark.parametrize("seed", [0, 1, 2, 7, 42, 2**64])
def test_chance_is_the_share_of_calls_that_are_struck(seed: int) -> None:
    """With chance=0.3, each of two rules strikes three calls in ten, within three standard deviations."""
    first, second = firing_calls(seed, 0.3, 0.3)

    assert [DRAWS, DRAWS] == [len(first), len(second)]
    for numbers in (first, second):
        assert abs(numbers.count("x") - 0.3 * DRAWS) <= SPREAD
    both = sum(one == other == "x" for one, other in zip(first, second, strict=True))
    assert abs(both - 0.09 * DRAWS) <= 3 * (DRAWS * 0.09 * 0.91) ** 0.5


def test_a_seed_determines_the_struck_calls() -> None:
    """Another seed strikes other calls, and a rule that is added later does not change those of the first rule."""
    first, second = firing_calls(5, 0.3, 0.3)

    assert [first, second] == firing_calls(5, 0.3, 0.3)
    assert [first] == firing_calls(5, 0.3)
    assert first != second
    assert [first] != firing_calls(6, 0.3)


def test_reset_restarts_the_random_streams() -> None:
    """The same rule, armed again after a reset, strikes the same calls."""
    mock = SegmentMock(seed=9)
    patterns = []
    for _ in range(2):
        mock.faults.add(F.Error(), chance=0.5)
        patterns.append([search(mock).status_code for _ in range(40)])
        mock.reset()

    assert patterns[0] == patterns[1]
    assert {200, 500} == {*patterns[0]}
