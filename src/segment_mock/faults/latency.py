"""A late response."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import ClassVar

from ..clock import sleep
from ..core import Call, Proceed
from ..messages import Response
from ..settings import FLOAT, TEXT
from .base import Fault, after, setting

_LONGEST = 604_800.0  # a week, so that no clock overflows


@dataclass(frozen=True)
class Latency(Fault):
    """Wait before the call is performed or, with *after*, before its response is sent."""

    kind: ClassVar[str] = "latency"
    seconds: float = setting(
        1.0, "How long to wait: the centre of the distribution (lognormal: its median).", FLOAT, min=0, max=_LONGEST
    )
    jitter: float = setting(
        0.0,
        "How much it varies: half the width (uniform) or the standard deviation (normal; lognormal: of the logarithm).",
        FLOAT,
        min=0,
        max=_LONGEST,
    )
    distribution: str = setting(
        "fixed", "Distribution of the time.", TEXT, choices=("fixed", "uniform", "normal", "lognormal")
    )
    after: bool = after()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Wait before or after the call."""
        delay = min(max(0.0, self._random_delay(call)), _LONGEST)
        if not self.after:
            await sleep(delay, self.kind)
            return await proceed()
        response = await proceed()
        await sleep(delay, self.kind)
        return response

    def _random_delay(self, call: Call) -> float:
        rng, middle, spread = call.rng, self.seconds, self.jitter
        if self.distribution == "uniform":
            return rng.uniform(middle - spread, middle + spread)
        if self.distribution == "normal":
            return rng.normalvariate(middle, spread)
        if self.distribution == "lognormal" and middle:
            return exp(min(rng.normalvariate(log(middle), spread), log(_LONGEST)))
        return middle
