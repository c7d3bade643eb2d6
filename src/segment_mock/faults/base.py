"""The base class of faults: a middleware whose settings are the fields of a dataclass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from ..core import Call, Operation, Proceed
from ..messages import Response
from ..settings import BOOL, Option, OptionType, SettingError, unknown_name

if TYPE_CHECKING:
    from typing_extensions import Unpack

CONDITIONS = ("skip", "times", "every", "chance", "connection", "from", "until")
"""The names of the conditions of a rule, which are easily taken for settings of its fault."""


class Bounds(TypedDict, total=False):
    """Which values of a setting are valid: numbers from *min* to *max*, or one of some texts."""

    min: float
    max: float
    choices: tuple[str, ...]


def setting(default: Any, help_: str, kind: OptionType, **bounds: Unpack[Bounds]) -> Any:
    """Declare one setting of a fault as a dataclass field.

    *help_* describes it in the reference and the CLI. *kind* is its type, and *bounds* say which values are valid.
    """
    return field(default=default, metadata={"option": (help_, kind, bounds)})


def option(row: Field[Any]) -> Option:
    """Return the `Option` of a setting of a fault, which converts and checks its values.

    *row* is a field that `setting` declared.
    """
    help_, kind, bounds = row.metadata["option"]
    return Option(row.name, help_, row.default, kind, **bounds)


def pairs(value: Any) -> dict[str, Any]:
    """Return *value* as a dictionary of names and values; raises ValueError for any other value, such as ``[]``."""
    if not isinstance(value, Mapping):
        raise ValueError
    return dict(value)


def after() -> Any:
    """Declare the setting *after*, which many kinds have: strike after the call was performed instead of before."""
    return setting(False, "Strike after the call was performed, with its changes made.", BOOL)


@dataclass(frozen=True)
class Fault:
    """Base class of all kinds of fault. A fault says what goes wrong; a `FaultRule` says when.

    Each kind is a frozen dataclass: its fields are its settings, with a description, a default and a range. Creating a
    fault converts and checks its settings, and raises `SettingError` for an invalid one. Arm a fault with
    ``mock.faults.add``. For a fault of your own, an async function of *call* and *proceed* is enough.

        from segment_mock import faults

        mock.faults.add(faults.Latency(seconds=2, jitter=0.5), "salsa.*")
    """

    kind: ClassVar[str]
    at_connect: ClassVar[bool] = False
    """Whether it strikes connections, before there is a call with an operation."""

    def __post_init__(self) -> None:
        for row in fields(self):
            try:
                object.__setattr__(self, row.name, option(row).read(getattr(self, row.name)))
            except SettingError as error:
                raise SettingError(f"fault {self.kind}: {error}") from None

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Answer *call* with a fault. ``await proceed()`` passes the call to the next rule or to the operation.

        Returns the response for the client.
        """
        raise NotImplementedError

    def fits(self, call: Call) -> bool:
        """Return whether this fault can affect *call*; if not, the rule counts the call as suppressed (default: True).

        For example, the fault ``item`` fits only a call whose batch has an item to fail.
        """
        return True

    def suits(self, operation: Operation | None) -> bool:
        """Return whether this fault can affect calls of *operation* (default: True).

        *operation* is None for calls without an operation, such as an unknown path. Arming a fault raises
        `SettingError` if it suits no operation that the rule names.
        """
        return True

    def as_dict(self) -> dict[str, Any]:
        """Return the kind and the settings that differ from their defaults, as a JSON-compatible dictionary."""
        settings = {row.name: getattr(self, row.name) for row in fields(self) if getattr(self, row.name) != row.default}
        return {"kind": self.kind, **settings}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Fault:
        """Create a fault of this kind from a dictionary of setting names and values.

        Raises `SettingError` for an unknown name (with the nearest valid one) and for an invalid value.
        """
        cls.check_names(settings)
        return cls(**settings)

    @classmethod
    def check_names(cls, settings: Iterable[str]) -> None:
        """Raise `SettingError` if one of the names in *settings* is not a setting of this kind.

        The message gives the nearest valid name, or says that the name is a condition of the rule.
        """
        names = [row.name for row in fields(cls)]
        for name in settings:
            if name in names:
                continue
            if str(name).rstrip("_") in CONDITIONS:
                raise SettingError(
                    f"fault {cls.kind}: {name!r} is a condition of the rule, not a setting of the fault: "
                    f"write it in 'when', or in Python faults.add(fault, operation, {name}=...)"
                )
            raise SettingError(f"fault {cls.kind}: {unknown_name('setting', name, names)}")
