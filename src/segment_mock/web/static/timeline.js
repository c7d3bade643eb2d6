// A picture of calls: a lane for each operation, a bar for each call, retries joined. Idle time is cut short.

import { duration, h, plural, svg } from "./dom.js";
import { outcomeOf, statusOf } from "./outcome.js";

/** @typedef {import("./types.js").Call} Call */

const MOST = 200;
const LANE = 22;
const LANES = 8;
const MIN_BAR = 5;

/**
 * Return a function from a time in seconds to a place from 0 to 1, in which time without a call takes little room.
 *
 * @param {{start: number, end: number}[]} spans
 * @returns {(time: number) => number}
 */
export function scale(spans) {
  const points = [...new Set(spans.flatMap((span) => [span.start, span.end]))].sort((one, other) => one - other);
  const busy = points.slice(1).map((end, index) => {
    const start = points[index] ?? end;
    return spans.some((span) => span.start <= start && span.end >= end) ? end - start : 0;
  });
  const active = busy.reduce((sum, length) => sum + length, 0);
  // Short times are stretched, so that many quick calls beside a slow one can be distinguished.
  const shortest = active > 0 ? active / (2 * points.length) : 1;
  const places = new Map([[points[0] ?? 0, 0]]);
  let at = 0;
  points.slice(1).forEach((end, index) => {
    const start = points[index] ?? end;
    at += Math.max(shortest, busy[index] ?? 0, Math.min(end - start, 2 * shortest));
    places.set(end, at);
  });
  return (time) => (places.get(time) ?? 0) / (at || 1);
}

/**
 * Return pairs of calls of which the second repeats the first, which failed.
 *
 * @param {Call[]} calls Oldest first.
 * @returns {[Call, Call][]}
 */
export function retries(calls) {
  /** @type {Map<string, Call>} */
  const last = new Map();
  /** @type {[Call, Call][]} */
  const pairs = [];
  for (const call of calls) {
    const key = `${call.operation} ${call.method} ${call.fingerprint}`;
    const before = last.get(key);
    if (before && (outcomeOf(before) === "failed" || before.status === 429)) pairs.push([before, call]);
    last.set(key, call);
  }
  return pairs;
}

/**
 * @param {Call[]} matching Newest first.
 * @param {number} selected
 * @param {(id: number) => void} open
 * @param {number} width Pixels that there are for the bars.
 */
export function timeline(matching, selected, open, width) {
  const calls = matching.slice(0, MOST).reverse();
  const names = [...new Set(calls.map((call) => call.operation))];
  const lanes = names.slice(0, LANES);
  const spans = calls.map((call) => {
    const start = Date.parse(call.time) / 1000;
    return { start, end: start + Math.max(call.duration, 0) };
  });
  const span = new Map(calls.map((call, index) => [call.id, spans[index] ?? { start: 0, end: 0 }]));
  const flat = new Set(spans.map((one) => one.start)).size < 2 && spans.every((one) => one.end === one.start);
  const place = scale(spans);
  const order = new Map(calls.map((call, index) => [call.id, index / Math.max(1, calls.length)]));
  const usableWidth = width - MIN_BAR - 4;
  /** @param {Call} call */
  const startX = (call) => 2 + usableWidth * (flat ? (order.get(call.id) ?? 0) : place(span.get(call.id)?.start ?? 0));
  /** @param {Call} call */
  const endX = (call) => (flat ? startX(call) + MIN_BAR : Math.max(startX(call) + MIN_BAR, 2 + usableWidth * place(span.get(call.id)?.end ?? 0)));
  /** @param {Call} call */
  const middle = (call) => lanes.indexOf(call.operation) * LANE + LANE / 2;
  const laneCalls = calls.filter((call) => lanes.includes(call.operation));
  const height = Math.max(1, lanes.length) * LANE;

  const picture = svg(
    "svg",
    { width, height, role: "img", "aria-label": `Timeline of ${plural(calls.length, "call")} in ${plural(names.length, "lane")}; the list below has the same` },
    ...lanes.map((_, index) => svg("line", { class: "lane", x1: 0, x2: width, y1: index * LANE + LANE / 2, y2: index * LANE + LANE / 2 })),
    ...retries(laneCalls).map(([one, other]) =>
      svg("path", {
        class: "retry",
        d: `M ${endX(one)} ${middle(one)} C ${endX(one) + 12} ${middle(one) - 12}, ${startX(other) - 12} ${middle(other) - 12}, ${startX(other)} ${middle(other)}`,
      }),
    ),
    ...laneCalls.map((call) => {
      const bar = svg(
        "rect",
        {
          class: `bar ${outcomeOf(call)}${call.faults.length ? " struck" : ""}${call.id === selected ? " selected" : ""}`,
          x: startX(call),
          y: middle(call) - 7,
          width: endX(call) - startX(call),
          height: 14,
          rx: 2,
        },
        svg("title", {}, `#${call.id} ${call.operation}: ${statusOf(call)}, ${duration(call.duration)}${call.faults.length ? `, ${call.faults.join(", ")}` : ""}`),
      );
      bar.addEventListener("click", () => open(call.id));
      return bar;
    }),
  );
  const seconds = spans.length ? Math.max(...spans.map((one) => one.end)) - Math.min(...spans.map((one) => one.start)) : 0;
  const hidden = names.length - lanes.length;
  return h(
    "figure",
    {},
    h("div", { class: "lanes", "aria-hidden": "true" }, ...lanes.map((name) => h("span", { title: name }, name))),
    h("div", { class: "picture" }, picture),
    h(
      "figcaption",
      {},
      `The newest: ${plural(calls.length, "call")}, ${flat ? "in order, since the clock is frozen." : `${duration(seconds)}. Idle time is shortened, and short calls are drawn longer.`}`,
      hidden > 0 && ` ${plural(hidden, "more operation")} only in the list.`,
      h("span", { class: "legend" }, ...["good", "refused", "failed", "open"].map((kind) => h("span", { class: kind }, kind)), h("span", { class: "struck" }, "fault"), h("span", { class: "joined" }, "retry")),
    ),
  );
}
