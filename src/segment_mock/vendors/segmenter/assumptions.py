"""Assumptions about the Segmenter: rules that its pages do not state, with the choice of the mock.

An operation reads a choice by ``call.assume(name)``, so that the response names the assumption.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...core import Assumption

_UNSTATED = "not stated anywhere"


ASSUMPTIONS: Mapping[str, Assumption] = {
    "trailing_slash": Assumption("A slash at the end of a path changes nothing.", "ignored", "as in Express"),
    "numeric_ids": Assumption("A number in place of an id is converted to text.", "text", _UNSTATED),
    "null_lists": Assumption("A list that is null counts as absent.", "not sent", _UNSTATED),
    "omitted_members": Assumption(
        "Members of a segment that an update omits keep their values; so do its persons.", "kept", _UNSTATED
    ),
    "null_members": Assumption("A member that is null is cleared.", "cleared", _UNSTATED),
    "person_identity": Assumption(
        "A person is identified by externalId; if one of two has none, by e-mail address in any case.",
        "externalId, else email",
        "the page does not say what identifies a person; it describes externalId as a uuid",
    ),
    "leavers": Assumption(
        "Persons who leave a segment stay in the organization, with their tags.",
        "kept",
        "the page says both delete and remove",
        operations=("update_segment",),
    ),
    "unsent_tags": Assumption(
        "Substitution tags that a request omits are kept.", "kept", "the page mentions only adding and editing"
    ),
    "same_person_twice": Assumption("A person who occurs twice in one call is one person.", "merged", _UNSTATED),
    "id_in_path_and_body": Assumption(
        "Ids in the path and in the body must be the same.",
        "refused",
        "the path is not published",
        operations=("update_segment",),
    ),
    "failure_shape": Assumption(
        "A refused update answers in one of the two forms of the page.",
        "success-false",
        "the page states both in one paragraph",
        setting="failures",
    ),
    "create_failure_shape": Assumption(
        "A refused creation answers in the form of a refused update.",
        "as for update",
        "the page is cut off there",
        operations=("create_segment",),
    ),
}
