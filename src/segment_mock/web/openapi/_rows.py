"""What each view of the control plane takes and answers, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from ...contract import Json

_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer"}
_DATED: Json = {"type": "string", "format": "date-time"}
_ANY: Json = {"type": "object"}
_RULE: Json = {"$ref": "#/components/schemas/Rule"}


def _object(**properties: Json) -> Json:
    return {"type": "object", "required": [*properties], "properties": properties}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


_OK = _object(status={"const": "ok"})
_COUNTERS = dict.fromkeys(("seen", "matched", "fired", "suppressed"), _WHOLE)
_ARMED = _object(id=_TEXT, kind=_TEXT, operation=_TEXT, when=_ANY, **_COUNTERS, why=_TEXT)
_ENTRY = _object(
    id=_WHOLE, time=_DATED, vendor=_TEXT, operation=_TEXT, method=_TEXT, path=_TEXT, door=_TEXT, outcome=_TEXT,
    faults=_list(_TEXT), unread=_list(_TEXT), changes=_list(_ANY), request=_ANY, response=_ANY,
)  # fmt: skip
_CLOCK = _object(now=_DATED, frozen={"type": "boolean"})
_MOMENT: Json = {"anyOf": [_DATED, {"type": "string", "format": "date"}, {"type": "number"}]}
_FREEZE: Json = {"anyOf": [{"type": "boolean"}, *_MOMENT["anyOf"]]}
_TURN: Json = {
    "type": "object",
    "description": "One of freeze (true, false or a time), set (a time) and advance (seconds).",
    "properties": {"freeze": _FREEZE, "set": _MOMENT, "advance": {"type": "number", "minimum": 0}},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_STATE: Json = {"$ref": "#/components/schemas/State"}
STATE: Json = {
    "type": "object",
    "description": "The records in the form of a data file: vendor, collection, list of rows in wire names.",
}
_LINKS = {name: {"number": "$response.body#/faults/0/id"} for name in ("fault", "disarm")}
_ORGANIZATION: Mapping[str, Json] = {"organization": _TEXT}
_FILTERS: Mapping[str, Json] = {
    "vendor": _TEXT, "operation": _TEXT, "status": _WHOLE, "fault": _TEXT, "organization": _TEXT, "after": _DATED,
    "before": _DATED, "exact": {"type": "boolean"}, "since": _WHOLE, "limit": {**_WHOLE, "minimum": 0},
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What one view is *about*, its *query*, *body*, *links*, *reply* and *status*, and what it *refuses* with."""

    about: str
    reply: Json = field(default_factory=lambda: _OK)
    body: Json | None = None
    query: Mapping[str, Json] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()
    status: int = 200
    kind: str = "application/json"
    shown: bool = True

    @property
    def good(self) -> str:
        """The phrase of its status."""
        return HTTPStatus(self.status).phrase


_PAGE = Row("A file of the page of these documents.", shown=False)
ROWS: Mapping[str, Row] = {
    "health": Row("Tell that the server answers; needs no token."),
    "ca": Row("The certificate authority of TLS and proxy.", _TEXT, refuses=(404,), kind="application/x-pem-file"),
    "vendors": Row(
        "What is emulated, on whose word, and the settings in force.", _object(vendors=_list(_ANY), settings=_ANY)
    ),
    "reset": Row("Return to the initial data; faults, journal, clock and limits are cleared."),
    "state": Row("Every record of one organization, in the form of a data file.", _STATE, query=_ORGANIZATION),
    "load": Row(
        "Put these records in the place of one organization's.", body=_STATE, query=_ORGANIZATION, refuses=(400, 413)
    ),
    "snapshot": Row("Remember this moment under a name.", links={"restore": {"name": "$request.path.name"}}),
    "restore": Row("Return to the moment of that name.", refuses=(404,)),
    "faults": Row("The armed faults with their counters.", _object(faults=_list(_ARMED))),
    "arm": Row(
        "Arm a fault, or several.", _object(faults=_list(_ARMED)), _RULE, refuses=(400,), status=201, links=_LINKS
    ),
    "disarm_all": Row("Disarm every fault."),
    "fault": Row("One armed fault with its counters.", _ARMED, refuses=(404,)),
    "disarm": Row("Disarm one fault.", refuses=(404,)),
    "journal": Row(
        "The exchanges as their clients saw them, oldest first.",
        _object(entries=_list(_ENTRY), forgotten=_WHOLE), query=_FILTERS, refuses=(400,),
    ),
    "entry": Row("One exchange with its state changes.", _ENTRY, refuses=(404,)),
    "rewind": Row("Return to the records as they were right after one exchange.", refuses=(404, 409)),
    "clear": Row("Forget every exchange."),
    "clock": Row("The time of the mock's clock, and whether it stands.", _CLOCK),
    "turn": Row("Freeze, set or advance the mock's clock.", _CLOCK, _TURN, refuses=(400,)),
    "control": Row("This document.", _ANY),
    "openapi": Row("A vendor's document.", _ANY, refuses=(404,)),
    "docs": _PAGE,
    "page": _PAGE,
}  # fmt: skip
