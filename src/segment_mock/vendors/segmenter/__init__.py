"""Instaleap's Segmenter, according to its two public pages."""

import re

from ...core import Operation, Vendor
from ...settings import TEXT, Option, OptionType
from . import data, operations
from .assumptions import ASSUMPTIONS
from .errors import ERROR_SCHEMAS, REFUSALS, details, render_error
from .schemas import CREATE, UPDATE, Created, CreateSegment, Updated, UpdateSegment, response_of, wrap


def _path(value: str) -> str:
    path = "/".join(["", *filter(None, TEXT.read(value).split("/"))])
    if not _PATH.fullmatch(path):
        raise ValueError
    return path


_PATH = re.compile(r"[\w/.~!$&'()*+,;=:@%-]*", re.ASCII)
PATH = OptionType("a path such as /segments", _path)

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
            request=CreateSegment(), response=response_of(Created),
        ),
        Operation(
            "update_segment", "PUT", ("", "/{id}"), operations.update, f"{UPDATE}; path assumed",
            request=UpdateSegment(), response=response_of(Updated), refuses=("not_found",),
        ),
    ),
    refusals=REFUSALS,
    tables=data.TABLES,
    rows=data.ROWS,
    wrap=wrap,
    unwrap=lambda body: body,
    render_error=render_error,
    details=details,
    error_schemas=ERROR_SCHEMAS,
    assumptions=ASSUMPTIONS,
    load=data.load,
    export=data.export,
    state_class=data.SegmenterState,
    options=(
        Option("path", "First part of the Segmenter's paths, which the vendor does not publish.", "/segments", PATH),
        Option(
            "failures",
            "Which of the two documented forms a failure has; the second has status 200.",
            choices=("success-false", "is-updated-false"),
        ),
    ),
)  # fmt: skip
