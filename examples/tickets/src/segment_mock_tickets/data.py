"""The tables of Ticket System, its part of a data file, and ``mock.tickets``."""

from collections.abc import Mapping
from operator import itemgetter

from marshmallow import fields, validate
from segment_mock.vendor_api import (
    DataRow,
    Index,
    InitialRecords,
    Json,
    Store,
    TableSchema,
    Validator,
    VendorState,
    World,
    rows,
)

from .schemas import STATES

TICKETS = TableSchema(
    "tickets", itemgetter("id"), (Index("subject", lambda ticket: (ticket["subject"].lower(),), unique=True),)
)
TABLES = (TICKETS,)


class TicketRow(DataRow):
    """A ticket in a data file."""

    id = fields.String()
    subject = fields.String(required=True)
    state = fields.String(validate=validate.OneOf(STATES), load_default="open")


ROWS = {"tickets": TicketRow()}
_TICKET = Validator(TicketRow())


def load(document: Json, world: World) -> Mapping[str, InitialRecords]:
    """Return the tables of this vendor's part of a data file; raises SettingError naming row, field and value."""
    loaded = rows(_TICKET, document, "tickets", "tickets")
    existing_ids = {row.get("id") for row in loaded}
    records = [{**row, "id": row.get("id") or world.new_id("data.tickets.tickets", existing_ids)} for row in loaded]
    return {"tickets": InitialRecords(TICKETS, records)}


def export(store: Store) -> Json:
    """Return all tables in the form of a data file, which ``load`` accepts."""
    return {"tickets": [*store["tickets.tickets"]]}


class TicketsState(VendorState):
    """``mock.tickets``: a test reads and prepares the records with it."""

    @property
    def tickets(self) -> list[Json]:
        """Every ticket, oldest first."""
        return self.rows("tickets")

    def add_ticket(self, subject: str, state: str = "open") -> Json:
        """Add a ticket without a call to the API, and return it; raises SettingError for an invalid one."""
        return self.add("tickets", {"tickets": [{"subject": subject, "state": state}]})
