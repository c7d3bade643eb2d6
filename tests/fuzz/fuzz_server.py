"""A live mock under attack, and everything that must be true after each attack."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from segment_mock import SegmentMock
from tests.fuzz.capsules import replay_a_broken_capsule
from tests.fuzz.generators import DATA, attack
from tests.fuzz.raw_client import Broken, judge, replies, strike

ROUND = 100
"""The mock is reset after this number of attacks, so that growth between resets is tested too."""


ADVICE = ("The server expects plain HTTP", "The server is not a proxy")
"""The beginnings of log lines about a wrong address or scheme, whose clients do not show the response."""


class Log(logging.Handler):
    """Keeps the warnings and errors of this package and of asyncio, but not advice."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep *record* as text, its traceback too."""
        if not record.getMessage().startswith(ADVICE):
            self.lines.append(logging.Formatter().format(record))


class Siege:
    """Attacks the server of *mock*; *statuses* counts what came back, *cases* what was sent."""

    def __init__(self, mock: SegmentMock, log: Log) -> None:
        self.mock, self._log, self._server = mock, log, mock.serve(proxy=True)
        self._before: Any = mock.state()
        self.cases, self.statuses = 0, Counter[int]()

    def draw(self, rng: Random) -> None:
        """Send one attack drawn by *rng* and check that it does no harm; raises `Broken` with its bytes.

        Some are no requests but capsules, which are replayed.
        """
        if rng.random() < 0.03:
            self.cases += 1
            replay_a_broken_capsule(rng)
            return
        attack_made = attack(rng)
        try:
            self.send(attack_made.pieces)
        except Exception as error:
            pieces = [piece if len(piece) < 500 else piece[:500] + b"..." for piece in attack_made.pieces]
            raise Broken(f"{' + '.join(attack_made.story)}: {error!r}\nsent: {pieces!r}") from error

    def send(self, pieces: Iterable[bytes]) -> list[int]:
        """Send *pieces*, check responses, records and log, and return the statuses."""
        fragments = tuple(pieces) if isinstance(pieces, tuple) else ()
        data = b"".join(fragments)[:100_000]
        answers = replies(strike((self._server.host, self._server.port), fragments or pieces), data)
        self.cases += 1
        if self._log.lines:  # says more than the 500 that came of it
            raise Broken(self._log.lines.pop())
        for reply in answers:
            self.statuses[reply.status] += 1
            judge(reply)
        done = any(reply.status in (200, 201) for reply in answers)
        if self.mock.state() != self._before and not done:
            raise Broken(f"the records have changed: {self.mock.state()!r}"[:2000])
        self.mock.faults.clear()  # those that an attack has armed are none of the promise
        if self.cases % ROUND == 0:
            self.mock.reset()
        if done or self.cases % ROUND == 0:
            self._before = self.mock.state()
        return [reply.status for reply in answers]


@contextmanager
def besieged() -> Iterator[Siege]:
    """Return a `Siege` of a new mock; at the end, no thread of the server may be left."""
    others = {*threading.enumerate()}
    log, loggers = Log(), [logging.getLogger(name) for name in ("segment_mock", "asyncio")]
    for logger in loggers:
        logger.addHandler(log)
    try:
        with SegmentMock(data=DATA) as mock:
            mock.session().get("/_mock/vendors")  # Flask is imported now, and not in the middle of an attack
            yield Siege(mock, log)
    finally:
        for logger in loggers:
            logger.removeHandler(log)
    if thread_names := [
        one.name for one in threading.enumerate() if one.name.startswith("segment-mock") and one not in others
    ]:
        raise Broken(f"threads are left: {thread_names}")
