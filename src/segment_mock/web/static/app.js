// The page: its panels, the events that they share, and its header.

import { askForToken, listen, post } from "./api.js";
import { fill, h, openDialog, toast } from "./dom.js";
import { callsPanel } from "./calls.js";
import { clockPanel } from "./clock.js";
import { faultsPanel } from "./faults.js";
import { recordsPanel } from "./records.js";
import { vendorsPanel } from "./vendors.js";

/** @typedef {import("./types.js").Panel} Panel */

/** @type {Record<string, Panel>} */
const panels = {
  calls: callsPanel(),
  records: recordsPanel(),
  faults: faultsPanel(),
  clock: clockPanel(),
  vendors: vendorsPanel(),
};
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const connection = /** @type {HTMLElement} */ (document.getElementById("connection"));
const signIn = /** @type {HTMLButtonElement} */ (document.getElementById("sign-in"));
const reset = /** @type {HTMLButtonElement} */ (document.getElementById("reset"));

for (const panel of Object.values(panels)) main.append(panel.element);

function showPanel() {
  const name = location.hash.slice(1).split("/")[0] ?? "";
  const currentPanel = name in panels ? name : "calls";
  for (const [own, panel] of Object.entries(panels)) panel.element.hidden = own !== currentPanel;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#${currentPanel}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  panels[currentPanel]?.show();
}

addEventListener("hashchange", showPanel);
signIn.addEventListener("click", () => askForToken());
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
reset.addEventListener("click", () =>
  openDialog(
    "Reset the mock?",
    [h("p", {}, "The records return to the initial data. Faults, journal, clock, snapshots and rate limits are cleared, and waiting calls are closed.")],
    "Reset",
    async () => {
      await post("reset");
      toast("The mock has been reset.");
    },
    { danger: true },
  ),
);

showPanel();
listen(
  (kind, data) => {
    for (const panel of Object.values(panels)) panel.event(kind, data);
  },
  (state) => {
    const wasSignedOut = connection.dataset["state"] === "signed out";
    connection.dataset["state"] = state;
    fill(connection, state);
    signIn.hidden = state !== "signed out";
    if (wasSignedOut && state === "live") showPanel();
  },
  () => {
    for (const panel of Object.values(panels)) panel.event("connected", {});
  },
);
