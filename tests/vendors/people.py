"""Helpers for Salsa's supporters, members and metrics; helpers with a request return the payload of the response."""

from __future__ import annotations

CRM = "11454266-a9c8-40af-8fab-4c0bdca44615"
OTHER = "69afe9fc-dcde-4533-92d6-cbf069008c30"
UNKNOWN_ID = "c0b7d3a4-3a0f-4c1e-9a53-5d0e6f1b2a77"


def supporter_id(number):
    """Return the id of supporter *number*."""
    return f"3f0e8b6a-0000-4000-8000-{number:012x}"


def email(address):
    """Return an e-mail contact that is opted in."""
    return {"type": "EMAIL", "value": address, "status": "OPT_IN"}


def person(number, **members):
    """Return the record of supporter *number*, with an e-mail contact."""
    return {"supporterId": supporter_id(number), "contacts": [email(f"p{number}@example.org")], **members}


def send(api, method, path, **payload):
    """Send *payload*, expect status 200 and return the payload of the response."""
    response = api.send(method, path, {"payload": payload})
    assert response.status_code == 200, response.text
    return response.json()["payload"]


def members(api, segment=CRM, **payload):
    return send(api, "POST", "/segments/members/search", segmentId=segment, **payload)


def assign(api, *ids, segment=CRM):
    return send(api, "PUT", "/segments/members", segmentId=segment, supporterIds=[*ids])["supporters"]


def remove(api, *ids, segment=CRM):
    return send(api, "DELETE", "/segments/members", segmentId=segment, supporterIds=[*ids])["supporters"]


def find(api, kind=None, *identifiers, **payload):
    if kind:
        payload |= {"identifierType": kind, "identifiers": [*identifiers]}
    return send(api, "POST", "/supporters/search", **payload)


def groups(api, kind=None, *identifiers, **payload):
    if kind:
        payload |= {"identifierType": kind, "identifiers": [*identifiers]}
    return send(api, "POST", "/supporters/groups", **payload)


def upsert(api, *items):
    return send(api, "PUT", "/supporters", supporters=[*items])["supporters"]


def delete(api, *ids):
    return send(api, "DELETE", "/supporters", supporters=[{"supporterId": key} for key in ids])["supporters"]


def metrics(api, **headers):
    response = api.send("GET", "/metrics", **headers)
    assert response.status_code == 200, response.text
    return response.json()["payload"]


def refusal(response):
    """Return the status of a refused call, and the name of the field in its error."""
    (error,) = response.json()["errors"]
    assert error["code"] == response.status_code
    return response.status_code, error.get("fieldName")
