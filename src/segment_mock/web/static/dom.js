// Building elements: everything on the page is made here, as text and never as HTML.

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
 * Put *children* in the place of what *element* has.
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

/**
 * Open a dialog with *content*. Its buttons are *label* and Cancel; it stays open while *action* fails.
 *
 * @param {string} title
 * @param {Child[]} content
 * @param {string} label
 * @param {() => Promise<unknown>} action
 * @param {{danger?: boolean, wide?: boolean}} [options]
 */
export function openDialog(title, content, label, action, options = {}) {
  const heading = h("h2", { id: `dialog-${++counter}` }, title);
  const problem = h("p", { class: "problem", role: "alert" });
  /** @type {HTMLFormElement} */
  const form = h(
    "form",
    {
      method: "dialog",
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        try {
          await action();
          dialog.close();
        } catch (error) {
          fill(problem, error instanceof Error ? error.message : String(error));
        }
      },
    },
    heading,
    ...content,
    problem,
    h(
      "p",
      { class: "buttons" },
      button("Cancel", () => dialog.close()),
      h("button", { type: "submit", class: options.danger ? "danger" : "primary" }, label),
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

/**
 * Return *value* as indented JSON with its parts marked, or as plain text if it is text.
 *
 * @param {any} value
 * @param {string} label
 */
export function json(value, label) {
  const element = h("pre", { class: "json", tabindex: "0", role: "region", "aria-label": label });
  if (value === null || value === undefined) {
    fill(element, h("span", { class: "none" }, "no body"));
  } else if (typeof value === "string") {
    fill(element, value);
  } else {
    const text = JSON.stringify(value, null, 2);
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
 * Return a function that calls *action* at most once in so many milliseconds, the last time included.
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
 * Return a number and a word in the number that it has.
 *
 * @param {number} count
 * @param {string} word
 */
export function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
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
 * Return seconds as people write them.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${seconds.toFixed(seconds < 10 ? 2 : 0)} s`;
}
