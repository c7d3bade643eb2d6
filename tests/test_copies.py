"""What a mock hands out is a test's own: writing to it changes no record."""

import pytest

from segment_mock import SegmentMock

DATA = {
    "salsa": {"supporters": [{"contacts": [{"type": "EMAIL", "value": "ada@example.org", "status": "OPT_IN"}]}]},
    "segmenter": {"segments": [{"id": "vip", "name": "VIP", "persons": [{"externalId": "1"}]}]},
}


def upserted(mock):
    body = {"payload": {"segments": [{"name": "Volunteers"}]}}
    mock.session().put("/api/integration/ext/v1/segments", json=body, headers={"authToken": "t"})
    return mock.journal.entries()[0].changes[0].after


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda mock: mock.salsa.supporters[0]["contacts"][0].clear(), id="supporters"),
        pytest.param(lambda mock: mock.segmenter.segments[0]["persons"][0].clear(), id="segments"),
        pytest.param(lambda mock: mock.segmenter.persons[0].clear(), id="persons"),
        pytest.param(lambda mock: mock.state()["salsa"]["supporters"][0]["contacts"].clear(), id="state"),
        pytest.param(lambda mock: upserted(mock).clear(), id="changes"),
    ],
)
def test_no_live_records(spoil):
    """Records come as copies, to any depth: from the faces, the state and the journal's changes."""
    with SegmentMock(data=DATA, seed=1) as mock, SegmentMock(data=DATA, seed=1) as other:
        spoil(mock)
        if mock.journal.entries():
            upserted(other)
        mock.clock.freeze(0)
        other.clock.freeze(0)
        drop = ("createdDate", "lastModified")
        states = [one.state() for one in (mock, other)]
        for state in states:
            for supporter in state["salsa"]["supporters"]:
                for name in drop:
                    supporter.pop(name)

        assert states[1] == states[0]


@pytest.mark.parametrize("extra", [{}, {"title": object()}], ids=["JSON", "other types"])
def test_changing_data_that_were_handed_over_changes_no_record(extra):
    contact = {"type": "EMAIL", "value": "ada@example.org"}
    data = {"salsa": {"supporters": [{"contacts": [contact], **extra}]}}
    if extra:
        with pytest.raises(ValueError, match="title"):
            SegmentMock(data=data)
        return
    with SegmentMock(data=data) as mock:
        contact["value"] = "eve@example.org"

        assert "ada@example.org" == mock.salsa.supporters[0]["contacts"][0]["value"]
