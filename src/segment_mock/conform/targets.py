"""The targets of examples: their protocol, and the target for a segment-mock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from .client import ControlPlane, TargetResponse, Unreachable
from .example import Example


class SetupFailed(Exception):
    """The records that an example needs could not be created; the message gives the reason."""


class Target(Protocol):
    """Something that answers the calls of an example and can hold its records."""

    name: str

    def skip_reason(self, example: Example) -> str:
        """Return the reason why *example* can't be performed on this target, or ``""``."""

    def prepare(self, example: Example) -> Example:
        """Create the records that *example* needs, and return the example as it has to be sent to this target.

        Raises `SetupFailed` or `Unreachable`.
        """

    def state(self, example: Example) -> Any:
        """Return the records after *example*, or None if they can't be read."""

    def cleanup(self, example: Example, response: TargetResponse | None) -> None:
        """Remove the records that *example*, as sent, and its preparation created."""

    def close(self) -> list[str]:
        """Restore the original state; return the records that could not be removed."""


_SNAPSHOT = "/snapshots/segment-mock-conform"


class MockTarget:
    """A segment-mock as target. *credentials* are sent, by vendor, if its settings only accept listed ones.

    Raises `Unreachable` when the control plane refuses.
    """

    name = "segment-mock"

    def __init__(self, control: ControlPlane, credentials: Mapping[str, str], *, writes: bool) -> None:
        self._control, self._credentials, self._writes = control, credentials, writes
        self._settings: Mapping[str, Any] = control.ask("GET", "/vendors")["settings"]
        control.ask("POST", _SNAPSHOT)

    def skip_reason(self, example: Example) -> str:
        """Return the reason why *example* can't be performed on this target, or ``""``.

        Either it writes records, or it needs another setting.
        """
        if not (self._writes or example.operation.reads):
            return "it writes, which needs --allow-writes"
        if self._settings["credentials"] == "listed" and example.admitted and not self._credential_for(example):
            return f"the target accepts only listed credentials, which need --{example.vendor.key_flag}"
        secret = example.vendor.key_flag.replace("-", "_")
        for name, value in example.options.items():
            if name != secret and (actual := self._settings.get(name)) != value:
                return f"it needs a target with --{name.replace('_', '-')} {value}; this one has {actual}"
        return ""

    def prepare(self, example: Example) -> Example:
        """Load the records of *example*; return the example with the target's path and an accepted credential."""
        vendor, request = example.vendor, example.document["request"]
        root = self._settings.get(f"{vendor.name}_path", vendor.root)
        headers = dict(request["headers"])
        if example.admitted and self._settings["credentials"] == "listed":
            headers[vendor.key_header] = self._credential_for(example)
        path = root + request["path"].removeprefix(vendor.root) if root != vendor.root else request["path"]
        prepared_example = example.with_request(path=path, headers=headers)
        try:
            self._control.ask("PUT", self._records(prepared_example), example.document["state"])
        except Unreachable as error:
            raise SetupFailed(str(error)) from None
        return prepared_example

    def state(self, example: Example) -> Any:
        """Return the current records."""
        return self._control.ask("GET", self._records(example))

    def cleanup(self, example: Example, response: TargetResponse | None) -> None:
        """Do nothing, because `close` restores all records."""

    def close(self) -> list[str]:
        """Restore the target's own records, and remove the snapshot of them."""
        try:
            self._control.ask("POST", f"{_SNAPSHOT}/restore")
        except Unreachable as error:
            return [f"the records of the examples, because its original records could not be restored: {error}"]
        try:
            self._control.ask("DELETE", _SNAPSHOT)
        except Unreachable as error:
            return [f"the snapshot {_SNAPSHOT.rpartition('/')[2]}: {error}"]
        return []

    def _credential_for(self, example: Example) -> str:
        return self._credentials.get(example.vendor.name, "")

    def _records(self, example: Example) -> str:
        isolated = self._settings["credentials"] == "isolated"
        return f"/state?organization={quote(example.credential, safe='')}" if isolated else "/state"
