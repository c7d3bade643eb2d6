// The control plane, as any other client calls it.

import { h, field, openDialog } from "./dom.js";

// Kept here and nowhere else: gone with the page.
let token = "";
/** @type {Promise<void> | null} */
let asking = null;

/**
 * Return the header that carries the admin token, if there is one.
 *
 * @returns {Record<string, string>}
 */
export function authorization() {
  return token ? bearer(token) : {};
}

/**
 * Return the header that carries a token as UTF-8. fetch() takes only characters up to U+00FF, and sends each as a byte.
 *
 * @param {string} text
 * @returns {Record<string, string>}
 */
function bearer(text) {
  return { Authorization: `Bearer ${String.fromCharCode(...new TextEncoder().encode(text))}` };
}

/** Ask for the admin token; several callers wait for one answer. */
function askForToken() {
  asking ??= new Promise((resolve) => {
    const input = h("input", { type: "password", required: true, autocomplete: "off", spellcheck: "false" });
    const dialog = openDialog(
      "Admin token",
      [field("Token", input, "This server was started with --admin-token. The page keeps it in memory only.")],
      "Sign in",
      async () => {
        const reply = await fetch("clock", { headers: bearer(input.value) });
        if (reply.status === 401) throw new Error("The server refuses this token.");
        token = input.value;
      },
    );
    dialog.addEventListener("close", () => {
      asking = null;
      resolve();
    });
    input.focus();
  });
  return asking;
}

/**
 * Call the control plane and return its reply as JSON; raises an Error with its sentence.
 *
 * @param {string} method
 * @param {string} path Below /_mock/.
 * @param {any} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  for (let tries = 0; ; tries++) {
    const used = token;
    const reply = await fetch(path, {
      method,
      headers: { ...authorization(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (reply.status === 401 && tries < 3) {
      if (used === token) await askForToken();
      continue;
    }
    const data = await reply.json();
    if (!reply.ok) throw new Error(data.detail || `HTTP ${reply.status}`);
    return data;
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
 * Read the events for ever, and come back after the last one when the connection ends.
 *
 * @param {(kind: string, data: any) => void} onEvent
 * @param {(state: "live" | "connecting" | "signed out") => void} onState
 * @param {() => void} onConnected Called when the first events can come.
 */
export async function listen(onEvent, onState, onConnected) {
  let last = "";
  for (let first = true; ; ) {
    try {
      const reply = await fetch("events", { headers: { ...authorization(), ...(last ? { "Last-Event-ID": last } : {}) } });
      if (reply.status === 401) {
        onState("signed out");
        await askForToken();
        continue;
      }
      if (!reply.ok || !reply.body) throw new Error(`HTTP ${reply.status}`);
      onState("live");
      if (first) onConnected();
      first = false;
      for await (const event of eventsOf(reply.body)) {
        last = event.id || last;
        if (event.data) onEvent(event.kind, JSON.parse(event.data));
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
 * Let the person save *data* as a file.
 *
 * @param {string} name
 * @param {any} data
 */
export function download(name, data) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
