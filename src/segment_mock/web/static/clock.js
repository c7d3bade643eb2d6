// The clock, and snapshots of the records.

import { get, post } from "./api.js";
import { attempt, button, field, fill, h, throttled } from "./dom.js";

/** @typedef {import("./types.js").Clock} Clock */

const STEPS = /** @type {const} */ ([["+1 s", 1], ["+1 min", 60], ["+1 h", 3600], ["+1 day", 86400]]);

/** @returns {import("./types.js").Panel} */
export function clockPanel() {
  /** @type {Clock | null} */
  let clock = null;
  let received = performance.now();

  const timeElement = h("time", { class: "face" }, "Loading …");
  const badge = h("span", { class: "badge" });
  const time = h("input", { type: "text", placeholder: "2026-01-01T00:00:00Z", required: true, spellcheck: "false" });
  const seconds = h("input", { type: "number", min: "0", step: "any", value: "60", required: true });
  const name = h("input", { type: "text", required: true, placeholder: "before the sync", pattern: "(?!\\.{1,2}$)[^\\/]+", title: "any text without a slash, but not . or .." });
  const snapshots = h("ul", { class: "snapshots" }, h("li", { class: "empty" }, "Loading the snapshots …"));
  const toggle = button("Freeze", () => change({ freeze: !clock?.frozen }));

  /** @param {any} body */
  const change = (body) => attempt(async () => receive(await post("clock", body)));

  /** @param {Clock} data */
  function receive(data) {
    clock = data;
    received = performance.now();
    tick();
  }

  function tick() {
    if (!clock) return;
    const elapsed = clock.frozen ? 0 : performance.now() - received;
    const now = new Date(Date.parse(clock.now) + elapsed);
    const text = Number.isNaN(now.getTime()) ? clock.now : now.toISOString();
    const visibleText = clock.frozen ? text : text.slice(0, 19) + "Z";
    if (timeElement.textContent !== visibleText) {
      fill(timeElement, visibleText);
      timeElement.dateTime = text;
    }
    const state = clock.frozen ? "frozen" : "running";
    if (badge.textContent === state) return;
    fill(badge, state);
    badge.className = `badge ${clock.frozen ? "open" : "good"}`;
    fill(toggle, clock.frozen ? "Let it run" : "Freeze");
  }

  async function load() {
    receive(await get("clock"));
    /** @type {{snapshots: {name: string}[]}} */
    const rows = await get("snapshots");
    fill(
      snapshots,
      ...rows.snapshots.map((row) =>
        h(
          "li",
          {},
          h("b", {}, row.name),
          h(
            "span",
            { class: "buttons" },
            button("Restore", () => attempt(() => post(`snapshots/${encodeURIComponent(row.name)}/restore`), `The records are those of the snapshot “${row.name}”.`), { "aria-label": `Restore ${row.name}` }),
            h("a", { class: "button", href: `#records/snapshot/${encodeURIComponent(row.name)}`, "aria-label": `Changed since ${row.name}` }, "Changed since"),
          ),
        ),
      ),
      rows.snapshots.length === 0 && h("li", { class: "empty" }, "There is no snapshot yet."),
    );
  }

  /** @param {() => Promise<unknown>} action */
  const submit = (action) => (/** @type {Event} */ event) => {
    event.preventDefault();
    attempt(action);
  };

  const element = h(
    "section",
    { class: "panel clock", "aria-labelledby": "clock-title" },
    h("h2", { id: "clock-title" }, "Clock and snapshots"),
    h(
      "div",
      { class: "cards" },
      h(
        "section",
        { class: "card", "aria-labelledby": "clock-card" },
        h("h3", { id: "clock-card" }, "Clock"),
        h("p", { class: "now" }, timeElement, " ", badge),
        h("p", { class: "buttons" }, toggle, ...STEPS.map(([label, by]) => button(label, () => change({ advance: by }), { "aria-label": `Advance by ${label.slice(1)}` }))),
        h("form", { class: "inline", onsubmit: submit(async () => change({ set: time.value })) }, field("Set to", time, "ISO 8601, UTC without a zone."), h("button", { type: "submit" }, "Set")),
        h("form", { class: "inline", onsubmit: submit(async () => change({ advance: Number(seconds.value) })) }, field("Advance by seconds", seconds), h("button", { type: "submit" }, "Advance")),
      ),
      h(
        "section",
        { class: "card", "aria-labelledby": "snapshot-card" },
        h("h3", { id: "snapshot-card" }, "Snapshots"),
        h(
          "form",
          {
            class: "inline",
            onsubmit: submit(async () => {
              await post(`snapshots/${encodeURIComponent(name.value)}`);
              name.value = "";
              await load();
            }),
          },
          field("Name", name, "Keeps all records as they are now."),
          h("button", { type: "submit", class: "primary" }, "Take"),
        ),
        snapshots,
      ),
    ),
  );

  setInterval(() => {
    if (!element.hidden) tick();
  }, 250);
  const loadSoon = throttled(() => attempt(load), 500);
  return {
    element,
    show: loadSoon,
    event(kind, data) {
      if (kind === "clock") receive(data);
      if (!element.hidden && (kind === "reset" || kind === "lost")) loadSoon();
    },
  };
}
