"""The operations of Ticket System."""

from segment_mock.vendor_api import Call, ItemFailure, Json, Refusal

from .errors import ITEM_ERRORS
from .schemas import NewTicket

_NEW_TICKET = NewTicket()


def create_tickets(call: Call, data: Json) -> Json:
    """Add each valid ticket, and return the error of each invalid one."""

    def create(item: Json) -> Json:
        if _NEW_TICKET.validate(item):
            return _error("subject_missing")
        tickets = call.rows("tickets")
        if tickets.first("subject", item["subject"].lower()) is not None:
            call.assume("unique_subjects")
            return _error("subject_taken")
        ticket = tickets.put({"id": call.new_id("tickets"), "subject": item["subject"], "state": "open"})
        return {"result": "created", "ticket": {**ticket}}

    return {"results": call.each(data["tickets"], create)}


def search_tickets(call: Call, data: Json) -> Json:
    """Return one page of the tickets, oldest first."""
    fitting = [ticket for ticket in call.rows("tickets") if data.get("state") in (None, ticket["state"])]
    page = fitting[data["offset"] : data["offset"] + data["count"]]
    return {"total": len(fitting), "tickets": [{**ticket} for ticket in page]}


def update_ticket(call: Call, data: Json) -> Json:
    """Open or close a ticket; refuse to close a closed one."""
    tickets, key = call.rows("tickets"), call.arguments["id"]
    ticket = tickets.get(key)
    if ticket is None:
        raise Refusal("not_found", field="id", id=key)
    if ticket["state"] == data["state"]:
        call.assume("same_state")
        raise Refusal("not_manageable", field="state", state=data["state"])
    return {"ticket": {**tickets.put({**ticket, "state": data["state"]})}}


def fail_item(call: Call, item: Json, failure: ItemFailure) -> Json:
    """Return the result of a ticket that the fault ``item`` chose."""
    return {"result": failure.result, "code": 99, "message": failure.message}


def _error(name: str) -> Json:
    row = ITEM_ERRORS[name]
    return {"result": "failed", "code": row.code, "message": row.message}
