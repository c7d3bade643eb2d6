"""Instaleap's Segmenter, as far as its two public pages tell."""

from ...contract import Operation, Vendor
from ...settings import Option
from . import data, operations
from .errors import REFUSALS, complain
from .schemas import CREATE, UPDATE, Created, CreateSegment, Updated, UpdateSegment, reply, wrap

VENDOR = Vendor(
    name="segmenter",
    title="Instaleap Segmenter",
    hosts=("*.instaleap.io",),
    root="/segments",
    key_header="x-api-key",
    key_option="key",
    operations=(
        Operation(
            "create_segment", "POST", ("",), operations.create, f"{CREATE}; path assumed",
            request=CreateSegment(), response=reply(Created()),
        ),
        Operation(
            "update_segment", "PUT", ("", "/{id}"), operations.update, f"{UPDATE}; path assumed",
            request=UpdateSegment(), response=reply(Updated()),
        ),
    ),
    refusals=REFUSALS,
    tables=data.TABLES,
    wrap=wrap,
    unwrap=lambda body: body,
    complain=complain,
    load=data.load,
    export=data.export,
    face=data.SegmenterFace,
    options=(
        Option("path", "Where the Segmenter's operations begin; the vendor does not publish it.", "/segments"),
        Option(
            "failures",
            "Which of the two documented shapes a failure takes; the second comes with status 200.",
            choices=("success-false", "is-updated-false"),
        ),
    ),
)  # fmt: skip
