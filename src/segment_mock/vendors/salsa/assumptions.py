"""Assumptions about Salsa: rules that no document or recording states, with the choice of the mock.

An operation reads a choice by ``call.assume(name)``, so that the response names the assumption.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...core import Assumption

_UNSTATED = "not stated anywhere"
_CLIENTS_DIFFER = "public clients expect both"

_MEMBERSHIPS = ("assign_members", "remove_members")
_DELETIONS = ("delete_segments", "delete_supporters")
_SUPPORTER_SEARCHES = ("search_supporters", "search_supporter_groups")
_SEARCHES = ("search_segments", "search_members", *_SUPPORTER_SEARCHES)
_BATCHES = ("upsert_segments", "upsert_supporters", *_DELETIONS, *_MEMBERSHIPS, *_SEARCHES)

ASSUMPTIONS: Mapping[str, Assumption] = {
    "trailing_slash": Assumption("A slash at the end of a path changes nothing.", "ignored", "as in Java servlets"),
    "numeric_ids": Assumption(
        "A number in place of an id is converted to text.",
        "text",
        "public clients send numbers as text, and text as numbers",
        operations=_BATCHES,
    ),
    # Reading
    "page_size": Assumption(
        "A search without a count returns this many records.",
        20,
        f"{_UNSTATED}; it is the documented batch size",
        operations=_SEARCHES,
    ),
    "empty_page": Assumption(
        "A response without records has an empty list.",
        "[]",
        f"{_CLIENTS_DIFFER}: PHP programs need the list, Python programs expect it to be absent",
        operations=_BATCHES,
    ),
    "paging_beside_identifiers": Assumption(
        "Offset, count and times are ignored in a search by identifiers.", "ignored", _UNSTATED, operations=_SEARCHES
    ),
    "sort_order": Assumption(
        "The member sortOrder is accepted and changes nothing.", "ignored", _UNSTATED, operations=("search_members",)
    ),
    "duplicate_identifiers": Assumption(
        "An identifier that occurs twice gets two results.", "each answered", _UNSTATED, operations=_SEARCHES
    ),
    "not_found_counted": Assumption(
        "The members total and count include the identifiers that were not found.",
        "counted",
        "the printed example contradicts itself: count 1, total 5, three entries",
        operations=("search_segments",),
    ),
    "unknown_id_echo": Assumption(
        "A response repeats an unknown identifier as sent, including upper case.",
        "as sent",
        _UNSTATED,
        operations=(*_SEARCHES, *_DELETIONS, *_MEMBERSHIPS),
    ),
    "unknown_email": Assumption(
        "A response repeats an unknown e-mail address among the contacts.",
        "contacts",
        "the addresses of a supporter are among its contacts",
        operations=_SUPPORTER_SEARCHES,
    ),
    "shared_external_id": Assumption(
        "Several records may have one external id; a search by it returns them all.",
        "allowed",
        "the document calls only the name unique",
        operations=("search_segments", "upsert_segments", *_SUPPORTER_SEARCHES),
    ),
    "shared_email": Assumption(
        "A search by an e-mail address that several supporters have returns all; an update by it changes the oldest.",
        "all, the oldest",
        "the API creates no such supporters, but a data file may",
        operations=(*_SUPPORTER_SEARCHES, "upsert_supporters"),
    ),
    "email_case": Assumption(
        "E-mail addresses are compared without regard to case.",
        "ignored",
        _UNSTATED,
        operations=(*_SUPPORTER_SEARCHES, "upsert_supporters"),
    ),
    "time_without_zone": Assumption(
        "A time without a zone is UTC.",
        "UTC",
        "the recorded responses are in UTC",
        operations=("search_members", *_SUPPORTER_SEARCHES),
    ),
    "joined_since": Assumption(
        "A member who joined exactly at joinedSince is included.", "included", _UNSTATED, operations=("search_members",)
    ),
    "unknown_group_search": Assumption(
        "An unknown group has no members: an empty page, or NOT_FOUND for each requested supporter.",
        "no members",
        _UNSTATED,
        operations=("search_members",),
    ),
    # Groups
    "not_crm_group": Assumption(
        "A change of a non-CRM group refuses the call, or the item.",
        "http-405",
        "the document states both HTTP 405 and NOT_ALLOWED",
        setting="non_crm",
        operations=("upsert_segments", "delete_segments", *_MEMBERSHIPS),
    ),
    "name_comparison": Assumption(
        "Whether case, and white space at the ends, make two names of groups differ.",
        "case-sensitive, trimmed",
        "the document says only that names are unique",
        operations=("upsert_segments",),
    ),
    "blank_name": Assumption(
        "A name of white space only counts as missing.", "required", _UNSTATED, operations=("upsert_segments",)
    ),
    "text_length": Assumption(
        "The documented lengths count code points, so that an emoji is one character.",
        "code points",
        "the document says characters; Java counts UTF-16 units",
        operations=("upsert_segments", "upsert_supporters"),
    ),
    "omitted_members": Assumption(
        "Members of a group that an update omits keep their values.",
        "kept",
        "stated for supporters only",
        operations=("upsert_segments",),
    ),
    "null_members": Assumption(
        "A member of a group that is null in an update is cleared.",
        "cleared",
        _UNSTATED,
        operations=("upsert_segments",),
    ),
    "revived_id": Assumption(
        "The id of a deleted record may be used for a new record.",
        "ADDED",
        "the vendor's tests add and delete the same id in every run; the document says NOT_FOUND for unknown ids",
        operations=("upsert_segments", "upsert_supporters"),
    ),
    "memberships_end": Assumption(
        "Deleting a group or a supporter deletes its memberships.", "deleted", _UNSTATED, operations=_DELETIONS
    ),
    # Members
    "unknown_group": Assumption(
        "Assigning to an unknown group, or removing from it, has this result for each supporter.",
        "NOT_FOUND",
        _UNSTATED,
        operations=_MEMBERSHIPS,
    ),
    "custom_group_members": Assumption(
        "The members of a CUSTOM group may be changed.",
        "allowed",
        "public programs let their users assign to CUSTOM groups; the document allows CRM groups only",
        operations=_MEMBERSHIPS,
    ),
    "unknown_supporter": Assumption(
        "Assigning or removing an unknown supporter has this result.",
        "NOT_FOUND",
        "documented as the result for an unknown id",
        operations=_MEMBERSHIPS,
    ),
    "assigned_twice": Assumption(
        "Assigning a supporter who is already a member has this result, and the joining date stays.",
        "ADDED",
        _UNSTATED,
        operations=("assign_members",),
    ),
    "removed_non_member": Assumption(
        "Removing a supporter who is not a member has this result.",
        "NOT_FOUND",
        _UNSTATED,
        operations=("remove_members",),
    ),
    # Supporters
    "address_update": Assumption(
        "An address in an update replaces the whole address, or only the members that it has.",
        "replace",
        "documented as replace; a public client relies on merge",
        setting="address",
        operations=("upsert_supporters",),
    ),
    "update_without_email": Assumption(
        "An update of a known supporter needs no EMAIL contact.",
        "not required",
        "a public client sends such updates; the page calls the contact required",
        operations=("upsert_supporters",),
    ),
    "update_reply": Assumption(
        "The response to an update includes the members that the request omits.",
        "kept and sent",
        "only what was sent is documented",
        operations=("upsert_supporters",),
    ),
    "supporter_lengths": Assumption(
        "A text of a supporter has at most this many characters, an external id 100.",
        255,
        "the page says that lengths are checked, but states none",
        operations=("upsert_supporters",),
    ),
    "null_supporter_members": Assumption(
        "A member of a supporter that is null in an update is cleared.",
        "cleared",
        _UNSTATED,
        operations=("upsert_supporters",),
    ),
    "cleared_name": Assumption(
        "Clearing the first or the last name is an error of both.",
        "firstName, lastName",
        "recorded for both at once, with lastName last",
        operations=("upsert_supporters",),
    ),
    "repeated_entry": Assumption(
        "A contact or custom field that a supporter has twice in one call counts once, with the values of the last.",
        "the last",
        _UNSTATED,
        operations=("upsert_supporters",),
    ),
    "contact_status": Assumption(
        "An EMAIL contact without a status keeps its status; a new contact gets this one.",
        "OPT_IN",
        "public clients read the status of each address",
        operations=("upsert_supporters",),
    ),
    "custom_field_definition": Assumption(
        "The first value of an unknown custom field creates the field, with an id derived from its name.",
        "defined",
        "fields are defined in the user interface, and the API does not list them",
        operations=("upsert_supporters",),
    ),
    "custom_field_types": Assumption(
        "The value of a NUMBER is a number, of a BOOLEAN true or false, of a DATE a date.",
        "checked",
        _UNSTATED,
        operations=("upsert_supporters",),
    ),
    "custom_field_dates": Assumption(
        "A DATE sent as month/day/year is in US Eastern time.",
        "US Eastern",
        "recorded once, in summer",
        operations=("upsert_supporters",),
    ),
    "error_details": Assumption(
        "An error of a contact, an address or a custom field names its member, and quotes the value sent.",
        "details",
        "public clients read details; its text is not published",
        operations=("upsert_supporters",),
    ),
    # Metrics
    "calls_left": Assumption(
        "The metric currentRateLimit is the number of remaining calls.",
        "left",
        "the vendor's tests exclude it; its page speaks of calls remaining",
        operations=("get_metrics",),
    ),
    "no_call_yet": Assumption(
        "In the first call, lastAPICall is the time of that call.",
        "now",
        "public programs can't read a missing time",
        operations=("get_metrics",),
    ),
    "failed_calls": Assumption(
        "A refused call counts in totalAPICalls and in totalAPICallFailures.",
        "counted",
        _UNSTATED,
        operations=("get_metrics",),
    ),
    "groups_counted": Assumption(
        "Reading the groups of a supporter counts as reading the supporter.",
        "supporterRead",
        _UNSTATED,
        operations=("search_supporter_groups",),
    ),
}
