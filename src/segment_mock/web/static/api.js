// The control plane, as any other client calls it.

import { h, field, openDialog, saveAs } from "./dom.js";

// Stored only here, so it is lost when the page is closed.
let token = "";
/** @type {Promise<boolean> | null} */
let asking = null;
/** @type {(() => void)[]} */
let waiting = [];

/**
 * Return the header that carries the admin token, if there is one.
 *
 * @returns {Record<string, string>}
 */
export function authorization() {
  return token ? bearer(token) : {};
}

/**
 * Return the header that carries a token.
 *
 * @param {string} text
 * @returns {Record<string, string>}
 */
function bearer(text) {
  return { Authorization: `Bearer ${bytesOf(text)}` };
}

/**
 * Return *text* in UTF-8, a character for each byte. fetch() takes only characters up to U+00FF, and sends each as a byte.
 *
 * @param {string} text
 */
export function bytesOf(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/**
 * Ask for the admin token, and return whether the user entered one; several callers share one dialog.
 *
 * @returns {Promise<boolean>}
 */
export function askForToken() {
  asking ??= new Promise((resolve) => {
    let isSignedIn = false;
    const input = h("input", { type: "password", required: true, autocomplete: "off", spellcheck: "false" });
    const dialog = openDialog(
      "Admin token",
      [field("Token", input, "This server was started with --admin-token. The page keeps it in memory only.")],
      "Sign in",
      async () => {
        const response = await fetch("clock", { headers: bearer(input.value) });
        if (response.status === 401) throw new Error("The server refuses this token.");
        token = input.value;
        isSignedIn = true;
        for (const resume of waiting.splice(0)) resume();
      },
    );
    dialog.addEventListener("close", () => {
      asking = null;
      resolve(isSignedIn);
    });
    input.focus();
  });
  return asking;
}

/**
 * Return *text* as JSON. An integer that JavaScript can't represent stays the number that it is, to be written as such.
 *
 * @param {string} text
 * @returns {any}
 */
export function parseJson(text) {
  const rawJson = /** @type {any} */ (JSON).rawJSON;
  if (!rawJson || !/\d{16}/.test(text)) return JSON.parse(text);
  /** @type {(this: any, name: string, value: any, context?: {source?: string}) => any} */
  const exact = (_, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "") ? rawJson(context?.source) : value;
  return JSON.parse(text, exact);
}

/**
 * Call the control plane and return its response as JSON; raises an Error with its sentence.
 *
 * @param {string} method
 * @param {string} path Below /_mock/.
 * @param {any} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  for (let tries = 0; ; tries++) {
    const previousToken = token;
    const response = await send(path, {
      method,
      headers: { ...authorization(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.status === 401 && tries < 3) {
      if (previousToken === token && !(await askForToken())) throw new Error("Sign in with the admin token first.");
      continue;
    }
    const text = await response.text();
    let data = /** @type {any} */ ({});
    try {
      data = parseJson(text);
    } catch {
      if (response.ok) throw new Error("The server sent a response that is not JSON.");
    }
    if (!response.ok) throw new Error(data.detail || `The server answered with HTTP ${response.status}.`);
    return data;
  }
}

/**
 * Send a request, and return its response; raises an Error with a sentence if there is none.
 *
 * @param {string} path
 * @param {RequestInit} request
 */
export async function send(path, request) {
  try {
    return await fetch(path, request);
  } catch (error) {
    throw new Error(error instanceof TypeError && navigator.onLine ? "The server does not answer." : String(error));
  }
}

/** @param {string} path */
export const get = (path) => call("GET", path);

/**
 * @param {string} path
 * @param {any} [body]
 */
export const post = (path, body) => call("POST", path, body);

/**
 * Read the events until the page is closed, and resume after the last one when the connection ends.
 *
 * @param {(kind: string, data: any) => void} onEvent
 * @param {(state: "live" | "connecting" | "signed out") => void} onState
 * @param {() => void} onConnected Called when the first events can come.
 */
export async function listen(onEvent, onState, onConnected) {
  let last = "";
  for (let first = true; ; ) {
    try {
      const response = await fetch("events", { headers: { ...authorization(), ...(last ? { "Last-Event-ID": last } : {}) } });
      if (response.status === 401) {
        onState("signed out");
        if (!(await askForToken())) await new Promise((resume) => waiting.push(() => resume(undefined)));
        continue;
      }
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
      onState("live");
      if (first) onConnected();
      first = false;
      for await (const event of eventsOf(response.body)) {
        last = event.id || last;
        if (event.data) onEvent(event.kind, parseJson(event.data));
      }
    } catch {
      onState("connecting");
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{kind: string, data: string, id: string}>}
 */
async function* eventsOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = { kind: "message", data: "", id: "" };
      for (const line of block.split("\n")) {
        const colon = line.indexOf(": ");
        const [name, content] = [line.slice(0, colon), line.slice(colon + 2)];
        if (name === "event") event.kind = content;
        if (name === "data") event.data += content;
        if (name === "id") event.id = content;
      }
      yield event;
    }
  }
}

/**
 * Let the user save *data* as a file.
 *
 * @param {string} name
 * @param {any} data
 */
export function download(name, data) {
  saveAs(name, JSON.stringify(data, null, 2));
}
