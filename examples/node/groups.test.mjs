import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { addGroup } from "./groups.mjs";
import { startMock } from "./mock.mjs";

/** @type {Awaited<ReturnType<typeof startMock>>} */
let mock;

before(async () => {
  mock = await startMock();
});
after(() => mock.stop());
beforeEach(() => mock.control.POST("/_mock/reset"));

/** Return the calls of an operation from the mock's journal. */
async function calls(/** @type {"salsa.upsert_segments"} */ operation) {
  const { data } = await mock.control.GET("/_mock/journal", { params: { query: { operation } } });
  return data?.entries ?? [];
}

test("a group is added", async () => {
  const group = await addGroup(mock.url, "token", "Volunteers");

  const [call] = await calls("salsa.upsert_segments");
  assert.equal(group?.result, "ADDED");
  assert.equal(call?.status, 200);
  assert.deepEqual(call?.request.body, { payload: { segments: [{ name: "Volunteers" }] } });
  assert.equal(call?.changes[0]?.table, "segments");
});

test("an outage is survived", async () => {
  const armed = await mock.control.POST("/_mock/faults", {
    body: { kind: "error", status: 503, operation: "salsa.upsert_segments", when: { times: 2 } },
  });
  assert.equal(armed.response.status, 201);

  await addGroup(mock.url, "token", "Volunteers");

  const statuses = (await calls("salsa.upsert_segments")).map((call) => call.status);
  assert.deepEqual(statuses, [503, 503, 200]);
  const { data } = await mock.control.GET("/_mock/faults");
  assert.equal(data?.faults[0]?.fired, 2);
});

test("an outage that lasts is an error", async () => {
  await mock.control.POST("/_mock/faults", { body: { kind: "error", status: 500 } });

  await assert.rejects(addGroup(mock.url, "token", "Volunteers"), /Salsa answered with 500/);
  assert.equal((await calls("salsa.upsert_segments")).length, 3);
});

test("a misspelt kind of fault is refused with the nearest", async () => {
  // @ts-expect-error: the types know the kinds of faults
  const { error } = await mock.control.POST("/_mock/faults", { body: { kind: "hnag" } });

  assert.match(error?.detail ?? "", /did you mean 'hang'/);
});
