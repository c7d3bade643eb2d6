"""A small ticket system as a vendor of segment-mock: docs/how-to/writing-a-vendor.md builds it step by step."""

from pathlib import Path

from segment_mock.vendor_api import Items, Limits, Operation, Vendor

from . import data, operations
from .assumptions import ASSUMPTIONS
from .errors import ERROR_SCHEMAS, ITEM_ERRORS, REFUSALS, render_error
from .schemas import CreateResponse, CreateTickets, SearchResponse, SearchTickets, TicketResponse, UpdateTicket

VENDOR = Vendor(
    name="tickets",
    title="Ticket System",
    hosts=("*.tickets.example",),
    root="/api/v2",
    key_header="x-api-key",
    key_option="key",
    operations=(
        Operation(
            "create_tickets",
            "POST",
            ("/tickets",),
            operations.create_tickets,
            "assumed",
            request=CreateTickets(),
            response=CreateResponse(),
            items=Items("tickets", "results", operations.fail_item),
            sized=("tickets",),
            refuses=("too_many_items",),
        ),
        Operation(
            "search_tickets",
            "POST",
            ("/tickets/search",),
            operations.search_tickets,
            "assumed",
            request=SearchTickets(),
            response=SearchResponse(),
            reads=True,
        ),
        Operation(
            "update_ticket",
            "PUT",
            ("/tickets/{id}",),
            operations.update_ticket,
            "assumed",
            request=UpdateTicket(),
            response=TicketResponse(),
            refuses=("not_found", "not_manageable"),
        ),
    ),
    refusals=REFUSALS,
    error_schemas=ERROR_SCHEMAS,
    item_errors=ITEM_ERRORS,
    assumptions=ASSUMPTIONS,
    limits=Limits(calls=60, seconds=60.0, items=20),
    tables=data.TABLES,
    rows=data.ROWS,
    wrap=lambda call, result: result,
    unwrap=lambda body: body,
    render_error=render_error,
    load=data.load,
    export=data.export,
    state_class=data.TicketsState,
    examples=Path(__file__).parent / "fixtures",
    api=1,
)
