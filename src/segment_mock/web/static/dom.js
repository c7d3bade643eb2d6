// Helpers that create the elements of the page, always from text and never from HTML.

/** @typedef {Node | string | number | false | null | undefined} Child */

/**
 * Return a new element; a property that begins with "on" is an event handler, all others are attributes.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  fill(element, ...children);
  return element;
}

/**
 * Replace the children of *element* with *children*.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  const nodes = children.flat().filter((child) => child !== false && child !== null && child !== undefined);
  element.replaceChildren(...nodes.map((node) => (node instanceof Node ? node : String(node))));
}

/**
 * Return a new SVG element.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Child} children
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  fill(element, ...children);
  return element;
}

/**
 * Return a button.
 *
 * @param {string} label
 * @param {() => unknown} action
 * @param {Record<string, any>} [properties]
 */
export function button(label, action, properties = {}) {
  return h("button", { type: "button", onclick: () => action(), ...properties }, label);
}

let counter = 0;

/**
 * Return a labelled form control.
 *
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [help]
 */
export function field(label, control, help = "") {
  control.id ||= `field-${++counter}`;
  const note = help && h("small", { id: `${control.id}-help` }, help);
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

/**
 * Return a select element.
 *
 * @param {(string | [string, string])[]} options Values, or values and labels.
 * @param {Record<string, any>} [properties]
 */
export function select(options, properties = {}) {
  const element = h("select", properties);
  setOptions(element, options);
  return element;
}

/**
 * Replace the options of a select element, and keep its value if it still has it.
 *
 * @param {HTMLSelectElement} element
 * @param {(string | [string, string])[]} options
 */
export function setOptions(element, options) {
  const value = element.value;
  const rows = options.map((option) => (typeof option === "string" ? [option, option] : option));
  const before = [...element.options].map((option) => [option.value, option.text]);
  // An open list would close if its options were replaced by the same ones.
  if (JSON.stringify(before) === JSON.stringify(rows)) return;
  fill(element, ...rows.map(([own, label]) => h("option", { value: own }, label)));
  if (rows.some(([own]) => own === value)) element.value = value;
}

/**
 * Show a sentence for a few seconds.
 *
 * @param {string} sentence
 * @param {"done" | "problem"} [kind]
 */
export function toast(sentence, kind = "done") {
  const place = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  const element = h("p", { class: kind }, sentence);
  place.append(element);
  setTimeout(() => element.remove(), kind === "problem" ? 12000 : 4000);
}

/**
 * Do something that may fail, and show why it did.
 *
 * @param {() => Promise<unknown>} action
 * @param {string} [done] What to say once it is done.
 * @returns {Promise<boolean>} Whether it was done.
 */
export async function attempt(action, done = "") {
  try {
    await action();
    if (done) toast(done);
    return true;
  } catch (error) {
    toast(error instanceof Error ? error.message : String(error), "problem");
    return false;
  }
}

export const STAY_OPEN = Symbol("stay open");

/**
 * Open a dialog with *content*. Its buttons are *label* and Cancel; it stays open if *action* fails or returns STAY_OPEN.
 *
 * @param {string} title
 * @param {Child[]} content
 * @param {string} label
 * @param {() => Promise<unknown>} action
 * @param {{danger?: boolean, wide?: boolean, cancel?: string}} [options]
 */
export function openDialog(title, content, label, action, options = {}) {
  const heading = h("h2", { id: `dialog-${++counter}` }, title);
  const problem = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit", class: options.danger ? "danger" : "primary" }, label);
  /** @type {HTMLFormElement} */
  const form = h(
    "form",
    {
      method: "dialog",
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (submit.disabled) return;
        submit.disabled = true; // until it is done, so that nothing is sent twice
        fill(problem);
        try {
          if ((await action()) !== STAY_OPEN) dialog.close();
        } catch (error) {
          fill(problem, error instanceof Error ? error.message : String(error));
        } finally {
          submit.disabled = false;
        }
      },
    },
    heading,
    ...content,
    problem,
    h(
      "p",
      { class: "buttons" },
      button(options.cancel ?? "Cancel", () => dialog.close()),
      submit,
    ),
  );
  /** @type {HTMLDialogElement} */
  const dialog = h(
    "dialog",
    { "aria-labelledby": heading.id, class: options.wide ? "wide" : false, onclose: () => dialog.remove() },
    form,
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const LONGEST = 50_000;

/**
 * Return *value* as indented JSON with its parts marked, or as plain text if it is text; of a long one the beginning.
 *
 * @param {any} value
 * @param {string} label
 */
export function json(value, label) {
  const text = typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value, null, 2);
  const element = preformatted(typeof value === "string" || !text ? value : undefined, text.slice(0, LONGEST), label);
  if (text.length <= LONGEST) return element;
  const name = `${label.toLowerCase().replaceAll(" ", "-")}.${typeof value === "string" ? "txt" : "json"}`;
  return h(
    "div",
    {},
    element,
    h("p", { class: "buttons" }, `The first ${plural(LONGEST, "character")} of ${text.length}.`, button("Save the body", () => saveAs(name, text), { "aria-label": `Save the ${label.toLowerCase()}` })),
  );
}

/**
 * @param {any} value The text, if it is text.
 * @param {string} text
 * @param {string} label
 */
function preformatted(value, text, label) {
  const element = h("pre", { class: "json", tabindex: "0", role: "region", "aria-label": label });
  if (!text) {
    fill(element, h("span", { class: "none" }, value === "" ? "empty body" : "no body"));
  } else if (typeof value === "string") {
    fill(element, text);
  } else {
    const parts = text.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/);
    fill(
      element,
      ...parts.map((part, index) => {
        if (index % 2 === 0) return part;
        const kind = part.endsWith(":") ? "key" : part.startsWith('"') ? "text" : "value";
        return h("span", { class: kind }, part);
      }),
    );
  }
  return element;
}

/**
 * Let the user save *text* as a file.
 *
 * @param {string} name
 * @param {string} text
 */
export function saveAs(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: name.endsWith(".json") ? "application/json" : "text/plain" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * Return a function that calls *action* at most once in the given milliseconds, and always for the last call.
 *
 * @param {() => unknown} action
 * @param {number} milliseconds
 */
export function throttled(action, milliseconds) {
  let timer = 0;
  let last = -Infinity;
  return () => {
    if (timer) return;
    timer = window.setTimeout(
      () => {
        timer = 0;
        last = performance.now();
        action();
      },
      Math.max(0, last + milliseconds - performance.now()),
    );
  };
}

/**
 * Return a number with its noun, in the singular or the plural.
 *
 * @param {number} count
 * @param {string} word In the singular.
 */
export function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/**
 * Return the name of a table for one record: "segment" of "segments".
 *
 * @param {string} table
 */
export function singular(table) {
  if (table.endsWith("ies")) return `${table.slice(0, -3)}y`;
  if (/(ss|x|ch|sh|zz)es$/.test(table)) return table.slice(0, -2);
  return /[^s]s$/.test(table) ? table.slice(0, -1) : table;
}

/**
 * Return the time of day of an ISO 8601 text.
 *
 * @param {string} time
 */
export function timeOfDay(time) {
  return time.slice(11, 23);
}

/**
 * Return seconds in a readable form.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;
}
