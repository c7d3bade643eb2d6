// The records: tables page by page, one record with what belongs to it, edits, and what has changed since.

import { call, download, get, parseJson, post } from "./api.js";
import { changeList, short } from "./diff.js";
import { attempt, button, field, fill, h, openDialog, plural, select, setOptions, throttled, toast } from "./dom.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Organization} Organization */

const PAGE = 50;
const FIRST = ["name", "firstName", "lastName", "type", "email", "externalSystemId", "externalId", "segmentId", "supporterId", "id"];

/**
 * Return the names of the columns of *records*: what identifies them first, at most eight.
 *
 * @param {Row[]} records
 */
function columnsOf(records) {
  const names = new Set(records.flatMap(Object.keys));
  return [...FIRST.filter((name) => names.has(name)), ...[...names].filter((name) => !FIRST.includes(name))].slice(0, 8);
}

/** @param {Row} record */
function titleOf(record) {
  const person = [record["firstName"], record["lastName"]].filter(Boolean).join(" ");
  return short(record["name"] || person || Object.values(record)[0] || "record", 80);
}

/**
 * @param {string} table
 * @param {Row} record
 */
function idOf(table, record) {
  const own = record["id"] ?? record[`${table.replace(/s$/, "")}Id`];
  return typeof own === "string" ? own : "";
}

/**
 * Return *text* as JSON; raises an Error that begins with *place*.
 *
 * @param {string} text
 * @param {string} [place]
 */
function readJson(text, place = "") {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Error(`${place}this is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** @returns {import("./types.js").Panel} */
export function recordsPanel() {
  let place = { vendor: "", table: "" };
  let offset = 0;
  let total = 0;
  let matching = 0;
  /** @type {Row | null} */
  let openRecord = null;
  let loading = 0;

  const organization = select([["", "the first one"]]);
  const search = h("input", { type: "search", placeholder: "any value" });
  const tables = h("div", { class: "tables", role: "group", "aria-label": "Table" });
  const count = h("p", { class: "count", role: "status" });
  const sheet = h("div", { class: "scroll sheet", tabindex: "0", role: "region", "aria-label": "Table of records" }, h("p", { class: "empty" }, "Loading the records …"));
  const detail = h("section", { class: "detail", "aria-label": "Record", hidden: true });
  const previous = button("Previous", () => turn(-PAGE));
  const next = button("Next", () => turn(PAGE));
  const since = select([["", "choose a call or a snapshot"]]);
  const changes = h("div", {});
  const file = h("input", { type: "file", accept: ".json,application/json", "aria-label": "File of records to import", hidden: true });

  /** @param {Record<string, string | number>} [more] */
  const query = (more = {}) => new URLSearchParams(Object.entries({ organization: organization.value, ...more }).map(([name, value]) => [name, String(value)]));
  const address = () => `records/${place.vendor}/${place.table}`;

  /** @param {number} by */
  function turn(by) {
    offset = Math.max(0, offset + by);
    attempt(loadPage);
  }

  async function loadPage() {
    const number = ++loading;
    const response = await get(`${address()}?${query({ search: search.value, offset, limit: PAGE })}`);
    if (number !== loading) return;
    if (!response.records.length && offset > 0) {
      offset = Math.max(0, Math.floor((response.matching - 1) / PAGE) * PAGE);
      return loadPage();
    }
    ({ total, matching } = response);
    const records = /** @type {Row[]} */ (response.records);
    const columns = columnsOf(records);
    const last = Math.min(offset + PAGE, matching);
    fill(count, matching ? `${offset + 1} to ${last} of ${matching}${matching < total ? `; ${total} in all` : ""}` : total ? `None of ${plural(total, "record")} matches.` : "This table has no record.");
    previous.disabled = offset === 0;
    next.disabled = last >= matching;
    fill(
      sheet,
      records.length > 0 &&
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, ...records.map((record) => rowElement(record, columns))),
        ),
    );
  }

  /**
   * @param {Row} record
   * @param {string[]} columns
   */
  function rowElement(record, columns) {
    const cells = columns.map((name, index) => {
      const text = short(record[name]);
      return index === 0
        ? h("th", { scope: "row" }, button(text || "open", () => open(record), { class: "link" }))
        : h("td", { title: text.length > 40 ? text : false }, text);
    });
    return h("tr", { "data-opened": JSON.stringify(record) === JSON.stringify(openRecord) }, ...cells);
  }

  /** @param {Row} record */
  async function open(record) {
    openRecord = record;
    const id = idOf(place.table, record);
    const related = h("div", {});
    fill(
      detail,
      h(
        "div",
        { class: "title" },
        h("h3", { tabindex: "-1" }, titleOf(record)),
        h("p", { class: "buttons" }, button("Edit", () => edit(record)), button("Delete", () => remove(record), { class: "danger" }), button("Close", close, { "aria-label": "Close the record" })),
      ),
      h("dl", { class: "facts" }, ...Object.entries(record).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, short(value))])),
      related,
    );
    detail.hidden = false;
    element.classList.add("opened");
    detail.querySelector("h3")?.focus();
    if (!id) return;
    await attempt(async () => {
      const response = await get(`related/${place.vendor}/${place.table}?${query({ key: id })}`);
      if (openRecord !== record) return;
      fill(
        related,
        .../** @type {{table: string, records: Row[]}[]} */ (response.related).flatMap((group) => [
          h("h4", {}, `${group.table} (${group.records.length})`),
          h(
            "ul",
            { class: "related" },
            ...group.records.slice(0, 200).map((row) => h("li", {}, button(titleOf(row), () => goTo(group.table, row), { class: "link" }), " ", h("small", {}, idOf(group.table, row)))),
          ),
        ]),
        response.related.length === 0 && h("p", { class: "empty" }, "Nothing belongs to this record."),
      );
    });
  }

  /**
   * @param {string} table
   * @param {Row} record
   */
  async function goTo(table, record) {
    place = { vendor: place.vendor, table };
    search.value = idOf(table, record);
    offset = 0;
    await attempt(load);
    await open(record);
  }

  function close() {
    openRecord = null;
    detail.hidden = true;
    element.classList.remove("opened");
    sheet.focus();
  }

  /**
   * Open the editor; *record* null adds one.
   *
   * @param {Row | null} record
   */
  function edit(record) {
    const example = place.table === "members" ? { segment: "id or name of a group", supporters: ["id or e-mail of a supporter"] } : { name: "" };
    const text = h("textarea", { rows: "16", spellcheck: "false" }, JSON.stringify(record ?? example, null, 2));
    openDialog(
      record ? `Edit ${titleOf(record)}` : `Add to ${place.vendor}.${place.table}`,
      [field("Record", text, record ? "JSON, with the names of the vendor's API." : "JSON, in the form of a data file. Without an id, it gets a new one.")],
      record ? "Save" : "Add",
      async () => {
        const after = readJson(text.value);
        await post(`${address()}?${query()}`, { before: record, after });
        toast(record ? "The record is saved." : "The record is added.");
        if (record) close();
        await load();
      },
      { wide: true },
    );
    text.focus();
  }

  /** @param {Row} record */
  function remove(record) {
    openDialog(
      `Delete ${titleOf(record)}?`,
      [h("p", {}, "Records that refer to it, such as memberships, are deleted too.")],
      "Delete",
      async () => {
        await post(`${address()}?${query()}`, { before: record, after: null });
        close();
        await load();
      },
      { danger: true },
    );
  }

  async function loadChanges() {
    if (!since.value) return fill(changes);
    const [kind, ...rest] = since.value.split("/");
    const where = kind === "snapshot" ? "snapshots" : "journal";
    const response = await get(`${where}/${encodeURIComponent(rest.join("/"))}/changes`);
    const tables = /** @type {[string, import("./types.js").Change[]][]} */ (Object.entries(response.changes));
    const rows = tables.flatMap(([name, own]) => own.map((row) => ({ ...row, vendor: name.slice(0, name.indexOf(".")) })));
    fill(
      changes,
      rows.length > 0 ? changeList(rows) : h("p", { class: "empty" }, "No record has changed since."),
    );
  }

  async function load() {
    const [organizationList, snapshotList, calls] = await Promise.all([get("organizations"), get("snapshots"), get("journal/summary?limit=50")]);
    const organizations = /** @type {Organization[]} */ (organizationList.organizations);
    setOptions(organization, organizations.map((one) => [one.name, one.name || "the first one"]));
    const own = organizations.find((one) => one.name === organization.value) ?? organizations[0];
    const rows = own?.tables ?? [];
    if (!rows.some((row) => row.vendor === place.vendor && row.table === place.table)) {
      place = { vendor: rows[0]?.vendor ?? "", table: rows[0]?.table ?? "" };
    }
    fill(
      tables,
      ...rows.map((row) =>
        button(
          `${row.vendor}.${row.table} (${row.records})`,
          () => {
            place = { vendor: row.vendor, table: row.table };
            offset = 0;
            search.value = "";
            if (!detail.hidden) close();
            attempt(load);
          },
          { "aria-pressed": row.vendor === place.vendor && row.table === place.table ? "true" : "false" },
        ),
      ),
    );
    const snapshots = /** @type {{name: string}[]} */ (snapshotList.snapshots);
    const entries = /** @type {import("./types.js").Call[]} */ (calls.calls).filter((entry) => entry.outcome !== "open").reverse();
    const hashMatch = location.hash.match(/^#records\/(since|snapshot)\/(.+)$/);
    const selection = hashMatch ? `${hashMatch[1] === "since" ? "entry" : "snapshot"}/${decodeURIComponent(hashMatch[2] ?? "")}` : since.value;
    /** @type {[string, string][]} */
    const options = [
      ["", "choose a call or a snapshot"],
      .../** @type {[string, string][]} */ (snapshots.map((one) => [`snapshot/${one.name}`, `snapshot ${one.name}`])),
      .../** @type {[string, string][]} */ (entries.map((entry) => [`entry/${entry.id}`, `call ${entry.id}, ${entry.operation}`])),
    ];
    if (selection && !options.some(([value]) => value === selection)) options.push([selection, selection.replace("entry/", "call ").replace("snapshot/", "snapshot ")]);
    setOptions(since, options);
    if (hashMatch) {
      since.value = selection;
      history.replaceState(null, "", "#records");
    }
    await Promise.all([loadPage(), loadChanges()]);
    if (hashMatch) changes.parentElement?.scrollIntoView();
  }

  file.addEventListener("change", () =>
    attempt(async () => {
      const upload = file.files?.[0];
      if (!upload) return;
      const text = await upload.text();
      file.value = ""; // so that the same file can be chosen again
      await call("PUT", `state?${query()}`, readJson(text, `${upload.name}: `));
      await load();
      toast(`${upload.name} is imported.`);
    }),
  );
  search.addEventListener("input", throttled(() => { offset = 0; attempt(loadPage); }, 200));
  organization.addEventListener("change", () => { offset = 0; attempt(load); });
  since.addEventListener("change", () => attempt(loadChanges));
  detail.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });

  const element = h(
    "section",
    { class: "panel records", "aria-labelledby": "records-title" },
    h(
      "div",
      { class: "title" },
      h("h2", { id: "records-title" }, "Records"),
      h(
        "p",
        { class: "buttons" },
        button("Add", () => edit(null), { class: "primary" }),
        button("Import", () => file.click()),
        button("Export", () => attempt(async () => download("segment-mock-state.json", await get(`state?${query({ deleted: "true" })}`)))),
        file,
      ),
    ),
    h("div", { class: "filters" }, field("Organization", organization), field("Search", search)),
    tables,
    h("div", { class: "split" }, h("div", { class: "list" }, h("div", { class: "pager" }, count, h("span", { class: "buttons" }, previous, next)), sheet), detail),
    h("section", { class: "card since", "aria-labelledby": "since-title" }, h("h3", { id: "since-title" }, "What has changed"), field("Since", since), changes),
  );
  const loadSoon = throttled(() => attempt(load), 400);
  return {
    element,
    show: loadSoon,
    event(kind) {
      if (!element.hidden && ["change", "reset", "lost"].includes(kind)) loadSoon();
    },
  };
}
