"""Random operations on stores, compared with a model of plain lists."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from segment_mock.store import ChangeLog, DuplicateKey, InitialRecords, Store, Table, differences
from tests.store.model import KEYS, RECORD_LISTS, ROWS, SCHEMA, Model, Row, assert_same_content

ORGANIZATIONS = st.integers(0, 2)


class Moment(NamedTuple):
    """A mark of the log, with the models of all organizations and the number of replaced tables at that time."""

    mark: int
    models: list[Model]
    replacements: int


class StoreMachine(RuleBasedStateMachine):
    """Random operations on the stores of up to three organizations, which share initial records and a change log."""

    moments = Bundle("moments")

    @initialize(rows=RECORD_LISTS)
    def start(self, rows: list[Row]) -> None:
        self.log, self.initial = ChangeLog(), InitialRecords(SCHEMA, rows)
        self.stores: list[Store] = []
        self.models: list[Model] = []
        self.snapshot_marks: list[int] = []
        self.floor = self.replacements = 0
        self.add_organization()

    def table_and_model(self, number: int) -> tuple[Table, Model]:
        number %= len(self.stores)
        return self.stores[number]["t"], self.models[number]

    def models_at(self, moment: Moment) -> list[Model]:
        # An organization that was added later had the initial records.
        late = [Model([*self.initial.records]) for _ in self.models[len(moment.models) :]]
        return [model.copy() for model in moment.models] + late

    @precondition(lambda self: len(self.stores) < 3)
    @rule()
    def add_organization(self) -> None:
        self.stores.append(Store(str(len(self.stores)), {"t": self.initial}, self.log))
        self.models.append(Model([*self.initial.records]))

    @rule(number=ORGANIZATIONS, new=ROWS)
    def put(self, number: int, new: Row) -> None:
        table, model = self.table_and_model(number)
        if model.has_duplicate(new):
            with pytest.raises(DuplicateKey):
                table.put(new)
        else:
            model.put(new)
            assert new == table.put(new)

    @rule(number=ORGANIZATIONS, key=st.sampled_from(KEYS))
    def delete(self, number: int, key: Any) -> None:
        table, model = self.table_and_model(number)

        assert model.delete(key) == table.delete(key)

    @rule(number=ORGANIZATIONS, rows=RECORD_LISTS)
    def replace(self, number: int, rows: list[Row]) -> None:
        number %= len(self.stores)
        self.stores[number].replace([("t", InitialRecords(SCHEMA, rows))])
        self.models[number] = Model([*rows])
        self.replacements += 1

    @rule(target=moments)
    def take_mark(self) -> Moment:
        self.log.hold(self.log.mark)
        self.snapshot_marks.append(self.log.mark)
        return Moment(self.log.mark, [model.copy() for model in self.models], self.replacements)

    @rule(moment=moments)
    def rollback(self, moment: Moment) -> None:
        if moment.mark < self.floor:
            with pytest.raises(LookupError):
                self.log.rollback(moment.mark)
        else:
            self.log.rollback(moment.mark)
            self.models = self.models_at(moment)
            # Undoing a replacement is another replacement.
            self.replacements += moment.replacements != self.replacements

    @rule(moment=moments, number=ORGANIZATIONS)
    def view_earlier_state(self, moment: Moment, number: int) -> None:
        number %= len(self.stores)
        if moment.mark >= self.floor:
            before = (self.log.mark, len(self.log))
            with self.log.undone(moment.mark, str(number)):
                for other, store in enumerate(self.stores):
                    assert_same_content(store["t"], (self.models_at(moment) if other == number else self.models)[other])
            assert before == (self.log.mark, len(self.log))

    @rule(moment=moments)
    def compare_differences(self, moment: Moment) -> None:
        if moment.mark < self.floor or moment.replacements != self.replacements:
            return
        expected = []
        for old, new in zip(self.models_at(moment), self.models, strict=True):
            for key in KEYS:
                pair = [
                    None if (position := model.position(key)) is None else model.rows[position] for model in (old, new)
                ]
                expected += [("t", key, *pair)] if pair[0] != pair[1] else []

        assert sorted(expected, key=repr) == sorted(map(tuple, differences(self.log.since(moment.mark))), key=repr)

    @rule(moment=consumes(moments))
    def release_mark(self, moment: Moment) -> None:
        self.log.release(moment.mark)
        if moment.mark >= self.floor:
            self.snapshot_marks.remove(moment.mark)
        self.log.trim(self.log.mark)

        assert self.log.mark - min([self.log.mark, *self.snapshot_marks]) == len(self.log)

    @rule(number=ORGANIZATIONS)
    def recreate_store(self, number: int) -> None:
        number %= len(self.stores)
        self.stores[number] = Store(str(number), {"t": self.initial}, self.log)
        self.models[number] = Model([*self.initial.records])
        self.log.truncate()
        self.snapshot_marks.clear()
        self.floor = self.log.mark

    @invariant()
    def every_table_matches_its_model(self) -> None:
        for number in range(len(self.stores)):
            assert_same_content(*self.table_and_model(number))


StoreMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class TestStore(StoreMachine.TestCase):
    """After each random operation, every table has the content of its model."""
