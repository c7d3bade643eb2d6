// One call in detail.

import { get, post } from "./api.js";
import { changeList } from "./diff.js";
import { settingsOf } from "./faults.js";
import { outcomeOf, statusOf } from "./outcome.js";
import { attempt, button, duration, fill, h, json, openDialog, plural, toast } from "./dom.js";

/** @typedef {import("./types.js").Entry} Entry */

const ASSUMED = "x-segment-mock-assumed";

/** @param {string} text */
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const BODY_LIMIT = 64 * 1024; // of a body, by the journal

/**
 * Return whether the journal has only the beginning of the body of *message*.
 *
 * @param {import("./types.js").Message} message
 */
function isCut(message) {
  const size = typeof message.body === "string" ? new TextEncoder().encode(message.body).length : 0;
  const length = Object.entries(message.headers).find(([name]) => name.toLowerCase() === "content-length")?.[1];
  return size >= BODY_LIMIT && Number(length) !== size;
}

/**
 * Return a curl command that sends the call again. A body that the journal has cut has to be in a file `body`.
 *
 * @param {Entry} entry
 */
export function curl(entry) {
  const omitted = new Set(["host", "content-length", "connection", "accept-encoding", "user-agent"]);
  const headers = Object.entries(entry.request.headers).filter(([name]) => !omitted.has(name));
  const body = entry.request.body;
  // With --data, curl would read a body that begins with @ from a file; braces in a URL would be a pattern to it.
  const data = body === null ? [] : [isCut(entry.request) ? "  --data-binary @body" : `  --data-raw ${quote(typeof body === "string" ? body : JSON.stringify(body))}`];
  const method = entry.method === "HEAD" ? "--head" : `-X ${entry.method}`;
  return [
    `curl ${method} ${/[[\]{}]/.test(entry.path) ? "--globoff " : ""}${quote(location.origin + entry.path)}`,
    ...headers.map(([name, value]) => `  -H ${quote(value ? `${name}: ${value}` : `${name};`)}`),
    ...data,
  ].join(" \\\n");
}

/**
 * @param {string} title
 * @param {import("./types.js").Message} message
 */
function messageElement(title, message) {
  const headers = Object.entries(message.headers);
  return h(
    "section",
    { class: "message" },
    h("h4", {}, title),
    h(
      "details",
      {},
      h("summary", {}, plural(headers.length, "header")),
      h("dl", { class: "headers" }, ...headers.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    ),
    json(message.body, `Body of the ${title.toLowerCase()}`),
    isCut(message) && h("p", {}, h("small", {}, "The journal keeps the first 64 KiB of a body.")),
  );
}

/**
 * @param {string} name
 * @param {import("./dom.js").Child} value
 */
const fact = (name, value) => (value ? [h("dt", {}, name), h("dd", {}, value)] : []);

/**
 * Return a fault that struck, with its rule and the reason why it struck, if the rule is still known.
 *
 * @param {string} faultText The id of the rule and the kind of the fault.
 */
function faultElement(faultText) {
  const [id, kind] = [faultText.slice(0, faultText.indexOf(" ")), faultText.slice(faultText.indexOf(" ") + 1)];
  const about = h("small", {});
  get("faults?removed=true").then(
    (response) => {
      const rule = /** @type {import("./types.js").ArmedFault[]} */ (response.faults).find((one) => one.id === id);
      if (rule) fill(about, [settingsOf(rule), `on ${rule.operation}`, rule.why, rule.where && `armed by ${rule.where}`].filter(Boolean).join("; "));
    },
    () => {},
  );
  return h("div", {}, h("span", { class: "badge fault" }, `${kind}, rule ${id}`), about);
}

/**
 * @param {Entry} entry
 * @param {() => void} close
 */
export function detailElement(entry, close) {
  const headers = Object.fromEntries(Object.entries(entry.response.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const command = curl(entry);
  return h(
    "div",
    {},
    h(
      "div",
      { class: "title" },
      h("h3", { tabindex: "-1" }, `#${entry.id} ${entry.operation} `, h("span", { class: `badge ${outcomeOf(entry)}` }, statusOf(entry))),
      h(
        "p",
        { class: "buttons" },
        button("Copy as curl", () =>
          attempt(async () => {
            try {
              await navigator.clipboard.writeText(command);
              toast(`The command is on the clipboard. Put your credential in its place${isCut(entry.request) ? ", and the whole body into a file called body" : ""}.`);
            } catch {
              openDialog("curl", [h("pre", { tabindex: "0" }, command)], "Done", async () => {}, { wide: true });
            }
          }),
        ),
        button("Rewind to here", () => attempt(() => post(`journal/${entry.id}/rewind`), `The records are as they were after call ${entry.id}.`)),
        h("a", { class: "button", href: `#records/since/${entry.id}` }, "Changed since"),
        button("Close", close, { "aria-label": "Close the call" }),
      ),
    ),
    h("p", { class: "target" }, h("b", {}, entry.method), " ", h("bdi", {}, entry.path)),
    h(
      "dl",
      { class: "facts" },
      ...fact("time", `${entry.time}, took ${duration(entry.duration)}`),
      ...fact("by", `${entry.door}${entry.organization ? `, organization ${entry.organization}` : ""}`),
      ...fact("caller", entry.caller),
      ...fact("test", entry.test),
      ...fact("refusal", entry.refusal),
      ...fact("hint", entry.hint),
      ...fact("ignored fields", entry.unread.join(", ")),
      ...fact("assumed", headers[ASSUMED]),
      ...fact(
        "faults",
        entry.faults.length
          ? h("div", {}, ...entry.faults.map(faultElement))
          : "",
      ),
    ),
    h("div", { class: "messages" }, messageElement("Request", entry.request), messageElement("Response", entry.response)),
    h("h4", {}, entry.changes.length ? "Changed records" : "No record changed"),
    entry.changes.length > 0 && changeList(entry.changes),
  );
}
