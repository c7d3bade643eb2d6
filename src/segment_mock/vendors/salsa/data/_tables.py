"""Salsa's tables and their indexes."""

from __future__ import annotations

from operator import itemgetter

from ....store import Index, TableSchema
from ..operations.segments import folded
from ..records import custom_fields, emails

DAWN = "2018-01-01T00:00:00.000Z"
"""When data that tells no dates came to be: fixed, so that equal data make equal replies."""


def _of(name: str) -> Index:
    return Index(name, lambda record: (record[name],) if record.get(name) is not None else ())


SEGMENTS = TableSchema(
    "segments",
    itemgetter("segmentId"),
    (Index("name", lambda record: (folded(record["name"]),)), _of("externalSystemId")),
    normal=str.lower,
)
SUPPORTERS = TableSchema(
    "supporters",
    itemgetter("supporterId"),
    (Index("email", emails), _of("externalSystemId"), Index("customField", custom_fields)),
    normal=str.lower,
)
MEMBERS = TableSchema("members", itemgetter("segmentId", "supporterId"), (_of("segmentId"), _of("supporterId")))
TABLES = (SEGMENTS, SUPPORTERS, MEMBERS)
