"""The metrics of an organization's use of the API."""

from __future__ import annotations

from marshmallow import Schema, fields

from ....clock import iso
from ....core import Call, Json, known
from ..schemas import RECORDED

COUNTERS = (
    "supporterRead", "supporterAdd", "supporterDelete", "supporterUpdate", "segmentRead", "segmentAdd",
    "segmentDelete", "segmentUpdate", "segmentAssignmentRead", "segmentAssignmentAdd", "segmentAssignmentUpdate",
    "segmentAssignmentDelete", "offlineDonationAdd", "offlineDonationUpdate", "activityTicketedEvent",
    "activityP2PEvent", "activitySubscribe", "activityFundraise", "activityTargetedLetter", "activityPetition",
    "activitySubscriptionManagement",
)  # fmt: skip
_LEFT = known("recorded by the vendor's own tests; that it counts remaining calls is assumed")
_VERBS = {"FOUND": "Read", "ADDED": "Add", "UPDATED": "Update", "DELETED": "Delete"}


class Metrics(Schema.from_dict({name: fields.Integer(required=True, **RECORDED) for name in COUNTERS})):  # type: ignore[misc]
    """Counters of records, and the limits and calls of the token."""

    rateLimit = fields.Integer(required=True, **RECORDED)
    maxBatchSize = fields.Integer(required=True, **RECORDED)
    lastAPICall = fields.String(required=True, **RECORDED)
    totalAPICalls = fields.Integer(required=True, **RECORDED)
    totalAPICallFailures = fields.Integer(required=True, **RECORDED)
    currentRateLimit = fields.Integer(required=True, **_LEFT)


def get(call: Call, _: Json) -> Json:
    """Return every counter; the call itself is not counted."""
    assert call.organization is not None
    counters, limits = call.organization.counters, call.vendor.limits
    call.assume("calls_left")
    if counters["totalAPICallFailures"]:
        call.assume("failed_calls")
    if counters["totalAPICalls"]:
        last = counters["lastAPICall"] / 1000
    else:
        last = call.arrived
        call.assume("no_call_yet")
    return {
        "rateLimit": limits.calls,
        "maxBatchSize": limits.items,
        **{name: counters[name] for name in call.vendor.counters},
        "lastAPICall": iso(last),
        "totalAPICalls": counters["totalAPICalls"],
        "totalAPICallFailures": counters["totalAPICallFailures"],
        "currentRateLimit": call.calls_left,
    }


def count(call: Call, result: Json | None) -> None:
    """Count a performed call and each of its successful records, or, if *result* is None, a refused call."""
    organization, operation = call.organization, call.operation
    if organization is None or not operation.counted:
        return
    counters = organization.counters
    counters["totalAPICalls"] += 1
    counters["lastAPICall"] = round(call.arrived * 1000)
    if result is None:
        counters["totalAPICallFailures"] += 1
        return
    batch = operation.items
    if batch is None or not operation.subject:
        return
    results = [item["result"] for item in result[batch.answered]]
    if batch.answered == "results" and results:
        call.assume("groups_counted")
    for result_word in dict.fromkeys(results):
        if result_word in _VERBS:
            counter = operation.subject + _VERBS[result_word]
            if counter not in counters and counter not in call.vendor.counters:
                raise LookupError(f"unknown counter {counter!r}; add it to the counters of the vendor")
            counters[counter] += results.count(result_word)
