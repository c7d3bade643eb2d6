"""The run: each example performed in its place, and what became of it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field

from ._example import Example, outcome
from ._place import Place, Unmade
from ._target import Answer, Target, Unreachable, veiled

_PATIENCE = 3
"""After so many examples without an answer the rest is not tried."""


@dataclass(frozen=True)
class Result:
    """What became of one example: it differs in *differences*, was skipped for *why*, or else passed.

    *seconds* is how long its own call took; *answered* whether the target answered at all.
    """

    example: Example
    differences: Sequence[str] = field(default_factory=list)
    why: str = ""
    seconds: float = 0.0
    answered: bool = True

    @property
    def verdict(self) -> str:
        """Return ``pass``, ``fail`` or ``skip``."""
        return "skip" if self.why else "fail" if self.differences else "pass"


def conform(
    place: Place, target: Target, chosen: Iterable[Example], secrets: Sequence[str] = ()
) -> Generator[Result, None, None]:
    """Perform each of *chosen* on *target* and yield what became of it, without *secrets*; nothing is raised."""
    silent = 0
    for example in chosen:
        if silent == _PATIENCE:
            yield Result(example, why=f"the target did not answer {_PATIENCE} examples before")
            continue
        result = _perform(place, target, example)
        if not result.why:
            silent = 0 if result.answered else silent + 1
        yield Result(
            example, [veil(line, secrets) for line in result.differences], veil(result.why, secrets), result.seconds,
            result.answered,
        )  # fmt: skip


def veil(text: str, secrets: Iterable[str]) -> str:
    """Return *text* without any of *secrets*, and with what no terminal and no XML should get written out."""
    for secret in secrets:
        text = veiled(text, secret)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _perform(place: Place, target: Target, example: Example) -> Result:
    if why := place.unfit(example):
        return Result(example, why=why)
    sent, answer = example, None
    try:
        sent = place.prepare(example)
        answer = target.ask(**sent.request)
        return Result(example, _judged(sent, answer, place), seconds=answer.seconds)
    except Unmade as error:
        return Result(example, why=f"its records can't be made: {error}")
    except Unreachable as error:
        return Result(example, [str(error)], answered=False)
    finally:
        place.tidy(sent, answer)


def _judged(sent: Example, answer: Answer, place: Place) -> list[str]:
    state, expected = place.state(sent), sent.told["response"]
    form = tuple(sent.elsewhere.get("form", ()))
    if answer.body is not None:
        return outcome(sent, answer.status, answer.body, state, form)
    # Where nothing is printed anything may come, an HTML page or no body at all.
    found = outcome(sent, answer.status, expected["body"], state, form)
    return [*found, f"body: expected JSON, got {answer.text}"] if expected["body"] else found
