// The faults: forms from the kinds' own declarations, scenarios, and the armed rules with their counters.

import { call, get, post } from "./api.js";
import { short } from "./diff.js";
import { attempt, button, field, fill, h, select, setOptions, throttled } from "./dom.js";

/** @typedef {import("./types.js").Setting} Setting */
/** @typedef {import("./types.js").FaultKind} FaultKind */
/** @typedef {import("./types.js").ArmedFault} ArmedFault */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

const JSON_TYPES = ["text or an object", "a dictionary of names and values", "an index from 0, or a list of them", "a fraction from 0.0 up to 1, or a number of bytes", "'reused' or a number of calls"];
const COUNTERS = new Set(["id", "kind", "operation", "when", "seen", "matched", "fired", "suppressed", "why", "armed", "where", "since", "until"]);

/**
 * Return the settings and conditions of a rule as text.
 *
 * @param {ArmedFault} rule
 */
export function settingsOf(rule) {
  const own = Object.entries(rule).filter(([name]) => !COUNTERS.has(name));
  return [...own, ...Object.entries(rule.when)].map(([name, value]) => `${name}: ${short(value)}`).join(", ");
}

/**
 * Return a form control for *setting*.
 *
 * @param {Setting} setting
 * @returns {Control}
 */
function control(setting) {
  const initial = setting.default === null || setting.default === undefined ? "" : setting.default;
  if (setting.choices.length) {
    const element = select(setting.choices);
    if (initial) element.value = initial;
    return element;
  }
  if (setting.type === "true or false") return h("input", { type: "checkbox", checked: Boolean(initial) });
  if (setting.type === "a whole number" || setting.type === "a number") {
    const step = setting.type === "a number" ? "any" : "1";
    return h("input", { type: "number", step, min: setting.min, max: setting.max, placeholder: initial });
  }
  return h("input", { type: "text", placeholder: typeof initial === "object" ? JSON.stringify(initial) : initial, spellcheck: "false" });
}

/**
 * Return the value in *element*, undefined if it is the default.
 *
 * @param {Setting} setting
 * @param {Control} element
 */
function valueOf(setting, element) {
  if (element instanceof HTMLInputElement && element.type === "checkbox") return element.checked === Boolean(setting.default) ? undefined : element.checked;
  const text = element.value.trim();
  if (!text || text === setting.default) return undefined;
  if (element instanceof HTMLInputElement && element.type === "number") return Number(text);
  if (!JSON_TYPES.includes(setting.type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @returns {import("./types.js").Panel} */
export function faultsPanel() {
  /** @type {FaultKind[]} */
  let kinds = [];
  /** @type {Setting[]} */
  let conditions = [];
  /** @type {Map<string, Control>} */
  const settings = new Map();
  /** @type {Map<string, Control>} */
  const when = new Map();

  const kind = select([]);
  const operation = select(["*"]);
  const about = h("p", { class: "about" });
  const fields = h("div", { class: "fields" });
  const whenFields = h("div", { class: "fields" });
  const scenarios = h("ul", { class: "scenarios" });
  const armed = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Armed faults" }, h("p", { class: "empty" }, "Loading the faults …"));

  function drawForm() {
    const own = kinds.find((one) => one.name === kind.value);
    if (!own) return;
    fill(about, own.about.replaceAll(/[*`]+(.*?)[*`]+/g, "“$1”"));
    settings.clear();
    for (const setting of own.settings) settings.set(setting.name, control(setting));
    fill(fields, ...own.settings.map((setting) => field(setting.name, /** @type {Control} */ (settings.get(setting.name)), setting.help)));
    const vendors = [...new Set(own.operations.map((name) => name.slice(0, name.indexOf("."))))];
    setOptions(operation, [["*", "every call"], .../** @type {[string, string][]} */ (vendors.map((name) => [`${name}.*`, `every call of ${name}`])), ...own.operations]);
  }
  kind.addEventListener("change", drawForm);

  async function arm() {
    const own = kinds.find((one) => one.name === kind.value);
    /** @type {Record<string, any>} */
    const rule = { kind: kind.value, operation: operation.value, when: {} };
    for (const setting of own?.settings ?? []) {
      const value = valueOf(setting, /** @type {Control} */ (settings.get(setting.name)));
      if (value !== undefined) rule[setting.name] = value;
    }
    for (const setting of conditions) {
      const value = valueOf(setting, /** @type {Control} */ (when.get(setting.name)));
      if (value !== undefined) rule["when"][setting.name] = value;
    }
    await post("faults", rule);
    await loadArmed();
  }

  /** @param {ArmedFault} rule */
  function ruleRow(rule) {
    const settings = settingsOf(rule);
    const label = `Remove fault ${rule.id}`;
    return h(
      "tr",
      {},
      h("td", {}, rule.id),
      h("th", { scope: "row" }, rule.kind, h("small", {}, `on ${rule.operation === "*" ? "every call" : rule.operation}`), settings && h("small", {}, settings), rule.where && h("small", {}, `armed by ${rule.where}`)),
      h("td", { class: "number" }, rule.matched),
      h("td", { class: "number" }, h("span", { class: rule.fired ? "badge fault" : "" }, rule.fired)),
      h("td", {}, rule.why),
      h("td", {}, button("Remove", () => attempt(async () => { await call("DELETE", `faults/${rule.id}`); await loadArmed(); }), { "aria-label": label })),
    );
  }

  async function loadArmed() {
    /** @type {{faults: ArmedFault[]}} */
    const response = await get("faults");
    const visible = response.faults.slice(0, 200);
    fill(
      armed,
      response.faults.length === 0
        ? h("p", { class: "empty" }, "Nothing is armed: every call is answered as the vendor would answer it.")
        : h(
            "table",
            {},
            h("thead", {}, h("tr", {}, ...["id", "fault", "matched", "fired", "why"].map((name) => h("th", { scope: "col" }, name)), h("td", {}))),
            h("tbody", {}, ...visible.map(ruleRow)),
          ),
      response.faults.length > visible.length && h("p", {}, `and ${response.faults.length - visible.length} more`),
    );
  }

  async function load() {
    if (!kinds.length) {
      const response = await get("fault-kinds");
      kinds = response.kinds;
      conditions = response.conditions;
      setOptions(kind, kinds.map((one) => one.name));
      for (const setting of conditions) when.set(setting.name, control(setting));
      fill(whenFields, ...conditions.map((setting) => field(setting.name, /** @type {Control} */ (when.get(setting.name)), setting.help)));
      drawForm();
      const catalogue = await get("scenarios");
      fill(
        scenarios,
        .../** @type {import("./types.js").Scenario[]} */ (catalogue.scenarios).map((one) =>
          h(
            "li",
            {},
            button(one.name, () => attempt(async () => { await post("faults", one.faults); await loadArmed(); }, `${one.name} is armed.`), { "aria-label": `Arm ${one.name}` }),
            h("span", {}, one.about),
          ),
        ),
      );
    }
    await loadArmed();
  }

  const form = h(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        attempt(arm, "The fault is armed.");
      },
    },
    field("Kind", kind),
    about,
    field("Strikes", operation),
    fields,
    h("details", {}, h("summary", {}, "When it strikes"), whenFields),
    h("p", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, "Arm")),
  );
  const element = h(
    "section",
    { class: "panel faults", "aria-labelledby": "faults-title" },
    h("h2", { id: "faults-title" }, "Faults"),
    h(
      "section",
      { class: "card", "aria-labelledby": "armed-title" },
      h(
        "div",
        { class: "title" },
        h("h3", { id: "armed-title" }, "Armed"),
        button("Remove all", () => attempt(async () => { await call("DELETE", "faults"); await loadArmed(); }, "No fault is armed.")),
      ),
      armed,
    ),
    h(
      "div",
      { class: "cards" },
      h("section", { class: "card", "aria-labelledby": "arm-title" }, h("h3", { id: "arm-title" }, "Arm a fault"), form),
      h("section", { class: "card", "aria-labelledby": "scenarios-title" }, h("h3", { id: "scenarios-title" }, "Scenarios"), scenarios),
    ),
  );

  const loadSoon = throttled(() => attempt(load), 300);
  return {
    element,
    show: loadSoon,
    event(name) {
      if (!element.hidden && (name === "fault" || name === "reset" || name === "lost")) loadSoon();
    },
  };
}
