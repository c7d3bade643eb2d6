"""The fast validator agrees with marshmallow, or leaves the decision to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate

from segment_mock.core import DataRow, ItemList, NotBlank, RequestSchema, Validator, unread
from segment_mock.core import rows as data_rows
from segment_mock.settings import SettingError
from segment_mock.vendors import find_vendors
from segment_mock.vendors.salsa.schemas import SegmentItem, SupporterItem
from segment_mock.vendors.segmenter.schemas import Person

VALIDATORS = {f"{v.name}.{row.name}": row.validator for v in find_vendors() for row in v.operations if row.validator}
VALIDATORS |= {"a group": Validator(SegmentItem()), "a supporter": Validator(SupporterItem())}
UUID = "69afe9fc-dcde-4533-92d6-cbf069008c30"
WORDS = st.sampled_from(["", " ", "a", UUID, "SEGMENT_ID", "EMAIL", "2020-01-01T00:00:00Z", "7", "x" * 300])
ATOMS = st.none() | st.booleans() | st.integers(-2, 30) | st.floats(allow_nan=False) | WORDS
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3))
OFTEN = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])


def rows(schema: Schema) -> st.SearchStrategy[Any]:
    """Return objects that nearly match *schema*: members may be missing, null, of a wrong type, or unknown."""
    values = {name: value(field) for name, field in schema.load_fields.items()}
    plain = st.fixed_dictionaries({}, optional=values)
    return st.one_of(plain, plain, st.builds(lambda one, more: {**one, **more}, plain, st.dictionaries(WORDS, VALUES)))


def value(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    """Return values most of which *field* accepts."""
    if isinstance(field, ItemList):
        good: st.SearchStrategy[Any] = st.lists(rows(field.schema), max_size=3)
    elif isinstance(field, fields.Nested):
        good = rows(field.schema)
    elif isinstance(field, fields.List):
        good = st.lists(value(field.inner), max_size=4)
    elif isinstance(field, fields.Integer):
        good = st.integers(-3, 30)
    elif isinstance(field, fields.Boolean):
        good = st.booleans() | st.integers(0, 1)
    else:
        good = WORDS
    return st.one_of(*[good] * 8, st.none(), VALUES)


def load_agrees(validator: Validator, data: Any) -> bool:
    """Compare *validator* with marshmallow for *data*, and return whether the validator decided."""
    before, surplus = copy.deepcopy(data), list[bool]()
    try:
        loaded = validator.load(data, surplus)
    except ValidationError:
        return False
    finally:
        assert before == data, "what was sent was changed"
    try:
        expected: Any = validator.schema.load(data)
    except ValidationError as error:
        expected = error.messages

    assert (expected, [*unread(validator.schema, data)] != []) == (loaded, surplus != [])
    assert [type(one) for one in leaves(expected)] == [type(one) for one in leaves(loaded)]
    return True


def leaves(data: Any) -> Iterator[Any]:
    """Yield the values in *data* at any depth, in order, with their types: 1 equals True and 1.0 in Python."""
    if isinstance(data, dict):
        data = [part for pair in sorted(data.items()) for part in pair]
    if isinstance(data, list):
        for one in data:
            yield from leaves(one)
    else:
        yield data


@pytest.mark.parametrize("name", VALIDATORS)
@OFTEN
@given(data=st.data())
def test_validators_of_all_operations_agree_with_marshmallow(name: str, data: st.DataObject) -> None:
    """For any data, the result is the same, or the validator leaves the decision to marshmallow."""
    validator = VALIDATORS[name]
    load_agrees(validator, data.draw(st.one_of(rows(validator.schema), rows(validator.schema), VALUES)))


TEXT = {"validate": [NotBlank("Blank."), validate.Length(max=9)]}
REFUSAL_KINDS = st.sampled_from([
    lambda **o: fields.String(**o), lambda **o: fields.String(**o, **TEXT), lambda **o: fields.Integer(**o),
    lambda **o: fields.Integer(validate=validate.Range(min=2), **o), lambda **o: fields.Boolean(**o),
    lambda **o: fields.Raw(**o), lambda **o: fields.List(fields.String(allow_none=True), **o),
    lambda **o: fields.List(fields.Integer(), validate=validate.Length(max=2), **o),
    lambda **o: fields.List(fields.List(fields.String(**TEXT)), **o), lambda **o: fields.Float(**o),
])  # fmt: skip
OPTIONS = st.sampled_from([{}, {"required": True}, {"allow_none": True}, {"required": True, "allow_none": True}])


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> Schema:
    """Return a schema of fields of any kind, some of them lists and objects with a schema of their own."""
    members = {}
    for name in draw(st.lists(st.sampled_from(["a", "", " ", "7", 'x"\n\\', "é"]), unique=True, max_size=4)):
        options, inner = draw(OPTIONS), depth and draw(st.integers(0, 3))
        if inner == 1:
            members[name] = fields.Nested(draw(schemas(depth - 1)), **options)
        elif inner == 2:
            members[name] = fields.List(fields.Nested(draw(schemas(depth - 1)), **draw(OPTIONS)), **options)
        else:
            members[name] = draw(REFUSAL_KINDS)(**options)
    return RequestSchema.from_dict(members)()


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_validators_of_generated_schemas_agree_with_marshmallow(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    load_agrees(Validator(schema), data.draw(rows(schema)))


PERSON = {"email": "a@x", "substitutionTags": [{"tag": "t", "value": ""}]}
GOOD = {
    "segmenter.update_segment": {"id": "s", "persons": [PERSON]},
    "segmenter.create_segment": {"name": "n", "broadcastMediumId": "b", "segmentType": "t", "description": None},
    "salsa.search_segments": {"header": {"refId": 1}, "payload": {"offset": 0, "count": 20, "identifiers": None}},
    "salsa.upsert_segments": {"payload": {"segments": [{"name": "n"}]}},
    "a group": {"name": "n", "description": None, "segmentId": UUID},
}


@pytest.mark.parametrize("name", GOOD)
def test_the_validator_decides_about_obviously_valid_data(name: str) -> None:
    """Data that needs no change is returned as the same object."""
    body = GOOD[name]
    same = VALIDATORS[name].load(body, []) is body

    assert load_agrees(VALIDATORS[name], body)
    assert same


def test_a_deeply_nested_schema_is_validated() -> None:
    """It has thirty nested lists."""
    inner: fields.Field[Any] = fields.Integer()
    data: Any = 1
    for _ in range(30):
        inner, data = fields.List(inner), [data]

    assert load_agrees(plain(a=inner), {"a": data})


def test_a_nested_object_is_copied_only_if_it_changes() -> None:
    """An object without its unknown member is a copy; the other objects are the originals."""
    first, second = {"email": "a@x"}, {"email": "b@x", "shoe": 44}
    surplus: list[bool] = []
    loaded = VALIDATORS["segmenter.update_segment"].load({"id": "s", "persons": [first, second]}, surplus)
    same = loaded["persons"][0] is first

    assert ([first, {"email": "b@x"}], [True], True) == (loaded["persons"], surplus, same)


def plain(**members: Any) -> Validator:
    """Return the validator of a schema with *members*."""
    return Validator(RequestSchema.from_dict(members)())


class Hooked(RequestSchema):
    """A schema with hooks in addition to its fields."""

    a = fields.String()

    @post_load
    def _doubled(self, data: dict[str, str], **_: Any) -> dict[str, str]:
        return {"a": data["a"] * 2}


class Strict(Schema):
    """A schema that refuses unknown fields."""

    a = fields.String()


@pytest.mark.parametrize(
    ("validator", "data"),
    [
        (plain(a=fields.Boolean()), {"a": 1}),
        (plain(a=fields.Integer()), {"a": True}),
        (plain(a=fields.Integer(validate=validate.Range(min=2))), {"a": 1}),
        (plain(a=fields.String(**TEXT)), {"a": "longer than nine"}),
        (plain(a=fields.String(**TEXT)), {"a": " "}),
        (plain(a=fields.List(fields.String(**TEXT))), {"a": ["b", " "]}),
        (plain(a=fields.List(fields.String(), validate=validate.Length(max=1))), {"a": ["b", "c"]}),
        (plain(a=fields.List(fields.String(), allow_none=True, validate=validate.Length(max=1))), {"a": None}),
        (plain(a=fields.List(fields.Boolean())), {"a": [True, 0]}),
        (plain(a=fields.Nested(Strict())), {"a": {"b": 1}}),
        (plain(a=fields.Nested(Person(), unknown=RAISE)), {"a": {"email": "b", "c": 1}}),
        (plain(a=fields.Nested(Person(), unknown=INCLUDE)), {"a": {"email": "b", "c": 1}}),
        (plain(a=fields.Nested(Person(many=True))), {"a": {"email": "b"}}),
        (plain(a=fields.Boolean(truthy={"yes"}, falsy={"no"})), {"a": True}),
        (plain(a=fields.String(data_key="b")), {"a": "c"}),
        (plain(a=fields.String(dump_only=True)), {"a": "c"}),
        (plain(a=fields.String(dump_only=True)), {"a": "c", "b": 1}),
        (Validator(DataRow.from_dict({"a": fields.String(dump_only=True)})()), {"a": "c"}),
        (plain(a=fields.String(load_default="b")), {}),
        (Validator(Hooked()), {"a": "b"}),
        (
            VALIDATORS["segmenter.update_segment"],
            {"id": "s", "tagId": "t", "persons": [{"email": "a", "phoneNumber": "1"}]},
        ),
        (VALIDATORS["segmenter.update_segment"], {"id": "s", "persons": [{"phone": "1"}]}),
        (VALIDATORS["salsa.search_segments"], {"payload": {"identifiers": [UUID]}}),
    ],
)
def test_complex_schemas_and_values_agree_with_marshmallow(validator: Validator, data: Any) -> None:
    """The validator leaves them to marshmallow."""
    load_agrees(validator, data)


class PetRow(DataRow):
    """A row of a data file."""

    name = fields.String(required=True)
    kind = fields.String(load_default="cat")
    toys = fields.List(fields.String(), load_default=list)


@pytest.mark.parametrize("row", [{"name": "Tom"}, {"name": "Tom", "kind": "dog", "toys": ["ball"]}])
def test_defaults_of_a_data_row_are_filled_in(row: dict[str, Any]) -> None:
    """As by marshmallow, but without calling it."""
    assert load_agrees(Validator(PetRow()), row)


def test_rows_do_not_share_a_default() -> None:
    """A default that is a function is called for each row."""
    first, second = data_rows(Validator(PetRow()), {"pets": [{"name": "Tom"}, {"name": "Rex"}]}, "zoo", "pets")

    assert first["toys"] is not second["toys"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            {"nam": "Tom"},
            "zoo.pets[0].nam: unknown member (did you mean 'name'?); expected one of name, kind, toys",
        ),
        ({"name": 5}, "zoo.pets[0].name: 5 is not text"),
        (5, 'zoo.pets[0]: expected a dictionary such as {"name": ...}, got 5'),
    ],
)
def test_the_error_of_an_invalid_row_names_row_field_and_value(row: Any, sentence: str) -> None:
    """For an unknown name, it has the nearest name."""
    with pytest.raises(SettingError) as caught:
        data_rows(Validator(PetRow()), {"pets": [row]}, "zoo", "pets")

    assert sentence == str(caught.value)
