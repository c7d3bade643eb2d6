"""The remote control: a call in, an answer out; and everything a face may ask of the whole."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..contract import Call, Handler, Json, Vendor, perform, through
from ..faults import Plan
from ..journal import Journal
from ..limits import Window
from ..messages import Request, Response
from ..settings import OPTIONS, Option, SettingError, merged, nearest, read_rules, resolve, scenarios
from ..stages import Authenticate, Decode, Record, Throttle, alone, dress
from ..store import Seed
from ..vendors import found
from ..world import World
from ._routes import Routes


def options(vendors: Iterable[Vendor]) -> tuple[Option, ...]:
    """Return every setting there is: our own, and each vendor's with its name in front."""
    own = [
        replace(option, name=f"{vendor.name}_{option.name}")
        for vendor in vendors
        for option in (
            Option(vendor.key_option, f"A credential for {vendor.title} (--credentials listed).", many=True),
            *vendor.options,
        )
    ]
    return (*OPTIONS, *own)


class Snapshot:
    """A moment of all organizations' records that `Emulator.restore` can return to, until a reset."""

    def __init__(self, world: World) -> None:
        with world.lock:
            self.mark = world.log.mark
            world.log.hold(self.mark)
        weakref.finalize(self, world.log.release, self.mark)


class Emulator:
    """All vendors over one world. *given* are settings by keyword; raises `SettingError` for a bad one.

    ``answer`` is the core: it knows no socket, no thread and no real time.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.vendors = {vendor.name: vendor for vendor in found()}
        self.settings = resolve(options(self.vendors.values()), given)
        self.world = World(self.settings["seed"], isolated=self.settings["credentials"] == "isolated")
        self.journal = Journal(self.settings["journal_size"])
        self.windows = {
            vendor.name: Window(vendor.limits.calls, vendor.limits.seconds)
            for vendor in self.vendors.values()
            if vendor.limits.calls
        }
        self._options = {vendor.name: self._own(vendor) for vendor in self.vendors.values()}
        self.routes = Routes(self.vendors.values(), self._options)
        self.plan = Plan(self.world, self.routes.names())
        self._snapshots: dict[str, Snapshot] = {}
        self.ca_pem: bytes | None = None
        self.on_reset: list[Callable[[], None]] = []
        self.world.settle(self._seeds(merged(self.settings["data"])))
        self._arm()
        self._handle = self._stages()

    def _stages(self) -> Handler:
        limited = self.settings["limits"] == "vendor"
        listed = {v.name: self.settings[f"{v.name}_{v.key_option}"] for v in self.vendors.values()}
        return through(
            (
                Record(self.journal),
                self.plan,
                dress,
                Authenticate(self.settings["credentials"], listed),
                Throttle(self.windows, limited),
                Decode(limited),
                alone,
            ),
            perform,
        )

    async def answer(self, request: Request) -> Response:
        """Return the vendor's reply to *request*; awaits nothing but `clock.sleep`."""
        vendor, operation, arguments = self.routes.find(request)
        world = self.world
        options = self._options.get(vendor.name, {})
        return await self._handle(Call(request, vendor, operation, world, options, arguments, world.clock.now()))

    def face(self, name: str) -> Any:
        """Return the Python face of the vendor called *name*; raises KeyError if there is none."""
        vendor = self.vendors[name]
        return vendor.face(self.world, vendor, "")

    def reset(self) -> None:
        """Return to the initial data; calls in flight are closed unperformed, all else is cleared."""
        for interrupt in self.on_reset:
            interrupt()
        with self.world.lock:
            self.world.reset()
            self.plan.clear()
            self.journal.clear()
            self._snapshots.clear()
            for window in self.windows.values():
                window.clear()

    def state(self, credential: str = "") -> Json:
        """Return every record of one organization in the form of a data file."""
        with self.world.lock:
            store = self.world.organization(credential).store
            return {vendor.name: vendor.export(store) for vendor in self.vendors.values()}

    def load(self, document: Json, credential: str = "") -> None:
        """Put *document* in the place of one organization's records; not what `reset` returns to.

        Raises `SettingError` and changes nothing if a row of it can't be used.
        """
        seeds = self._seeds(merged([document]))
        with self.world.lock:
            self.world.organization(credential).store.replace(seeds.items())

    def snapshot(self, name: str | None = None) -> Snapshot:
        """Remember this moment, under *name* if one is given."""
        snapshot = Snapshot(self.world)
        if name is not None:
            self._snapshots[name] = snapshot
        return snapshot

    def restore(self, snapshot: Snapshot | str) -> None:
        """Return all records to a snapshot or its name; raises LookupError when a reset lies between."""
        moment = self._snapshots[snapshot] if isinstance(snapshot, str) else snapshot
        with self.world.lock:
            self.world.log.rollback(moment.mark)

    def _arm(self) -> None:
        known = scenarios() if self.settings["scenario"] else {}
        for name in self.settings["scenario"]:
            if name not in known:
                raise SettingError(f"scenario: {name!r} is none{nearest(name, known)}; there are {[*known]}")
            self.plan.load(known[name]["faults"])
        for source in self.settings["faults"]:
            self.plan.load(read_rules(source) if isinstance(source, str) else source)

    def _own(self, vendor: Vendor) -> dict[str, Any]:
        return {option.name: self.settings[f"{vendor.name}_{option.name}"] for option in vendor.options}

    def _seeds(self, document: Mapping[str, Json]) -> dict[str, Seed]:
        for name in document:
            if name not in self.vendors:
                raise SettingError(f"data.{name}: no such vendor{nearest(name, self.vendors)}")
        return {
            vendor.table(table): seed
            for vendor in self.vendors.values()
            for table, seed in vendor.load(document.get(vendor.name, {}), self.world).items()
        }
