"""Records that a mock returns are copies: changing them does not change the mock."""

import pytest

from segment_mock import SegmentMock

DATA = {
    "salsa": {"supporters": [{"contacts": [{"type": "EMAIL", "value": "ada@example.org", "status": "OPT_IN"}]}]},
    "segmenter": {"segments": [{"id": "vip", "name": "VIP", "persons": [{"externalId": "1"}]}]},
}


def upsert_and_return_record(mock):
    """Upsert a group and return its record in the journal."""
    body = {"payload": {"segments": [{"name": "Volunteers"}]}}
    mock.session().put("/api/integration/ext/v1/segments", json=body, headers={"authToken": "t"})
    return mock.journal.entries()[0].changes[0].after


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda mock: mock.salsa.supporters[0]["contacts"][0].clear(), id="supporters"),
        pytest.param(lambda mock: mock.segmenter.segments[0]["persons"][0].clear(), id="segments"),
        pytest.param(lambda mock: mock.segmenter.persons[0].clear(), id="persons"),
        pytest.param(lambda mock: mock.state()["salsa"]["supporters"][0]["contacts"].clear(), id="state"),
        pytest.param(lambda mock: upsert_and_return_record(mock).clear(), id="changes"),
    ],
)
def test_changing_a_returned_record_does_not_change_the_mock(change):
    """Records of a vendor, of the state and of the journal are deep copies."""
    with SegmentMock(data=DATA, seed=1) as mock, SegmentMock(data=DATA, seed=1) as other:
        change(mock)
        if mock.journal.entries():
            upsert_and_return_record(other)
        mock.clock.freeze(0)
        other.clock.freeze(0)
        ignored = ("createdDate", "lastModified")
        states = [one.state() for one in (mock, other)]
        for state in states:
            for supporter in state["salsa"]["supporters"]:
                for name in ignored:
                    supporter.pop(name)

        assert states[1] == states[0]


@pytest.mark.parametrize("extra", [{}, {"title": object()}], ids=["JSON", "other types"])
def test_changing_the_initial_data_afterwards_does_not_change_the_mock(extra):
    contact = {"type": "EMAIL", "value": "ada@example.org"}
    data = {"salsa": {"supporters": [{"contacts": [contact], **extra}]}}
    if extra:
        with pytest.raises(ValueError, match="title"):
            SegmentMock(data=data)
        return
    with SegmentMock(data=data) as mock:
        contact["value"] = "eve@example.org"

        assert "ada@example.org" == mock.salsa.supporters[0]["contacts"][0]["value"]
