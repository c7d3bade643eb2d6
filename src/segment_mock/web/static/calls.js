// The calls: a live list that renders only the visible rows, filters, the timeline, and one call in detail.

import { call, download, get } from "./api.js";
import { detailElement } from "./detail.js";
import { attempt, button, duration, field, fill, h, plural, select, setOptions, singular, throttled, timeOfDay } from "./dom.js";
import { outcomeOf, statusOf } from "./outcome.js";
import { timeline } from "./timeline.js";

/** @typedef {import("./types.js").Call} Call */
/** @typedef {import("./types.js").Entry} Entry */

const ROW_HEIGHT = 34; // as in style.css
const MOST = 5000;
const COLUMNS = ["#", "time", "vendor", "operation", "status", "took", "fault", "changes", "caller or test"];

/** @param {Call} entry */
function changesOf(entry) {
  const signs = /** @type {const} */ ([["added", "+"], ["updated", "~"], ["removed", "−"]]);
  return entry.changes
    .map((row) => {
      const kinds = signs.filter(([kind]) => row[kind]);
      const total = kinds.reduce((sum, [kind]) => sum + row[kind], 0);
      return `${kinds.map(([kind, sign]) => `${sign}${row[kind]}`).join(" ")} ${total === 1 ? singular(row.table) : row.table}`;
    })
    .join(", ");
}

/** @returns {import("./types.js").Panel} */
export function callsPanel() {
  /** @type {Map<number, Call>} */
  const calls = new Map();
  /** @type {Call[]} */
  let matching = [];
  let selected = 0;
  let requestedId = 0;
  let forgotten = 0;
  let omitted = 0;
  let loading = 0;
  /** @type {"loading" | "loaded" | "failed"} */
  let state = "loading";
  /** @type {Call[] | null} */
  let arrivals = null;

  const text = h("input", { type: "search", placeholder: "path, test, hint …" });
  const vendor = select([["", "all"]]);
  const operation = select([["", "all"]]);
  const status = select([["", "all"], ["good", "good (2xx)"], ["refused", "refused (4xx)"], ["failed", "failed or broken"], ["open", "open"]]);
  const fault = select([["", "all"], ["any", "any fault"], ["none", "no fault"]]);
  const filters = h(
    "form",
    { class: "filters", role: "search", "aria-label": "Filter the calls", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
    field("Text", text),
    field("Vendor", vendor),
    field("Operation", operation),
    field("Status", status),
    field("Fault", fault),
  );
  filters.addEventListener("input", () => draw());

  const count = h("p", { class: "count", role: "status" });
  const picture = h("div", { class: "timeline" });
  const head = h("div", { class: "row head", role: "row" }, ...COLUMNS.map((name) => h("span", { role: "columnheader" }, name)));
  const window_ = h("div", { class: "window", role: "rowgroup" });
  const body = h("div", { class: "body", role: "presentation" }, window_);
  const grid = h("div", { class: "grid", role: "grid", "aria-label": "Calls", tabindex: "0" }, h("div", { role: "rowgroup" }, head), body);
  const empty = h("div", { class: "empty", role: "status" });
  const detail = h("section", { class: "detail", "aria-label": "Call", hidden: true });
  const list = h("div", { class: "list" }, count, grid, empty);
  const toolbar = h(
    "p",
    { class: "buttons" },
    button("Save as HAR", () => attempt(async () => download("segment-mock.har", await get("journal.har")))),
    button("Clear", () => attempt(() => call("DELETE", "journal"), "The journal is empty.")),
  );
  const element = h(
    "section",
    { class: "panel calls", "aria-labelledby": "calls-title" },
    h("div", { class: "title" }, h("h2", { id: "calls-title" }, "Calls"), toolbar),
    filters,
    picture,
    h("div", { class: "split" }, list, detail),
  );

  /** @param {Call} entry */
  function fits(entry) {
    const words = text.value.trim().toLowerCase();
    const hasFaults = entry.faults.length > 0;
    return (
      (!vendor.value || entry.vendor === vendor.value) &&
      (!operation.value || entry.operation === operation.value) &&
      (!status.value || outcomeOf(entry) === status.value) &&
      (!fault.value || (fault.value === "any" ? hasFaults : fault.value === "none" ? !hasFaults : entry.faults.some((own) => own.endsWith(` ${fault.value}`)))) &&
      (!words ||
        [entry.id, entry.method, entry.path, entry.operation, entry.status, entry.outcome, entry.hint, entry.refusal, entry.caller, entry.test, entry.organization, ...entry.faults, ...entry.unread]
          .join(" ")
          .toLowerCase()
          .includes(words))
    );
  }

  function draw() {
    const all = [...calls.values()];
    setOptions(vendor, [["", "all"], ...new Set(all.map((entry) => entry.vendor))]);
    setOptions(operation, [["", "all"], ...[...new Set(all.map((entry) => entry.operation))].sort()]);
    const kinds = new Set(all.flatMap((entry) => entry.faults.map((own) => own.slice(own.indexOf(" ") + 1))));
    setOptions(fault, [["", "all"], ["any", "any fault"], ["none", "no fault"], ...kinds]);
    // Rows keep their place while the user reads, although new rows arrive above them.
    const top = Math.floor(grid.scrollTop / ROW_HEIGHT);
    const anchor = grid.scrollTop > 0 ? matching[top] : undefined;
    matching = all.filter(fits).sort((one, other) => other.id - one.id);
    const shift = anchor ? matching.findIndex((entry) => entry.id === anchor.id) - top : 0;
    const old = [omitted && `${plural(omitted, "older call")} not shown`, forgotten && `${plural(forgotten, "older call")} no longer in the journal`];
    fill(count, all.length ? [`${matching.length} of ${plural(all.length, "call")}`, ...old.filter(Boolean)].join("; ") : "");
    drawEmpty();
    empty.hidden = all.length > 0;
    grid.hidden = all.length === 0;
    picture.hidden = all.length === 0;
    grid.setAttribute("aria-rowcount", String(matching.length + 1));
    fill(picture, timeline(matching, selected, open, Math.max(200, picture.clientWidth - (matchMedia("(max-width: 640px)").matches ? 26 : 238))));
    body.style.height = `${matching.length * ROW_HEIGHT}px`;
    if (anchor && shift > 0) grid.scrollTop += shift * ROW_HEIGHT;
    drawRows();
  }

  function drawEmpty() {
    if (state === "loading") fill(empty, "Loading the calls …");
    else if (state === "failed") fill(empty, "The calls could not be read. ", button("Try again", () => attempt(load)));
    else fill(empty, "No call yet. Point a client at this server, or send an example from the Vendors panel.");
  }

  function drawRows() {
    body.style.height = `${matching.length * ROW_HEIGHT}px`;
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW_HEIGHT) - 5);
    const rows = matching.slice(first, first + Math.ceil(grid.clientHeight / ROW_HEIGHT) + 10);
    window_.style.transform = `translateY(${first * ROW_HEIGHT}px)`;
    fill(window_, ...rows.map((entry, index) => rowElement(entry, first + index)));
    if (rows.some((entry) => entry.id === selected)) grid.setAttribute("aria-activedescendant", `call-${selected}`);
    else grid.removeAttribute("aria-activedescendant");
  }

  /**
   * @param {Call} entry
   * @param {number} index
   */
  function rowElement(entry, index) {
    const cells = [
      String(entry.id),
      timeOfDay(entry.time),
      entry.vendor,
      entry.operation.slice(entry.operation.indexOf(".") + 1),
      h("span", { class: `badge ${outcomeOf(entry)}` }, statusOf(entry)),
      entry.outcome === "open" ? "…" : duration(entry.duration),
      entry.faults.map((own) => own.slice(own.indexOf(" ") + 1)).join(", "),
      changesOf(entry),
      entry.test || entry.caller,
    ];
    return h(
      "div",
      {
        class: "row",
        role: "row",
        id: `call-${entry.id}`,
        "aria-rowindex": index + 2,
        "aria-selected": entry.id === selected ? "true" : "false",
        onclick: () => open(entry.id),
      },
      ...cells.map((cell, column) => h("span", { role: "gridcell", "data-column": COLUMNS[column], title: typeof cell === "string" ? cell : false }, cell)),
    );
  }

  /** @param {number} id */
  async function open(id) {
    selected = requestedId = id;
    draw();
    await attempt(async () => {
      const entry = /** @type {Entry} */ (await get(`journal/${id}`));
      if (requestedId !== id) return;
      fill(detail, detailElement(entry, close));
      detail.hidden = false;
      element.classList.add("opened");
      detail.querySelector("h3")?.focus();
    });
  }

  function close() {
    detail.hidden = true;
    requestedId = 0;
    element.classList.remove("opened");
    drawRows();
    grid.focus();
  }

  grid.addEventListener("scroll", drawRows);
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Enter" && selected) return void open(selected);
    if (event.key === "Escape" && !detail.hidden) return close();
    if (step === undefined || !matching.length) return;
    event.preventDefault();
    const at = matching.findIndex((entry) => entry.id === selected);
    const index = Math.min(matching.length - 1, Math.max(0, at < 0 && step !== Infinity ? 0 : at + step));
    selected = matching[index]?.id ?? 0;
    const top = index * ROW_HEIGHT;
    if (top < grid.scrollTop) grid.scrollTop = top;
    if (top > grid.scrollTop + grid.clientHeight - 3 * ROW_HEIGHT) grid.scrollTop = top - grid.clientHeight + 3 * ROW_HEIGHT;
    drawRows();
  });
  detail.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  addEventListener("resize", throttled(drawRows, 100));

  /** @param {Call} entry */
  function add(entry) {
    calls.set(entry.id, entry);
    for (const id of calls.keys()) {
      if (calls.size <= MOST) break;
      calls.delete(id);
      omitted += 1;
    }
  }

  async function load() {
    const number = ++loading;
    arrivals ??= [];
    if (state === "failed") state = "loading";
    drawEmpty();
    let response;
    try {
      response = await get("journal/summary");
    } catch (error) {
      if (number === loading && state === "loading") state = "failed";
      drawEmpty();
      throw error;
    }
    if (number !== loading) return;
    state = "loaded";
    calls.clear();
    omitted = 0;
    forgotten = response.forgotten;
    for (const entry of response.calls) add(entry);
    // Events that arrived meanwhile may be newer than the response.
    for (const entry of arrivals ?? []) if ((calls.get(entry.id)?.outcome ?? "open") === "open") add(entry);
    arrivals = null;
    draw();
  }

  const drawSoon = throttled(draw, 200);
  return {
    element,
    show: draw,
    event(kind, data) {
      if (kind === "entry") {
        arrivals?.push(data);
        add(data);
        if (data.id === requestedId && data.outcome !== "open") open(data.id);
        else if (!element.hidden) drawSoon();
      } else if (kind === "connected" || kind === "lost") {
        attempt(load);
      } else if (kind === "reset") {
        loading += 1; // a response that is on its way is older
        state = "loaded";
        arrivals = null;
        calls.clear();
        omitted = forgotten = 0;
        if (!detail.hidden) close();
        drawSoon();
      }
    },
  };
}
