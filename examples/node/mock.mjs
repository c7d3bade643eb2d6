// A mock for a test suite: one that runs already (SEGMENT_MOCK_URL), or one of its own on a free port.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";

/** @typedef {import("./generated/mock.js").paths} ControlPaths */

/**
 * Start a mock and return its URL, a typed client of its control plane, and a function that stops it.
 * @param {string[]} options of `segment-mock serve`
 */
export async function startMock(...options) {
  const running = process.env.SEGMENT_MOCK_URL;
  if (running) {
    return { url: running, control: controlOf(running), stop: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), "segment-mock-"));
  const ready = join(folder, "ready.json");
  const server = spawn("segment-mock", ["serve", "--port", "0", "--ready-file", ready, ...options], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(server, "exit");
  const url = await Promise.race([
    readUrl(ready),
    ended.then(([code]) => {
      throw new Error(`segment-mock serve ended with ${code}`);
    }),
  ]);
  const stop = async () => {
    server.kill();
    await ended;
    await rm(folder, { recursive: true });
  };
  return { url, control: controlOf(url), stop };
}

/** @param {string} url */
function controlOf(url) {
  /** @type {import("openapi-fetch").Client<ControlPaths>} */
  const control = createClient({ baseUrl: url });
  return control;
}

/**
 * @param {string} file
 * @returns {Promise<string>}
 */
async function readUrl(file) {
  for (let attempt = 0; attempt < 1200; attempt++) {
    try {
      return JSON.parse(await readFile(file, "utf8")).url;
    } catch {
      await sleep(50);
    }
  }
  throw new Error("segment-mock serve did not start within a minute");
}
