"""The outermost of our own: what the client will see, in the journal and in the vendor's words."""

from __future__ import annotations

import logging

from ..callsite import caller, running_test
from ..contract import Call, Proceed, Refusal
from ..journal import Journal
from ..messages import Response

_log = logging.getLogger("segment_mock")


class Record:
    """Writes each exchange into the *journal* exactly as the client will see it, even if it never does."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        """Open an entry on arrival; close it with the answer, or as abandoned when none comes."""
        world, vendor = call.world, call.vendor
        secret = vendor.key_header.lower()
        name = f"{vendor.name}.{call.operation.name}"
        entry = self.journal.open(call.request, vendor.name, name, secret, call.arrived, world.log.mark)
        if call.request.door == "inprocess":
            entry.caller, entry.test = caller(), running_test()
        try:
            response = await proceed()
            entry.answer(response, world.clock.now())
        except BaseException:
            entry.outcome = "abandoned"
            raise
        finally:
            entry.organization = call.organization.name if call.organization else ""
            entry.written, entry.unread, entry.faults = call.changes, call.unread, tuple(call.struck)
            if call.refusal:
                entry.refusal = call.refusal.kind
            if call.refusal or call.hints:
                entry.hint = call.hint
            self.journal.close(entry, world.log.mark)
            if len(world.log):
                with world.lock:
                    world.log.trim(self.journal.mark or 0)
        return response


async def dress(call: Call, proceed: Proceed) -> Response:
    """Put a refusal from below into the vendor's own words; a defect of ours becomes ``broken``."""
    try:
        response = await proceed()
        return call.hinted(response) if call.hints else response
    except Refusal as refusal:
        return call.dress(refusal)
    except Exception:
        _log.exception("%s.%s failed; this is a defect of segment-mock", call.vendor.name, call.operation.name)
        return call.refuse("broken", hint="a defect of segment-mock: its log has the traceback")
