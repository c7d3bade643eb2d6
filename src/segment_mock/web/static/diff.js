// The changes of records, member by member.

import { h } from "./dom.js";

/** @typedef {import("./types.js").Change} Change */

const LONGEST = 2000;

/**
 * Return *value* as text; of a long one the beginning.
 *
 * @param {any} value
 * @param {number} [longest]
 * @returns {string}
 */
export function short(value, longest = LONGEST) {
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;
}

/** @param {Change} change */
function kindOf(change) {
  return change.before === null ? "added" : change.after === null ? "removed" : "updated";
}

/** @param {Change} change */
function nameOf(change) {
  const row = change.after ?? change.before ?? {};
  const person = [row["firstName"], row["lastName"]].filter(Boolean).join(" ");
  return short(row["name"] || person || change.key, 80);
}

/**
 * Return one change as a heading and a table of the members that differ.
 *
 * @param {Change} change
 */
export function changeElement(change) {
  const kind = kindOf(change);
  const before = change.before ?? {};
  const after = change.after ?? {};
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const differing = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const table = change.vendor ? `${change.vendor}.${change.table}` : change.table;
  return h(
    "details",
    { class: `change ${kind}`, open: true },
    h("summary", {}, h("span", { class: `mark ${kind}` }, kind), ` ${table}: `, h("b", {}, nameOf(change))),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": kind === "updated" ? `Members of ${nameOf(change)} that differ` : `Members of ${nameOf(change)}, which was ${kind}` },
      h(
        "table",
        { class: "diff" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "member"),
            kind !== "added" && h("th", { scope: "col" }, "before"),
            kind !== "removed" && h("th", { scope: "col" }, "after"),
          ),
        ),
        h(
          "tbody",
          {},
          ...differing.map((name) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, name),
              kind !== "added" && h("td", { class: "before" }, name in before ? h("del", {}, short(before[name])) : ""),
              kind !== "removed" && h("td", { class: "after" }, name in after ? h("ins", {}, short(after[name])) : ""),
            ),
          ),
        ),
      ),
    ),
  );
}

/**
 * Return a list of changes, the first hundred.
 *
 * @param {Change[]} changes
 * @param {number} [total]
 */
export function changeList(changes, total = changes.length) {
  const visible = changes.slice(0, 100);
  const more = total - visible.length;
  return h("div", { class: "changes" }, ...visible.map(changeElement), more > 0 && h("p", {}, `and ${more} more`));
}
