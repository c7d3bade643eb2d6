"""Salsa Engage Groups, according to its document, recordings and public clients."""

from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

from ...core import Items, Json, Limits, Operation, Vendor
from ...settings import Option
from .assumptions import ASSUMPTIONS
from .data import ROWS, TABLES, SalsaState, export, load
from .errors import ERROR_SCHEMAS, ERRORS, ITEM_ERRORS, REFUSALS
from .operations import members, metrics, segments, supporters
from .replies import fail_item, identifier_member, render_error, wrap
from .schemas import (
    BELONGING_ORDER,
    DOCUMENT,
    SEGMENT_ORDER,
    SUPPORTER_ORDER,
    Belongings,
    DeleteSegments,
    DeleteSupporters,
    Membership,
    Order,
    SearchMembers,
    SearchSegments,
    SearchSupporters,
    Segments,
    Supporters,
    UpsertSegments,
    UpsertSupporters,
    frame,
    response_of,
)  # fmt: skip

_GROUPS, _SUPPORTERS = response_of(Segments), response_of(Supporters)
_MEMBERSHIP, _SEARCH_SUPPORTERS = frame(Membership), frame(SearchSupporters)
_RECORDED = "recorded by the vendor's own tests"
_CLIENT = "recorded by a public client"
_SUPPORTER_DATA = f"Salsa Engage, Supporter Data; {_RECORDED}"


def _batch(name: str, order: Order, list_in_request: str = "") -> Items:
    members = {"supporterIds": _supporter, "identifiers": _identified}.get(list_in_request)
    batch = Items(list_in_request or name, name, partial(fail_item, order), ids=("segmentId", "supporterId"))
    return replace(batch, members=members) if members else batch


def _supporter(_: Json, identifier: Any) -> Json:
    return identifier_member("SUPPORTER_ID", identifier)


def _identified(payload: Json, identifier: Any) -> Json:
    return identifier_member(payload["identifierType"], identifier)


VENDOR = Vendor(
    name="salsa",
    title="Salsa Engage Groups",
    hosts=("api.salsalabs.org", "hq.uat.igniteaction.net"),  # production, and user acceptance tests
    root="/api/integration/ext/v1",
    key_header="authToken",
    operations=(
        Operation(
            "search_segments", "POST", ("/segments/search",), segments.search, f"{DOCUMENT}, Searching for Segments",
            request=frame(SearchSegments), response=_GROUPS, items=_batch("segments", SEGMENT_ORDER, "identifiers"),
            sized=("identifiers", "count"), reads=True, subject="segment",
        ),
        Operation(
            "upsert_segments", "PUT", ("/segments",), segments.upsert, f"{DOCUMENT}, Adding/Updating Segments",
            request=frame(UpsertSegments), response=_GROUPS, items=_batch("segments", SEGMENT_ORDER),
            sized=("segments",), refuses=("not_manageable",), subject="segment",
        ),
        Operation(
            "delete_segments", "DELETE", ("/segments",), segments.delete, f"{DOCUMENT}, Deleting Segments",
            request=frame(DeleteSegments), response=_GROUPS, items=_batch("segments", SEGMENT_ORDER),
            sized=("segments",), refuses=("not_manageable",), subject="segment",
        ),
        Operation(
            "search_members", "POST", ("/segments/members/search",), members.search, _RECORDED,
            request=frame(SearchMembers), response=_SUPPORTERS,
            items=_batch("supporters", SUPPORTER_ORDER, "supporterIds"),
            sized=("supporterIds", "count"), reads=True, subject="segmentAssignment",
        ),
        Operation(
            "assign_members", "PUT", ("/segments/members",), members.assign, _RECORDED,
            request=_MEMBERSHIP, response=_SUPPORTERS,
            items=_batch("supporters", SUPPORTER_ORDER, "supporterIds"), sized=("supporterIds",),
            refuses=("not_manageable",), subject="segmentAssignment",
        ),
        Operation(
            "remove_members", "DELETE", ("/segments/members",), members.remove, _RECORDED,
            request=_MEMBERSHIP, response=_SUPPORTERS,
            items=_batch("supporters", SUPPORTER_ORDER, "supporterIds"), sized=("supporterIds",),
            refuses=("not_manageable",), subject="segmentAssignment",
        ),
        Operation(
            "search_supporters", "POST", ("/supporters/search",), supporters.search, _SUPPORTER_DATA,
            request=_SEARCH_SUPPORTERS, response=_SUPPORTERS,
            items=_batch("supporters", SUPPORTER_ORDER, "identifiers"), sized=("identifiers", "count"), reads=True,
            subject="supporter",
        ),
        Operation(
            "upsert_supporters", "PUT", ("/supporters",), supporters.upsert, _SUPPORTER_DATA,
            request=frame(UpsertSupporters), response=_SUPPORTERS, items=_batch("supporters", SUPPORTER_ORDER),
            sized=("supporters",), subject="supporter",
        ),
        Operation(
            "delete_supporters", "DELETE", ("/supporters",), supporters.delete, _RECORDED,
            request=frame(DeleteSupporters), response=_SUPPORTERS, items=_batch("supporters", SUPPORTER_ORDER),
            sized=("supporters",), subject="supporter",
        ),
        Operation(
            "search_supporter_groups", "POST", ("/supporters/groups",), supporters.groups, _CLIENT,
            request=_SEARCH_SUPPORTERS, response=response_of(Belongings),
            items=_batch("results", BELONGING_ORDER, "identifiers"), sized=("identifiers", "count"), reads=True,
            subject="supporter",
        ),
        Operation(
            "get_metrics", "GET", ("/metrics",), metrics.get, f"Salsa Engage Integration API Overview; {_RECORDED}",
            response=response_of(metrics.Metrics), reads=True, counted=False,
        ),
    ),
    refusals=REFUSALS,
    errors=ERRORS,
    error_schemas=ERROR_SCHEMAS,
    item_errors=ITEM_ERRORS,
    assumptions=ASSUMPTIONS,
    tables=TABLES,
    rows=ROWS,
    wrap=wrap,
    unwrap=itemgetter("payload"),
    render_error=render_error,
    load=load,
    export=export,
    state_class=SalsaState,
    count=metrics.count,
    options=(
        Option(
            "non_crm",
            "Change of a non-CRM group: http-405 refuses the call, result answers NOT_ALLOWED for the item.",
            choices=("http-405", "result"),
        ),
        Option(
            "unknown_id",
            "Update with an unknown id: not-found as documented, create as once recorded.",
            choices=("not-found", "create"),
        ),
        Option(
            "address",
            "Update with an address: replace replaces the whole address, merge keeps the members that are not sent.",
            choices=("replace", "merge"),
        ),
    ),
    counters=metrics.COUNTERS,
    limits=Limits(calls=300, seconds=60, items=20, source="Salsa Engage Integration API Overview"),
)  # fmt: skip
