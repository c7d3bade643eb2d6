"""What the Segmenter's pages do not state, and what the mock does instead: one row a decision.

An operation takes such a decision by ``call.assume(name)``, so that the reply names it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...core import Assumption

_UNSTATED = "not stated anywhere"

ASSUMPTIONS: Mapping[str, Assumption] = {
    "trailing_slash": Assumption("A slash at the end of a path changes nothing.", "ignored", "as Express does it"),
    "numeric_ids": Assumption("A number where an id is expected is taken as its text.", "text", _UNSTATED),
    "null_lists": Assumption("A list that is sent as null counts as not sent.", "not sent", _UNSTATED),
    "omitted_members": Assumption(
        "A member of a segment that an update does not send stays as it is; so do its people.", "kept", _UNSTATED
    ),
    "null_members": Assumption("A member that is sent as null is cleared.", "cleared", _UNSTATED),
    "person_identity": Assumption(
        "A person is known by externalId, else by e-mail address in any case where not both have an external id.",
        "externalId, else email",
        "the page does not say what tells people apart; externalId is described as a uuid",
    ),
    "leavers": Assumption(
        "People who leave a segment stay known to the organization, with their tags.",
        "kept",
        "the page says both delete and remove",
    ),
    "unsent_tags": Assumption(
        "A person's substitution tags that are not sent stay.", "kept", "the page speaks of adding and editing only"
    ),
    "same_person_twice": Assumption("A person who is sent twice in one call is one person.", "merged", _UNSTATED),
    "id_in_path_and_body": Assumption(
        "Ids in the path and in the body must be the same.", "refused", "the path is not published"
    ),
    "failure_shape": Assumption(
        "A refused update answers in one of the two shapes that the page has.",
        "success-false",
        "the page states both in one paragraph",
        setting="failures",
    ),
    "create_failure_shape": Assumption(
        "A refused creation answers in the shape of a refused update.", "as for update", "the page is cut there"
    ),
}
