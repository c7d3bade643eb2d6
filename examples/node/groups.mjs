// The code under test: a client of Salsa Engage Groups that tries again after an outage.
import createClient from "openapi-fetch";

/**
 * Add a group and return its id; tries three times while Salsa answers with a server error.
 * @param {string} baseUrl
 * @param {string} token
 * @param {string} name
 */
export async function addGroup(baseUrl, token, name) {
  /** @type {import("openapi-fetch").Client<import("./generated/salsa.js").paths>} */
  const salsa = createClient({ baseUrl, headers: { authToken: token } });
  for (let attempt = 1; ; attempt++) {
    const { data, response } = await salsa.PUT("/api/integration/ext/v1/segments", {
      body: { payload: { segments: [{ name }] } },
    });
    if (response.status < 500 || attempt === 3) {
      if (!data) {
        throw new Error(`Salsa answered with ${response.status}`);
      }
      return data.payload?.segments?.[0];
    }
  }
}
