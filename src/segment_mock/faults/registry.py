"""The kinds of fault, one file each, discovered by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from ..core import Middleware
from ..json_match import brief, is_json_in_force
from ..settings import SettingError, suggestion
from ..wording import comma_list
from .base import Fault

NO_KINDS = frozenset({"base", "matching", "registry", "rule", "rules"})
"""The files of this folder that do not define a kind of fault."""
ALIASES: Mapping[str, Mapping[str, Any]] = {
    "EMPTY_RESPONSE": {"kind": "disconnect"},
    "MALFORMED_RESPONSE_CHUNK": {"kind": "garble", "how": "chunk"},
    "RANDOM_DATA_THEN_CLOSE": {"kind": "garble", "how": "bytes"},
    "CONNECTION_RESET_BY_PEER": {"kind": "disconnect", "reset": True},
}
"""The names that WireMock uses, as aliases."""


@cache
def kinds() -> Mapping[str, type[Fault]]:
    """Return every kind of fault by name, for example ``{"latency": Latency, ...}``.

    Raises ImportError if the file of a kind can't be imported, and TypeError if it does not define one `Fault` whose
    kind is the file's name.
    """
    package = __package__ or ""
    files = {row.name for row in iter_modules([str(Path(__file__).parent)]) if not row.name.startswith("_")}
    names = sorted(files - NO_KINDS)
    return MappingProxyType({name: _kind(import_module(f"{package}.{name}"), name) for name in names})


def fault_from_json(definition: Mapping[str, Any]) -> Fault:
    """Create a fault from a dictionary with a ``kind`` and the settings of that kind.

    Raises `SettingError` for an unknown kind or setting, with the nearest valid name.

        fault_from_json({"kind": "latency", "seconds": 2})
    """
    if "kind" not in definition:
        raise SettingError(
            f"fault {brief(dict(definition))}: its kind is missing; expected one of {comma_list(kinds())}"
        )
    kind_by_name = kinds()
    name = definition["kind"] if isinstance(definition["kind"], str) else brief(definition["kind"])
    if name in ALIASES:
        definition = {**definition, **ALIASES[name]}
        name = definition["kind"]
    if name not in kind_by_name:
        near = suggestion(name, [*kind_by_name, *ALIASES])
        raise SettingError(
            f"unknown fault kind {brief(definition['kind'])}{near}; expected one of {comma_list(kind_by_name)}"
        )
    return kind_by_name[name].of({key: value for key, value in definition.items() if key != "kind"})


def fault_of(source: Any) -> Middleware:
    """Return *source* as a fault that can be armed.

    *source* is the name of a kind, a dictionary with a ``kind``, a `Fault`, or an async function. Raises `SettingError`
    for anything else.
    """
    if isinstance(source, str):
        return fault_from_json({"kind": source})
    if isinstance(source, Mapping):
        return fault_from_json(source)
    if callable(source) and not isinstance(source, type):
        fault: Middleware = source
        return fault
    if isinstance(source, type) and issubclass(source, Fault):
        raise SettingError(f"fault: {source.__name__} is a class; expected an object: faults.{source.__name__}()")
    if is_json_in_force():
        raise SettingError(
            f"fault: {brief(source)} can't be armed; expected the name of a kind, or an object with a 'kind'"
        )
    expected = "expected the name of a kind, a dictionary with a 'kind', or a fault such as faults.Hang()"
    raise SettingError(f"fault: {brief(source)} can't be armed; {expected}")


def is_kind(name: str) -> bool:
    """Return whether *name* is a kind of fault, or an alias such as WireMock's ``EMPTY_RESPONSE``."""
    return name in kinds() or name in ALIASES


def _kind(module: Any, name: str) -> type[Fault]:
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Fault) and value is not Fault
    ]
    kinds_of_module = [getattr(fault, "kind", fault.__name__) for fault in classes]
    if kinds_of_module != [name]:
        raise TypeError(f"faults/{name}.py must have one fault of the kind {name!r}; it has {kinds_of_module}")
    _name_nearest(classes[0])
    return classes[0]


def _name_nearest(kind: type[Fault]) -> None:
    """Make *kind* raise `SettingError` with the nearest name, not TypeError, for an unknown keyword argument."""
    create = kind.__init__

    @wraps(create)
    def initialize(self: Fault, *args: Any, **settings: Any) -> None:
        kind.check_names(settings)
        create(self, *args, **settings)

    kind.__init__ = initialize  # type: ignore[assignment, method-assign]
