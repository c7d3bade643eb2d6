"""What all vendors share: JSON bodies, errors of validation, refusals, and ids."""

import json

import pytest
from marshmallow import Schema, fields

from segment_mock import SegmentMock
from segment_mock.core import REFUSAL_KINDS, ItemList, Refusal, dumps, flatten_errors, parse, unread
from segment_mock.core.world import World
from segment_mock.vendors import find_vendors

pytestmark = pytest.mark.usefixtures("no_collection")

HEADERS = {"authToken": "t", "x-api-key": "k"}


@pytest.mark.parametrize("value", [{}, [], "x", 5, 1.5, None, True, {"a": [{"b": "é\ud800"}]}, 10**999])
def test_json_survives_writing_and_reading(value):
    """So do lone surrogates and long numbers."""
    assert {"v": value} == parse(dumps({"v": value}))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no body"),
        (b" \n", "no body"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1,}', "not JSON"),
        (b'{"a":"\x00"}', "not JSON"),
        (b"\x00", "not JSON"),
        (b"NaN", "NaN is not a number"),
        (b"-Infinity", "-Infinity is not a number"),
        (b"1e400", "1e400 is not a number"),
        (b"9" * 1001, "more than 1000 digits"),
        (b'{"a":"' + b"x" * 5003 + b'","b":-' + b"7" * 1001 + b"}", "more than 1000 digits"),
        (b'{"a":"\xe9"}', "not UTF-8: byte 6 is 0xe9"),
        (b'\xef\xbb\xbf"\xff"', "not UTF-8: byte 1 is 0xff"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8: byte 0 is 0xff"),
        ('{"a":1}'.encode("utf-16-le"), "not JSON"),
        ('{"a":1}'.encode("utf-32-be"), "not JSON"),
        (b"[" * 101 + b"]" * 101, "too deeply; 100"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "too deeply; 100"),
        (b"[" * 1_000_000, "too deeply; 100"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_invalid_json_is_refused_with_a_reason(body, says):
    """The refusal is ``malformed``, with a sentence for a client that does not mention Python."""
    with pytest.raises(Refusal) as caught:
        parse(body)

    assert "malformed" == caught.value.kind
    assert says in caught.value.message
    assert "sys." not in caught.value.message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"1e2", 100.0),
        (b"18446744073709551617", 2**64 + 1),
        (b"9" * 1000, int("9" * 1000)),
        (b'["' + b"9" * 5000 + b'"]', ["9" * 5000]),
        (b'"\\ud800"', "\ud800"),
        (b"[" * 100 + b"]" * 100, None),
        (b'["' + b"[" * 200 + b'"]', ["[" * 200]),
        (b"[" + b"[],{}," * 200 + b"[]]", [*([[], {}] * 200), []]),
    ],
)
def test_unusual_json_is_read(body, expected):
    """A byte order mark is skipped, the last of repeated names counts, and a hundred levels are accepted."""
    assert expected in (None, parse(body))


class Inner(Schema):
    name = fields.String(required=True)


class Outer(Schema):
    one = fields.Nested(Inner())
    many = fields.List(fields.Nested(Inner()))
    batch = ItemList(Inner())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"one": {}}, "one.name"),
        ({"one": 5}, "one"),
        ({"many": [{"name": ""}, {}]}, "many[1].name"),
        ({"many": [{"name": ""}, 5]}, "many[1]"),
        ({"many": 5}, "many"),
        ({"batch": 5}, "batch"),
        ({"batch": [{}, 5]}, "batch[1]"),
    ],
)
def test_an_error_names_the_path_in_the_body(body, expected):
    """Members are joined by dots, list items have their index, and marshmallow's own messages do not appear."""
    ((place, sentence),) = flatten_errors(Outer().validate(body))

    assert expected == place
    assert sentence


def test_unread_members_are_listed_in_the_order_sent():
    """They are listed at every depth of the schema, including batches, but not within unknown members."""
    names = "zyxwvutsrq"
    body = {name: {"deep": 1} for name in names} | {"one": {"b": 1, "a": 2}, "batch": [{}, {"c": 1}], "many": "odd"}

    assert [*names, "one.b", "one.a", "batch[1].c"] == [*unread(Outer(), body)]


@pytest.mark.parametrize("kind", REFUSAL_KINDS)
@pytest.mark.parametrize("path", ["/api/integration/ext/v1/segments", "/segments", "/nowhere"])
def test_every_kind_is_refused_without_a_reason(kind, path):
    """Any step may refuse a call, so the vendor has an error status and a message for each kind."""

    async def refuse(call, proceed):
        return call.refuse(kind)

    mock = SegmentMock()
    mock.faults.add(refuse)
    response = mock.session().put(path, data=b"{}", headers=HEADERS)

    assert 400 <= response.status_code < 600
    assert isinstance(response.json(), dict)
    assert "{" not in json.dumps([value for value in response.json().values() if isinstance(value, str)])
    assert (kind, response.status_code) == (mock.journal.entries()[0].refusal, mock.journal.entries()[0].status)


def test_every_refusal_of_every_vendor_has_a_source():
    """It also has an error status and a message."""
    for vendor in find_vendors():
        assert set(REFUSAL_KINDS) == set(vendor.refusals)
        for row in vendor.refusals.values():
            assert 400 <= row.status < 600
            assert row.message
            assert row.source


def test_every_operation_has_a_source_and_a_response_schema():
    operations = [operation for vendor in find_vendors() for operation in vendor.operations]

    assert [] == [operation.name for operation in operations if not (operation.source and operation.response)]


def test_new_id_differs_from_existing_ids():
    """Ids are drawn until one is new, however many exist."""
    stream = World(5)
    first, *others, last = (stream.new_id("k") for _ in range(3000))

    assert first == World(5).new_id("k")
    assert others[0] == World(5).new_id("k", {first})
    assert last == World(5).new_id("k", {first}, {*others})
