"""What was asked and answered, over the control plane: the journal, and the way back to any of its moments."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from ..emulator import Emulator
from ._problem import as_json

_NUMBERS = ("status", "since", "limit")
_TRUTH = {"": True, "1": True, "true": True, "0": False, "false": False}


def journal_views(plane: Blueprint, core: Emulator) -> None:
    """Add the journal's views of *core* to *plane*."""

    @plane.get("/journal")
    def journal() -> Response:
        found = core.entries(**{name: _read(name, text) for name, text in request.args.items()})
        return as_json({"entries": [entry.as_dict() for entry in found], "forgotten": core.journal.forgotten})

    @plane.get("/journal/<int:number>")
    def entry(number: int) -> Response:
        found = core.journal.get(number)
        if found is None:
            raise NotFound(f"entry {number} is not in the journal: {core.journal.kept()}")
        return as_json(found.as_dict())

    @plane.post("/journal/<int:number>/rewind")
    def rewind(number: int) -> Response:
        try:
            core.rewind(number)
        except LookupError as error:
            known = core.journal.get(number)
            raise (Conflict if known else NotFound)(str(error)) from None
        return as_json({"status": "ok"})

    @plane.delete("/journal")
    def clear() -> Response:
        core.journal.clear()
        return as_json({"status": "ok"})


def _read(name: str, text: str) -> Any:
    try:
        if name in _NUMBERS:
            return int(text)
        if name == "exact":
            return _TRUTH[text.lower()]
        return json.loads(text) if name == "json" else text
    except (KeyError, ValueError, RecursionError):
        kinds = {"exact": "true or false", "json": "JSON"}
        raise BadRequest(f"{name}: {text[:200]!r} is not {kinds.get(name, 'a whole number')}.") from None
