"""``conform`` against other servers: records are created by the API with unique names, and removed again."""

from __future__ import annotations

import os
import signal

import pytest

from segment_mock.conform import Client, SandboxTarget, conform, examples
from tests.conform.targets import CREDENTIALS, KEY, TOKEN, rows_of, run

NAMES = {example.name: example for example in examples()}
GROUPS = "/api/integration/ext/v1/segments"


def test_examples_pass_and_their_records_are_removed(sandbox) -> None:
    """They pass beside records with the same names, which remain."""
    target = sandbox()
    before = target.state()
    result = run(target.url, "--allow-writes", "--json", *CREDENTIALS)
    rows = rows_of(result)
    why = {name: row["why"] for name, row in rows.items() if row["verdict"] == "skip"}

    assert 0 == result.exit_code, result.output
    assert before == target.state()
    assert {"salsa/upsert", "salsa/upsert-lengths", "salsa/search-by-external-id", "salsa/token-unknown"} <= {
        name for name, row in rows.items() if row["verdict"] == "pass"
    }
    assert "the API can't create segments with type DEFAULT" == why["salsa/upsert-not-crm"]
    assert why["salsa/search-all"] == "it needs an otherwise empty target: it lists every group of the organization"
    assert "this one needs a vendor with salsa_non_crm result" in why["salsa/upsert-not-allowed"]
    assert "it creates records that the API can't remove, which needs --allow-leftovers" == why["segmenter/create"]


def test_without_allow_writes_nothing_is_written(sandbox) -> None:
    target = sandbox()
    only = ("--only", "salsa/[dst]*", "--only", "salsa/recorded-metrics", "--only", "segmenter/*")
    rows = rows_of(run(target.url, "--json", *only, *CREDENTIALS))

    assert {method for method, path in target.calls if not path.endswith("/search")} == {"GET"}
    assert "pass" == rows["salsa/token-missing"]["verdict"]
    reason = "it needs records that have to be created first, which needs --allow-writes"
    assert reason == rows["salsa/search-by-segment-id"]["why"]


def test_without_a_credential_only_refusals_run(sandbox) -> None:
    """An example that needs a credential is skipped with the name of the flag; missing and wrong ones are sent."""
    rows = rows_of(run(sandbox().url, "--json", "--allow-writes"))

    assert {"salsa/token-missing", "salsa/token-unknown", "segmenter/key-missing", "segmenter/key-unknown"} == {
        name for name, row in rows.items() if row["verdict"] == "pass"
    }
    assert "no credential: --segmenter-key" == rows["segmenter/create"]["why"]


def test_leftovers_are_reported(sandbox) -> None:
    """With --allow-leftovers, the examples of the Segmenter run; the remaining records are listed, and fail the run."""
    target = sandbox()
    result = run(target.url, "--allow-writes", "--allow-leftovers", "--vendor", "segmenter", "--segmenter-key", KEY)
    stays = [line for line in result.stderr.splitlines() if line.startswith("left behind: ")]

    assert 1 == result.exit_code
    assert [] == [line for line in result.stdout.splitlines()[:-1] if not line.startswith("pass ")]
    assert len(target.state()["segmenter"]["segments"]) == len(stays) > 5
    assert stays[0].endswith("made for segmenter/add-tags: the API can't remove it")


def test_records_of_a_failed_example_are_removed(sandbox) -> None:
    """So are records that the vendor should not have created."""
    target = sandbox(lambda path, status, body: (status + 1, body) if path == GROUPS else (status, body))
    before = target.state()
    result = run(target.url, "--allow-writes", "--only", "salsa/search-by-s*", "--only", "salsa/upsert*", *CREDENTIALS)

    assert "fail  salsa/upsert-added\n        status: expected 200, got 201" in result.stdout
    assert before == target.state()


def test_records_that_can_not_be_removed_are_reported_with_the_reason(sandbox) -> None:
    """If the vendor refuses to delete, each record is listed with the vendor's response."""

    def refuses(path: str, status: int, body: object) -> tuple[int, object]:
        return (503, {"errors": []}) if target.calls[-1][0] == "DELETE" else (status, body)

    target = sandbox(refuses)
    result = run(target.url, "--allow-writes", "--only", "salsa/search-by-segment-id", *CREDENTIALS)
    stays = [line for line in result.stderr.splitlines() if line.startswith("left behind: salsa segmentId ")]

    assert 1 == result.exit_code
    assert 3 == len(stays)
    assert stays[0].endswith("made for salsa/search-by-segment-id: delete_segments answers 503")


def test_an_example_is_skipped_if_its_records_can_not_be_created(sandbox) -> None:
    """The reason has the vendor's response."""
    target = sandbox(lambda path, status, body: (429, {"errors": []}) if path == GROUPS else (status, body))
    rows = rows_of(run(target.url, "--allow-writes", "--json", "--only", "salsa/search-by-segment-id", *CREDENTIALS))

    assert (
        "its records can't be created: upsert_segments created 0 of 3 records: 429"
        in rows["salsa/search-by-segment-id"]["why"]
    )
    assert [("PUT", GROUPS)] == [call for call in target.calls if call[0] == "PUT"]


def test_an_example_with_the_id_of_a_record_in_its_path_is_skipped(sandbox) -> None:
    """The target gives the record another id, and only the ids in bodies are replaced."""
    example = NAMES["segmenter/update"]
    id_of_record = example.document["state"]["segmenter"]["segments"][0]["id"]
    target = SandboxTarget(Client(sandbox().url), {"segmenter": KEY}, {}, "mark", writes=True, leftovers=True)

    assert "" == target.skip_reason(example)
    assert "its path names a record, whose id is another one here" == target.skip_reason(
        example.with_request(path=f"/segments/{id_of_record}")
    )


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_removes_its_records(sandbox, stop: type[BaseException]) -> None:
    """However a run is interrupted, the records that its example has created are removed."""
    target = sandbox()
    before = target.state()
    client = Client(target.url)
    place = SandboxTarget(client, {"salsa": TOKEN}, {}, "mark", writes=True, leftovers=False)
    ask = client.ask

    def stops(method: str, path: str, headers: object, body: bytes) -> object:
        if path.endswith("/search"):
            raise stop
        return ask(method, path, headers, body)

    client.ask = stops
    with pytest.raises(stop):
        list(conform(place, client, [NAMES["salsa/search-by-segment-id"]]))
    client.close()

    assert before == target.state()
    assert [] == place.close()


def test_a_run_ended_by_sigterm_removes_its_records(sandbox) -> None:
    """It exits with 1."""

    def interrupts(path: str, status: int, body: object) -> tuple[int, object]:
        if path.endswith("/segments/search"):
            os.kill(os.getpid(), signal.SIGTERM)
        return status, body

    target = sandbox(interrupts)
    before = target.state()
    result = run(target.url, "--allow-writes", "--only", "salsa/search-by-segment-id", *CREDENTIALS)

    assert 1 == result.exit_code
    assert "interrupted; removing the records that were created" in result.stderr
    assert before == target.state()
