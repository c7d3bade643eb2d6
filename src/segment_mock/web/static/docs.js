// Shows the OpenAPI documents in Swagger UI, whose two scripts are loaded before this one.

import { authorization, get } from "./api.js";

const { SwaggerUIBundle, SwaggerUIStandalonePreset } = /** @type {any} */ (window);

const list = await get("docs/documents");
SwaggerUIBundle({
  dom_id: "#page",
  urls: list.documents,
  layout: "StandaloneLayout",
  validatorUrl: null,
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  // The control plane's own requests carry the admin token; those to a vendor's path carry what is entered for them.
  requestInterceptor(/** @type {{url: string, headers: Record<string, string>}} */ request) {
    if (new URL(request.url, location.href).pathname.startsWith("/_mock/")) Object.assign(request.headers, authorization());
    return request;
  },
});
