"""Assumptions about Ticket System: rules that no source states. ``call.assume(name)`` names one in a header."""

from collections.abc import Mapping

from segment_mock.vendor_api import Assumption

ASSUMPTIONS: Mapping[str, Assumption] = {
    "unique_subjects": Assumption(
        "No two tickets have the same subject, in any case.", "refused", "not stated anywhere"
    ),
    "same_state": Assumption("A ticket is not put into the state that it is in.", "refused", "not stated anywhere"),
}
