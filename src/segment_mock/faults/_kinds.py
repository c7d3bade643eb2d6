"""The kinds of fault, a file each, found by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from ..settings import SettingError, suggestion
from ._base import Fault

ALIASES: Mapping[str, Mapping[str, Any]] = {
    "EMPTY_RESPONSE": {"kind": "disconnect"},
    "MALFORMED_RESPONSE_CHUNK": {"kind": "garble", "how": "chunk"},
    "RANDOM_DATA_THEN_CLOSE": {"kind": "garble", "how": "bytes"},
    "CONNECTION_RESET_BY_PEER": {"kind": "disconnect", "reset": True},
}
"""WireMock's names, for those who know them."""


@cache
def kinds() -> Mapping[str, type[Fault]]:
    """Return every kind by name; a file that can't be imported, or has no fault of its name, stops the start."""
    package = __package__ or ""
    names = sorted(row.name for row in iter_modules([str(Path(__file__).parent)]) if not row.name.startswith("_"))
    return MappingProxyType({name: _kind(import_module(f"{package}.{name}"), name) for name in names})


def fault_from_json(told: Mapping[str, Any]) -> Fault:
    """Return the fault that JSON tells; raises `SettingError` for a kind or a setting that there is not."""
    if "kind" not in told:
        raise SettingError(f"kind: missing in {dict(told)}; there are {[*kinds()]}")
    known, name = kinds(), str(told["kind"])
    if name in ALIASES:
        told = {**told, **ALIASES[name]}
        name = told["kind"]
    if name not in known:
        raise SettingError(f"kind: {name!r} is no fault{suggestion(name, [*known, *ALIASES])}; there are {[*known]}")
    return known[name].of({key: value for key, value in told.items() if key != "kind"})


def _kind(module: Any, name: str) -> type[Fault]:
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Fault) and value is not Fault
    ]
    told = [getattr(fault, "kind", fault.__name__) for fault in found]
    if told != [name]:
        raise TypeError(f"faults/{name}.py must have one fault of the kind {name!r}; it has {told}")
    return found[0]
