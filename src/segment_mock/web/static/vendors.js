// The vendors: operations with their provenance, assumptions, and examples to send from here.

import { bytesOf, get, parseJson, send } from "./api.js";
import { attempt, button, field, fill, h, json, openDialog, plural, STAY_OPEN } from "./dom.js";

/** @typedef {import("./types.js").Vendor} Vendor */
/** @typedef {import("./types.js").Example} Example */

/** @param {string} word */
const markBadge = (word) => h("span", { class: `badge word-${word}` }, word);

/**
 * Open a dialog that sends *example*, as it is or changed, and shows the response.
 *
 * @param {Example} example
 * @param {Vendor} vendor
 */
function openExample(example, vendor) {
  const { method, path, body } = example.request;
  const key = h("input", { type: "text", value: "any", spellcheck: "false" });
  const text = h("textarea", { rows: "12", spellcheck: "false" }, typeof body === "string" ? body : JSON.stringify(body, null, 2) ?? "");
  const response = h("div", { class: "response", role: "status" });
  openDialog(
    example.title,
    [
      h("p", {}, h("b", {}, method), " ", path, " ", markBadge(example.mark), h("small", {}, example.source)),
      vendor.key_header ? field(vendor.key_header, key, "The credential. Any text will do, unless the server accepts only those that it lists.") : null,
      field("Body", text),
      response,
    ],
    "Send",
    async () => {
      const httpResponse = await send(path, {
        method,
        headers: { "Content-Type": "application/json", ...(vendor.key_header ? { [vendor.key_header]: bytesOf(key.value) } : {}) },
        ...(text.value && method !== "GET" ? { body: text.value } : {}),
      });
      const responseText = await httpResponse.text();
      let value = /** @type {any} */ (responseText || null);
      try {
        value = parseJson(responseText);
      } catch {
        // It is not JSON, so it is shown as it is.
      }
      fill(response, h("h3", {}, `HTTP ${httpResponse.status}`), json(value, "Body of the response"));
      return STAY_OPEN; // it can be sent again
    },
    { wide: true, cancel: "Close" },
  );
}

/** @returns {import("./types.js").Panel} */
export function vendorsPanel() {
  const content = h("div", {});
  const element = h(
    "section",
    { class: "panel vendors", "aria-labelledby": "vendors-title" },
    h("div", { class: "title" }, h("h2", { id: "vendors-title" }, "Vendors"), h("a", { class: "button", href: "docs" }, "OpenAPI documents")),
    content,
  );
  let isLoaded = false;

  /**
   * @param {Vendor} vendor
   * @param {Example[]} examples
   */
  function vendorElement(vendor, examples) {
    const own = examples.filter((example) => example.operation.startsWith(`${vendor.name}.`));
    return h(
      "section",
      { class: "card", "aria-labelledby": `vendor-${vendor.name}` },
      h("h3", { id: `vendor-${vendor.name}` }, vendor.title),
      h("p", {}, `Hosts: ${vendor.hosts.join(", ")}. Credential: ${vendor.key_header ? `header ${vendor.key_header}` : "none"}.`),
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `Operations of ${vendor.title}` },
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ...["operation", "request", "source", "examples to send"].map((name) => h("th", { scope: "col" }, name)))),
          h(
            "tbody",
            {},
            ...vendor.operations.map((row) =>
              h(
                "tr",
                {},
                h("th", { scope: "row" }, row.name.slice(row.name.indexOf(".") + 1), h("small", {}, row.summary.replaceAll("``", ""))),
                h("td", {}, h("code", {}, `${row.method} ${row.path}`)),
                h("td", {}, markBadge(row.mark), h("small", {}, row.source)),
                h(
                  "td",
                  {},
                  h(
                    "details",
                    {},
                    h("summary", {}, plural(own.filter((one) => one.operation === row.name).length, "example")),
                    h(
                      "ul",
                      { class: "examples" },
                      ...own
                        .filter((one) => one.operation === row.name)
                        .map((one) => h("li", {}, button(one.name.slice(one.name.indexOf("/") + 1), () => openExample(one, vendor), { title: one.title }), h("small", {}, one.title))),
                    ),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
      vendor.assumptions.length > 0 &&
        h(
          "details",
          {},
          h("summary", {}, `${plural(vendor.assumptions.length, "rule")} that no source states`),
          h(
            "dl",
            { class: "facts" },
            ...vendor.assumptions.flatMap((row) => [h("dt", {}, row.name), h("dd", {}, row.rule, " ", h("b", {}, row.choice), row.setting ? h("small", {}, `changed by ${row.setting}`) : null)]),
          ),
        ),
    );
  }

  function show() {
    if (isLoaded) return;
    isLoaded = true;
    fill(content, h("p", { class: "empty" }, "Loading the vendors …"));
    attempt(async () => {
      const [vendorList, exampleList] = await Promise.all([get("vendors"), get("examples")]);
      fill(content, ...vendorList.vendors.map((/** @type {Vendor} */ vendor) => vendorElement(vendor, exampleList.examples)));
    }).then((done) => {
      isLoaded = done;
      if (!done) fill(content, h("p", { class: "empty" }, "The vendors could not be read. ", button("Try again", show)));
    });
  }
  return { element, show, event() {} };
}
