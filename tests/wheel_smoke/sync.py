"""A small example of a user's code: it sends groups to Salsa, and their people to the Segmenter."""


def push_groups(session, base, token, groups):
    """Add or update *groups* (names by external id) and return the result of each by its external id."""
    items = [{"name": name, "externalSystemId": key} for key, name in groups.items()]
    response = session.put(
        f"{base}/api/integration/ext/v1/segments",
        json={"payload": {"segments": items}},
        headers={"authToken": token},
    )
    response.raise_for_status()
    return {item["externalSystemId"]: item["result"] for item in response.json()["payload"]["segments"]}


def push_people(session, base, key, segment, people):
    """Replace the members of *segment* with *people* (addresses by external id) and return whether it was updated."""
    body = {"id": segment, "persons": [{"externalId": i, "email": mail} for i, mail in people.items()]}
    response = session.put(f"{base}/segments", json=body, headers={"x-api-key": key})
    return response.status_code == 200 and response.json()["data"]["isUpdated"]
