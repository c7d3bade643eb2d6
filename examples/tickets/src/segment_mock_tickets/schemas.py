"""The schemas of Ticket System's bodies. ``known(SOURCE)`` says where a field is described."""

from marshmallow import Schema, fields, validate
from segment_mock.vendor_api import ItemList, NotBlank, RequestSchema, known

_ASSUMED = known("assumed")
STATES = ("open", "closed")


class NewTicket(RequestSchema):
    """A ticket to create."""

    subject = fields.String(required=True, validate=NotBlank("Must not be empty."), **_ASSUMED)


class CreateTickets(RequestSchema):
    """Tickets to create; each succeeds or fails by itself."""

    tickets = ItemList(NewTicket(), required=True, **_ASSUMED)


class SearchTickets(RequestSchema):
    """A search for a page of tickets."""

    state = fields.String(validate=validate.OneOf(STATES), **_ASSUMED)
    offset = fields.Integer(strict=True, validate=validate.Range(min=0), load_default=0, **_ASSUMED)
    count = fields.Integer(strict=True, validate=validate.Range(min=1, max=20), load_default=20, **_ASSUMED)


class UpdateTicket(RequestSchema):
    """The new state of a ticket."""

    state = fields.String(required=True, validate=validate.OneOf(STATES), **_ASSUMED)


class Ticket(Schema):
    """A ticket as responses show it."""

    id = fields.String(required=True, **_ASSUMED)
    subject = fields.String(required=True, **_ASSUMED)
    state = fields.String(required=True, validate=validate.OneOf(STATES), **_ASSUMED)


class Result(Schema):
    """The result of one ticket of a batch."""

    result = fields.String(required=True, **_ASSUMED)
    ticket = fields.Nested(Ticket(), **_ASSUMED)
    code = fields.Integer(**_ASSUMED)
    message = fields.String(**_ASSUMED)


class CreateResponse(Schema):
    """One result for each ticket that was sent, in that order."""

    results = fields.List(fields.Nested(Result()), required=True, **_ASSUMED)


class SearchResponse(Schema):
    """A page of tickets, and the number of all tickets."""

    total = fields.Integer(required=True, **_ASSUMED)
    tickets = fields.List(fields.Nested(Ticket()), required=True, **_ASSUMED)


class TicketResponse(Schema):
    """The response with one ticket."""

    ticket = fields.Nested(Ticket(), required=True, **_ASSUMED)


class Failed(Schema):
    """A refusal."""

    error = fields.String(required=True, **_ASSUMED)
    field = fields.String(required=True, **_ASSUMED)
