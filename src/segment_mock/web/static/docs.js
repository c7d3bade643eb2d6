// Shows the OpenAPI documents in Swagger UI, whose two scripts are loaded before this one.

const { SwaggerUIBundle, SwaggerUIStandalonePreset } = /** @type {any} */ (window);

const reply = await fetch("docs/documents");
SwaggerUIBundle({
  dom_id: "#page",
  urls: (await reply.json()).documents,
  layout: "StandaloneLayout",
  validatorUrl: null,
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
});

export {};
