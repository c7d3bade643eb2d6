"""Salsa Engage Groups, as far as its document, recordings and public clients tell."""

from operator import itemgetter

from ...contract import Items, Limits, Operation, Vendor
from ...settings import Option
from . import data
from .errors import REFUSALS, complain, spoil
from .operations import segments
from .schemas import (
    DOCUMENT,
    DeleteSegments,
    SearchSegments,
    Segments,
    UpsertSegments,
    frame,
    reply,
    wrap,
)

_BATCH = Items("segments", "segments", spoil)

VENDOR = Vendor(
    name="salsa",
    title="Salsa Engage Groups",
    hosts=("api.salsalabs.org",),
    root="/api/integration/ext/v1",
    key_header="authToken",
    operations=(
        Operation(
            "search_segments", "POST", ("/segments/search",), segments.search, f"{DOCUMENT}, Searching for Segments",
            request=frame(SearchSegments()), response=reply(Segments()), sized=("identifiers", "count"), reads=True,
        ),
        Operation(
            "upsert_segments", "PUT", ("/segments",), segments.upsert, f"{DOCUMENT}, Adding/Updating Segments",
            request=frame(UpsertSegments()), response=reply(Segments()), items=_BATCH, sized=("segments",),
        ),
        Operation(
            "delete_segments", "DELETE", ("/segments",), segments.delete, f"{DOCUMENT}, Deleting Segments",
            request=frame(DeleteSegments()), response=reply(Segments()), items=_BATCH, sized=("segments",),
        ),
    ),
    refusals=REFUSALS,
    tables=data.TABLES,
    wrap=wrap,
    unwrap=itemgetter("payload"),
    complain=complain,
    load=data.load,
    export=data.export,
    face=data.SalsaFace,
    options=(
        Option(
            "non_crm",
            "Managing a group that is no CRM group: http-405 refuses the call, result answers NOT_ALLOWED per item.",
            choices=("http-405", "result"),
        ),
        Option(
            "unknown_id",
            "An update with an id never seen: not-found as documented, create as once recorded.",
            choices=("not-found", "create"),
        ),
    ),
    limits=Limits(calls=300, seconds=60, items=20, source="Salsa Engage Integration API Overview"),
)  # fmt: skip
