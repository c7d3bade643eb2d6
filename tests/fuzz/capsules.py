"""Damaged capsules: each can be replayed, or is refused with one sentence."""

from __future__ import annotations

import copy
import json
from functools import cache
from random import Random
from typing import Any

from segment_mock import SegmentMock, SettingError
from segment_mock.testing.replay import Replay
from tests.fuzz.malformed import GLOBS, NAMES, PATHS, TEXTS
from tests.fuzz.raw_client import Broken

_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**99, 1e308, [], {}, [[]], [{}], {"": None}, *TEXTS, *NAMES, *PATHS, *GLOBS,
)  # fmt: skip


@cache
def _good() -> dict[str, Any]:
    with SegmentMock(data="demo") as mock, mock.session() as client:
        mock.faults.add({"kind": "error"}, "salsa.*", times=1, match={"json": {"payload.count": 5}})
        mock.stub("GET", "/x", json={"a": [1]})
        before = mock.snapshot()
        search = {"payload": {"offset": 0, "count": 5}}
        for count in (5, 6):
            search["payload"]["count"] = count
            client.post("/api/integration/ext/v1/segments/search", json=search, headers={"authToken": "t"})
        mock.segmenter.add_segment("n", id="s")
        client.put("/segments/s", json={"persons": [{"email": "a@x"}]}, headers={"x-api-key": "k"})
        client.get("/x")
        mock.restore(before)
        document: dict[str, Any] = json.loads(json.dumps(mock.journal.capsule()))
    return document


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in *value*: a container, and a name or an index in it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, inner in pairs for place in ((value, name), *_places(inner))]


def replay_a_broken_capsule(rng: Random) -> None:
    """Damage a capsule in one to three places, and replay it; raises `Broken` for any error but a SettingError."""
    document, steps = copy.deepcopy(_good()), []
    for _ in range(rng.randint(1, 3)):
        places = _places(document)
        holder, name = rng.choice(places)
        how = rng.choice(("drop", "replace", "replace", "add", "swap", "deepen"))
        steps.append(f"{how} {name!r}")
        if how == "drop":
            del holder[name]
        elif how == "replace":
            holder[name] = copy.deepcopy(rng.choice(_ODD))
        elif how == "add":
            holder.update({rng.choice(NAMES): copy.deepcopy(rng.choice(_ODD))}) if isinstance(
                holder, dict
            ) else holder.append(copy.deepcopy(rng.choice(_ODD)))
        elif how == "swap":
            other, number = rng.choice(places)
            holder[name] = copy.deepcopy(other.get(number) if isinstance(other, dict) else (other or [None])[0])
        else:
            for _ in range(rng.choice((2, 99, 300))):
                holder[name] = [holder[name]]
    try:
        again = Replay(document)
        [*again.warnings()]
        for replayed in again.calls():
            str(replayed.differences)
    except SettingError as error:
        if len(str(error)) > 2100:
            raise Broken(f"capsule, {', '.join(steps)}: {len(str(error))} characters: {str(error)[:300]}") from error
    except Exception as error:
        raise Broken(f"capsule, {', '.join(steps)}: {error!r}") from error
