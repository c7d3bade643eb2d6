"""``mock.salsa``: one organization as a test wants to see and prepare it."""

from __future__ import annotations

from typing import Any

from ....core import Json, VendorState
from ....settings import SettingError


class SalsaState(VendorState):
    """``mock.salsa``: one organization as a test wants to see and prepare it, in wire names."""

    @property
    def segments(self) -> list[Json]:
        """Every group, oldest first."""
        return self.rows("segments")

    @property
    def supporters(self) -> list[Json]:
        """Every supporter, oldest first."""
        return self.rows("supporters")

    @property
    def members(self) -> list[Json]:
        """Every membership: segmentId, supporterId, joinedDate; oldest first."""
        return self.rows("members")

    def add_segment(self, name: str, **members: Any) -> Json:
        """Add a group (type INTEGRATED unless said) past the API; raises `SettingError`."""
        members.setdefault("segmentId", self.new_id("segments"))
        return self.add("segments", {"segments": [{"name": name, **members}]})

    def add_supporter(self, email: str | None = None, **members: Any) -> Json:
        """Add a supporter past the API, with an EMAIL contact if *email* is given; raises `SettingError`."""
        contacts = [{"type": "EMAIL", "value": email, "status": "OPT_IN"}] if email else []
        members["contacts"] = [*contacts, *members.get("contacts", ())]
        members.setdefault("supporterId", self.new_id("supporters"))
        members.setdefault("createdDate", self.world.clock.iso())
        members.setdefault("lastModified", members["createdDate"])
        return self.add("supporters", {"supporters": [members]})

    def add_member(self, segment_id: str, supporter_id: str) -> Json:
        """Make a supporter a member of a group past the API; raises `SettingError` if either is unknown."""
        record = {"segmentId": segment_id, "supporterId": supporter_id, "joinedDate": self.world.clock.iso()}
        with self.world.lock:
            for table, key in (("segments", segment_id), ("supporters", supporter_id)):
                if key not in self.store[f"salsa.{table}"]:
                    raise SettingError(f"salsa.{table}: {key!r} is not there")
            return dict(self.store["salsa.members"].put(record))
