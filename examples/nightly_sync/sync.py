"""A nightly sync: it sends the groups of a CRM to Salsa Engage, and their people to the Segmenter."""

import time

import requests

SALSA = "https://api.salsalabs.org/api/integration/ext/v1"
SEGMENTER = "https://segmenter.instaleap.io"
ATTEMPTS, PAUSE = 3, 2.0


class SyncError(Exception):
    """A group could not be sent."""


def push(groups, token, key):
    """Send each of *groups* ({"id", "name", "segment", "people"}) to both vendors."""
    for group in groups:
        push_group(group, token)
        push_people(group, key)


def push_group(group, token):
    """Add the group to Salsa, or update the one that has its external id."""
    item = {"name": group["name"], "externalSystemId": group["id"]}
    segment = find(group, token)
    if segment:
        item["segmentId"] = segment["segmentId"]
    outcome = salsa("PUT", "/segments", token, {"segments": [item]})["segments"][0]
    if outcome["result"] in ("ADDED", "UPDATED"):
        return
    # If the response to an earlier attempt was lost, the group may exist already, and its name is taken.
    if find(group, token):
        return
    raise SyncError(f"Salsa refused {group['name']}: {outcome['errors'][0]['message']}")


def find(group, token):
    """Return the segment in Salsa that has the group's external id, or None."""
    payload = {"identifiers": [group["id"]], "identifierType": "EXTERNAL_ID"}
    segments = salsa("POST", "/segments/search", token, payload)["segments"]
    return next((segment for segment in segments if segment["result"] == "FOUND"), None)


def push_people(group, key):
    """Replace the persons of the group's segment with the people of the group."""
    people = [{"externalId": number, "email": mail} for number, mail in group["people"].items()]
    body = {"id": group["segment"], "persons": people}
    response = patiently("PUT", f"{SEGMENTER}/segments", body, {"x-api-key": key})
    if not response["data"]["isUpdated"]:
        raise SyncError(f"the Segmenter has no segment {group['segment']}: {response['errorMessage']}")


def calls_left(token):
    """Return how many more calls Salsa allows now, for the log; None if that is unknown."""
    try:
        return salsa("GET", "/metrics", token, {})["currentRateLimit"]
    except Exception:  # a log must not stop a sync
        return None


def read(rows):
    """Return the groups of the CRM's export, whose rows have id, name, segment, and number and e-mail of a person."""
    groups = {}
    for number, name, segment, person, mail in rows:
        group = groups.setdefault(number, {"id": number, "name": name, "segment": segment, "people": {}})
        group["people"][person] = mail
    return [*groups.values()]


def salsa(method, path, token, payload):
    """Return the payload of Salsa's response."""
    return patiently(method, SALSA + path, {"payload": payload}, {"authToken": token})["payload"]


def patiently(method, url, body, headers):
    """Return the JSON of the response; repeat the call after a pause if it fails or is over the rate limit."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response = requests.request(method, url, json=body, headers=headers, timeout=10)
            if response.status_code != 429 and response.status_code < 500:
                return response.json()
            problem = f"HTTP {response.status_code}"
        except requests.RequestException as error:
            problem = repr(error)
        if attempt < ATTEMPTS:
            time.sleep(PAUSE * attempt)
    raise SyncError(f"{method} {url}: {problem}, {ATTEMPTS} times")
