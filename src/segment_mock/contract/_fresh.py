"""New ids that no record has."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..world import World


def fresh(world: World, kind: str, *taken: Container[Any]) -> str:
    """Return the next id of the stream *kind* that is in none of *taken*.

    Records of another run of the same seed may be here already: a state that was exported and loaded.
    """
    while True:
        found = world.uuid(kind)
        for held in taken:
            if found in held:
                break
        else:
            return found
