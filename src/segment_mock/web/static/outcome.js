// The outcome of a call.

/**
 * Return the status of a call in a word or two.
 *
 * @param {{status: number | null, outcome: string}} entry
 */
export function statusOf(entry) {
  if (entry.outcome === "answered") return String(entry.status);
  return entry.status === null ? entry.outcome : `${entry.status} ${entry.outcome}`;
}

/**
 * Return the outcome of a call: good, refused, failed or open.
 *
 * @param {{status: number | null, outcome: string}} entry
 */
export function outcomeOf(entry) {
  if (entry.outcome === "open") return "open";
  if (entry.outcome !== "answered" || entry.status === null || entry.status >= 500) return "failed";
  return entry.status >= 400 ? "refused" : "good";
}
