"""The shipped examples in the form of a document's."""

from __future__ import annotations

from collections.abc import Iterable

from ...contract import Json
from ...emulator import Proof


def sent(proofs: Iterable[Proof]) -> Json:
    """Return the bodies of examples that succeed, by name."""
    return {_key(proof): _told(proof, proof.told["request"]["body"]) for proof in proofs if _succeeds(proof)}


def printed(proofs: Iterable[Proof], status: int) -> Json:
    """Return the printed bodies of this *status*, by name; where nothing is printed there is no example."""
    return {
        _key(proof): _told(proof, proof.told["response"]["body"])
        for proof in proofs
        if proof.status == status and proof.told["response"]["body"]
    }


def _succeeds(proof: Proof) -> bool:
    return proof.status == 200 and "body" in proof.told["request"]


def _key(proof: Proof) -> str:
    return proof.name.rpartition("/")[2]


def _told(proof: Proof, body: Json) -> Json:
    words = {"x-source": proof.told["source"], "x-mark": proof.told["mark"]}
    return {"summary": proof.told["title"], "value": body, **words}
