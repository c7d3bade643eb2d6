"""The store against a model of plain lists, driven at random."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from segment_mock.store import ChangeLog, DuplicateKey, InitialRecords, Store, Table, differences
from tests.store.model import KEYS, LAYOUT, ROWS, SEEDS, Model, Row, agree

ORGANIZATIONS = st.integers(0, 2)


class Moment(NamedTuple):
    """A mark, and what every organization held there."""

    mark: int
    models: list[Model]
    replacements: int


class StoreMachine(RuleBasedStateMachine):
    """Up to three organizations over one seed and one log."""

    moments = Bundle("moments")

    @initialize(rows=SEEDS)
    def begin(self, rows: list[Row]) -> None:
        self.log, self.seed = ChangeLog(), InitialRecords(LAYOUT, rows)
        self.stores: list[Store] = []
        self.models: list[Model] = []
        self.snapshot_marks: list[int] = []
        self.floor = self.replacements = 0
        self.fork()

    def at(self, number: int) -> tuple[Table, Model]:
        number %= len(self.stores)
        return self.stores[number]["t"], self.models[number]

    def then(self, moment: Moment) -> list[Model]:
        # An organization that was named later held the initial data.
        late = [Model([*self.seed.records]) for _ in self.models[len(moment.models) :]]
        return [model.copy() for model in moment.models] + late

    @precondition(lambda self: len(self.stores) < 3)
    @rule()
    def fork(self) -> None:
        self.stores.append(Store(str(len(self.stores)), {"t": self.seed}, self.log))
        self.models.append(Model([*self.seed.records]))

    @rule(number=ORGANIZATIONS, new=ROWS)
    def put(self, number: int, new: Row) -> None:
        table, model = self.at(number)
        if model.has_duplicate(new):
            with pytest.raises(DuplicateKey):
                table.put(new)
        else:
            model.put(new)
            assert new == table.put(new)

    @rule(number=ORGANIZATIONS, key=st.sampled_from(KEYS))
    def delete(self, number: int, key: Any) -> None:
        table, model = self.at(number)

        assert model.delete(key) == table.delete(key)

    @rule(number=ORGANIZATIONS, rows=SEEDS)
    def replace(self, number: int, rows: list[Row]) -> None:
        number %= len(self.stores)
        self.stores[number].replace([("t", InitialRecords(LAYOUT, rows))])
        self.models[number] = Model([*rows])
        self.replacements += 1

    @rule(target=moments)
    def mark(self) -> Moment:
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
            self.models = self.then(moment)
            # What undoes a replacement is one more.
            self.replacements += moment.replacements != self.replacements

    @rule(moment=moments, number=ORGANIZATIONS)
    def undone(self, moment: Moment, number: int) -> None:
        number %= len(self.stores)
        if moment.mark >= self.floor:
            before = (self.log.mark, len(self.log))
            with self.log.undone(moment.mark, str(number)):
                for other, store in enumerate(self.stores):
                    agree(store["t"], (self.then(moment) if other == number else self.models)[other])
            assert before == (self.log.mark, len(self.log))

    @rule(moment=moments)
    def differences(self, moment: Moment) -> None:
        if moment.mark < self.floor or moment.replacements != self.replacements:
            return
        expected = []
        for old, new in zip(self.then(moment), self.models, strict=True):
            for key in KEYS:
                pair = [None if (place := m.place(key)) is None else m.rows[place] for m in (old, new)]
                expected += [("t", key, *pair)] if pair[0] != pair[1] else []

        assert sorted(expected, key=repr) == sorted(map(tuple, differences(self.log.since(moment.mark))), key=repr)

    @rule(moment=consumes(moments))
    def release(self, moment: Moment) -> None:
        self.log.release(moment.mark)
        if moment.mark >= self.floor:
            self.snapshot_marks.remove(moment.mark)
        self.log.trim(self.log.mark)

        assert self.log.mark - min([self.log.mark, *self.snapshot_marks]) == len(self.log)

    @rule(number=ORGANIZATIONS)
    def begin_again(self, number: int) -> None:
        number %= len(self.stores)
        self.stores[number] = Store(str(number), {"t": self.seed}, self.log)
        self.models[number] = Model([*self.seed.records])
        self.log.truncate()
        self.snapshot_marks.clear()
        self.floor = self.log.mark

    @invariant()
    def all_agree(self) -> None:
        for number in range(len(self.stores)):
            agree(*self.at(number))


StoreMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class TestStore(StoreMachine.TestCase):
    """Whatever is written, undone, forked or forgotten, every table says what plain lists would."""
