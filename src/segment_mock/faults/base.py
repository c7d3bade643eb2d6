"""The base class of faults: a middleware whose settings are the fields of a dataclass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar

from ..core import Call, Operation, Proceed
from ..json_match import brief
from ..messages import Response
from ..settings import BOOL, Option, OptionType, SettingError, suggestion

CONDITIONS = ("skip", "times", "every", "chance", "connection", "from", "until")
"""The names of the conditions of a rule, which are easily taken for settings of its fault."""


def setting(default: Any, help_: str, kind: OptionType, **bounds: Any) -> Any:
    """Declare a setting: its default, its help, its type, and *bounds*, which are arguments of `Option`."""
    return field(default=default, metadata={"option": (help_, kind, bounds)})


def option(row: Field[Any]) -> Option:
    """Return the declaration of a field as an option, which converts and validates values."""
    help_, kind, bounds = row.metadata["option"]
    return Option(row.name, help_, row.default, kind, **bounds)


def pairs(value: Any) -> dict[str, Any]:
    """Return *value* as a dictionary of names and values; raises ValueError for any other value, such as ``[]``."""
    if not isinstance(value, Mapping):
        raise ValueError
    return dict(value)


def after() -> Any:
    """Declare the setting *after*, which many kinds have."""
    return setting(False, "Strike after the call was performed, with its changes made.", BOOL)


@dataclass(frozen=True)
class Fault:
    """A fault. Raises `SettingError` for an invalid setting."""

    kind: ClassVar[str]
    at_connect: ClassVar[bool] = False
    """Whether it strikes connections, before there is a call with an operation."""

    def __post_init__(self) -> None:
        for row in fields(self):
            try:
                object.__setattr__(self, row.name, option(row).read(getattr(self, row.name)))
            except SettingError as error:
                raise SettingError(f"fault {self.kind}: {str(error).partition(' (--')[0]}") from None

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Answer *call*; *proceed* passes it to the next rule or the operation, and returns the response."""
        raise NotImplementedError

    def fits(self, call: Call) -> bool:
        """Return whether *call* has anything that this fault can change."""
        return True

    def suits(self, operation: Operation | None) -> bool:
        """Return whether this fault can change calls of *operation*; None stands for a call that is only refused."""
        return True

    def as_dict(self) -> dict[str, Any]:
        """Return kind and settings as JSON, without settings at their default."""
        settings = {row.name: getattr(self, row.name) for row in fields(self) if getattr(self, row.name) != row.default}
        return {"kind": self.kind, **settings}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Fault:
        """Return this fault with *settings* by name; raises `SettingError` for an unknown name."""
        cls.check_names(settings)
        return cls(**settings)

    @classmethod
    def check_names(cls, settings: Iterable[str]) -> None:
        """Raise `SettingError` for a name in *settings* that is no setting of this kind."""
        names = [row.name for row in fields(cls)]
        for name in settings:
            if name in names:
                continue
            if str(name).rstrip("_") in CONDITIONS:
                raise SettingError(
                    f"fault {cls.kind}: {name!r} is a condition of the rule, not a setting of the fault: "
                    f"faults.add(fault, operation, {name}=...), or a member of 'when' in JSON"
                )
            raise SettingError(
                f"fault {cls.kind}: unknown setting {brief(name)}{suggestion(str(name), names)}; "
                f"expected one of {names}"
            )
